"""Container images without containers: an image's source folder, and a virtual environment in its stead.

An image that a build pushed is known by its manifest in ECR, which names the folder (``modelyard.local.docker``). Any
other image is known once somebody registers a folder for it with ``modelyard local image URI FOLDER``.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from modelyard.local.docker.store import context_folder, context_of
from modelyard.local.sagemaker.context import Context
from modelyard.local.sagemaker.jobs.environments import InstallError, Progress, locked, prepare_environment

__all__ = ["Image", "ImageError", "prepare_image", "register_image", "registered_images"]

_REGISTERED = "images.json"
_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[^:@]+)"
    r"(:(?P<tag>[^@]+))?(@(?P<digest>sha256:[0-9a-f]+))?"
)


class ImageError(Exception):
    """An image that cannot be resolved, or whose environment cannot be made; the message says the remedy."""


@dataclass(frozen=True)
class Image:
    """An image that is ready to run: its source ``folder`` and its virtual ``environment``."""

    uri: str
    folder: Path
    environment: Path

    @property
    def path(self) -> str:
        """The ``PATH`` of the image's processes: its own programs, its environment's, the system's."""
        return f"{self.folder}:{self.environment}/bin:/usr/bin:/bin"


def prepare_image(context: Context, uri: str, progress: Progress = lambda line: None) -> Image:
    """Make the image ``uri`` ready to run, or find that it is.

    Takes up to minutes the first time, and says in ``progress`` what it does, line by line. Makes a call to ECR,
    so it must not be called while an operation is answered. Raises ``ImageError``.
    """
    folder = _registered_folder(context.service.state_dir, uri) or _pushed_folder(context, uri)
    try:
        return Image(uri, folder, prepare_environment(folder, progress))
    except InstallError as error:
        raise ImageError(f"The environment of image {uri} cannot be made from its requirements.txt: {error}") from None


def register_image(state_dir: Path, uri: str, folder: Path) -> None:
    """Let ``folder`` stand for the image ``uri`` in the local AWS that keeps its state in ``state_dir``.

    A ``uri`` without a tag stands for every tag of its repository. A running server sees it at the next job, and the
    folder as it is then. Raises ``ImageError`` when ``folder`` is not a folder.
    """
    if not folder.is_dir():
        raise ImageError(f"{folder} is not a folder: give the folder that holds the image's Dockerfile")
    state_dir.mkdir(parents=True, exist_ok=True)
    path = state_dir / _REGISTERED
    with locked(path):
        known = {**registered_images(state_dir), uri: str(folder.resolve())}
        with tempfile.NamedTemporaryFile("w", dir=state_dir, delete=False) as file:
            json.dump(known, file, indent=2, sort_keys=True)
        Path(file.name).replace(path)


def registered_images(state_dir: Path) -> dict[str, str]:
    """The registered image URIs and their folders."""
    try:
        return json.loads((state_dir / _REGISTERED).read_text())  # type: ignore[no-any-return]
    except FileNotFoundError:
        return {}


def _registered_folder(state_dir: Path, uri: str) -> Path | None:
    known = registered_images(state_dir)
    repository = uri.partition("@")[0]
    if ":" in repository.rpartition("/")[2]:
        repository = repository.rpartition(":")[0]
    folder = known.get(uri) or known.get(repository)
    if folder is None:
        return None
    if not Path(folder).is_dir():
        raise ImageError(f"The folder {folder} registered for image {uri} is gone; {_remedy(uri)}")
    return Path(folder)


def _pushed_folder(context: Context, uri: str) -> Path:
    match = _ECR.fullmatch(uri)
    if match is None:
        raise ImageError(f"Image {uri} is not in ECR; {_remedy(uri)}")
    wanted = {"imageDigest": match["digest"]} if match["digest"] else {"imageTag": match["tag"] or "latest"}
    client = context.service.emulator.client("ecr", match["account"], match["region"])
    try:
        answer = client.batch_get_image(repositoryName=match["repository"], imageIds=[wanted])
        manifest = answer["images"][0]["imageManifest"] if answer["images"] else None
        reason = "" if manifest else answer["failures"][0]["failureReason"]
    except ClientError as error:
        manifest, reason = None, error.response["Error"].get("Message") or error.response["Error"]["Code"]
    if manifest is None:
        raise ImageError(f"Image {uri} is not known to the local AWS: {reason}; {_remedy(uri)}")
    try:
        folder = context_folder(context.service.state_dir, context_of(manifest))
    except (ValueError, KeyError, TypeError):
        folder = None
    if folder is None or not folder.is_dir():
        raise ImageError(f"Image {uri} was not built by the local AWS, and its layers cannot be run; {_remedy(uri)}")
    return folder


def _remedy(uri: str) -> str:
    return f"register the folder it is built from with: modelyard local image {uri} FOLDER"
