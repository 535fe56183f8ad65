"""Container images without containers: an image's source folder, and a virtual environment in its stead.

The ECR repository of an image carries the tags ``modelyard:source`` (the S3 URI of the zipped source folder) and
``modelyard:tag`` (the image tag that was built from it). Any other image is known once somebody registers a folder
for it with ``modelyard local image URI FOLDER``.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from modelyard.local.sagemaker.context import Context
from modelyard.local.sagemaker.jobs.environments import (
    InstallError,
    Progress,
    beside,
    cache_dir,
    locked,
    prepare_environment,
)

__all__ = ["Image", "ImageError", "prepare_image", "register_image", "registered_images"]

SOURCE_TAG = "modelyard:source"
TAG_TAG = "modelyard:tag"

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

    Takes up to minutes the first time, and says in ``progress`` what it does, line by line. Makes calls to ECR and S3,
    so it must not be called while an operation is answered. Raises ``ImageError``.
    """
    folder = _registered_folder(context.service.state_dir, uri) or _source_folder(context, uri, progress)
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


def _source_folder(context: Context, uri: str, progress: Progress) -> Path:
    remembered = context.table("images")
    with context.service.lock:
        known = dict(remembered.get(uri) or {})
    source = known.get("Source") or _source_of(context, uri)
    digest = known.get("Digest")
    folder = cache_dir() / "images" / digest if digest else None
    if folder is None or not folder.is_dir():
        progress(f"fetching the source of image {uri} from {source}")
        archive = _download(context, uri, source)
        digest = hashlib.sha256(archive).hexdigest()[:32]
        folder = cache_dir() / "images" / digest
        _unpack(archive, folder)
        with context.service.lock:
            remembered[uri] = {"Source": source, "Digest": digest}
    return folder


def _source_of(context: Context, uri: str) -> str:
    match = _ECR.fullmatch(uri)
    if match is None:
        raise ImageError(f"Image {uri} is not in ECR; {_remedy(uri)}")
    arn = f"arn:aws:ecr:{match['region']}:{match['account']}:repository/{match['repository']}"
    client = context.service.emulator.client("ecr", match["account"], match["region"])
    try:
        tags = {tag["Key"]: tag["Value"] for tag in client.list_tags_for_resource(resourceArn=arn)["tags"]}
    except ClientError as error:
        reason = error.response["Error"].get("Message") or error.response["Error"]["Code"]
        raise ImageError(f"Image {uri} is not known to the local AWS: {reason}; {_remedy(uri)}") from None
    if SOURCE_TAG not in tags:
        raise ImageError(f"The repository of image {uri} has no tag {SOURCE_TAG}; {_remedy(uri)}")
    if tags.get(TAG_TAG) != match["tag"]:
        raise ImageError(
            f"Image {uri} is not known to the local AWS: its repository now holds the tag '{tags.get(TAG_TAG)}'; "
            f"{_remedy(uri)}"
        )
    return str(tags[SOURCE_TAG])


def _remedy(uri: str) -> str:
    return f"register the folder it is built from with: modelyard local image {uri} FOLDER"


def _download(context: Context, uri: str, source: str) -> bytes:
    bucket, _, key = source.removeprefix("s3://").partition("/")
    try:
        return bytes(context.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise ImageError(f"The source {source} of image {uri} cannot be read ({code}); {_remedy(uri)}") from None


def _unpack(archive: bytes, folder: Path) -> None:
    with locked(folder):
        if folder.is_dir():
            return
        with tempfile.TemporaryFile(dir=folder.parent) as file:
            file.write(archive)
            with beside(folder) as made, zipfile.ZipFile(file) as opened:
                for info in opened.infolist():
                    path = Path(opened.extract(info, made))
                    # zipfile drops what makes `train` and `serve` programs.
                    if not info.is_dir() and info.external_attr >> 16 & 0o111:
                        path.chmod(0o755)
