"""A new repository: what is in it, and how it is written."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from modelyard import __version__
from modelyard.settings.allowed import allowed
from modelyard.settings.errors import nearest
from modelyard.settings.schema import PlatformFile
from modelyard.starter.errors import StarterError

__all__ = ["TEMPLATES", "Choices", "write_repository"]

TEMPLATES = ("abalone",)

HERE = Path(__file__).parent
PIPELINE_DEFS = HERE.parent / "pipeline_defs"
# What a folder may hold that a repository is written to.
REPOSITORY = {".git"}


@dataclass(frozen=True)
class Choices:
    """What a new repository is to hold.

    Args:
        template: one of `TEMPLATES`, the example that the pipeline begins as.
        project: name of the ML project.
        account: AWS account of the stage `dev`.
        region: AWS region of the stage `dev`.

    Raises:
        StarterError: there is no such template, or `platform.yaml` may not hold one of the values.
    """

    template: str
    project: str
    account: str
    region: str

    def __post_init__(self) -> None:
        if self.template not in TEMPLATES:
            problem = f"received {self.template}; allowed: {', '.join(TEMPLATES)}{nearest(self.template, TEMPLATES)}"
            raise StarterError(f"--template: {problem}")
        stages = {"dev": {"account": self.account, "region": self.region}}
        try:
            PlatformFile.model_validate({"stages": stages, "projects": {self.project: {"pipeline": self.folder}}})
        except ValidationError as error:
            raise StarterError(_message(error)) from None

    @property
    def folder(self) -> str:
        """The name of the pipeline's folder."""
        return self.project.replace("-", "_")

    def fill(self, text: str) -> str:
        """`text` with the values in the place of `@NAME@`."""
        values = {
            "@PROJECT@": self.project,
            "@FOLDER@": self.folder,
            "@ACCOUNT@": self.account,
            "@REGION@": self.region,
            "@VERSION@": __version__,
        }
        return re.sub("|".join(values), lambda match: values[match[0]], text)


def write_repository(folder: Path, choices: Choices) -> None:
    """Write the repository, whole or not at all.

    Raises:
        StarterError: there is something in `folder` already, or nothing that it could be made in.
    """
    target = folder.resolve()
    if not target.parent.is_dir():
        raise StarterError(f"{folder}: there is no folder {target.parent}; make it first")
    if target.exists() and not target.is_dir():
        raise StarterError(f"{folder}: is a file; name a folder that is new or empty")
    found = sorted(path.name for path in target.iterdir() if path.name not in REPOSITORY) if target.is_dir() else []
    if found:
        raise StarterError(f"{folder}: holds {found[0]} already; name a folder that is new or empty")
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        _fill(aside, choices)
        aside.chmod(0o755)
        _move(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _fill(folder: Path, choices: Choices) -> None:
    for source in (HERE / "common", HERE / choices.template):
        for path in _files(source):
            parts = [re.sub(r"^dot-", ".", part) for part in path.relative_to(source).parts]
            _write(folder.joinpath(*parts[:-1], parts[-1].removesuffix(".in")), choices.fill(path.read_text()))
    source = PIPELINE_DEFS / choices.template
    for path in _files(source):
        text = path.read_text()
        if path.name == "pipeline.py":
            # The template's name is that of its data's folder, of its outputs' and of its jobs.
            text = re.sub(rf"\b{choices.template}\b", choices.project, text)
        _write(folder / "pipelines" / choices.folder / path.relative_to(source), text)


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _move(source: Path, target: Path) -> None:
    """Make `source` the folder `target`, or its content that of the empty one that is there."""
    if not target.exists():
        source.rename(target)
        return
    entries = sorted(source.iterdir())
    try:
        for entry in entries:
            entry.rename(target / entry.name)
    except BaseException:
        for entry in entries:
            # It was empty: what is there now was moved.
            if not entry.exists():
                (target / entry.name).rename(entry)
        raise


def _message(error: ValidationError) -> str:
    """The first of the errors, by the option that it is of."""
    detail = error.errors(include_url=False)[0]
    option = detail["loc"][-1] if detail["loc"][:1] == ("stages",) else "project"
    if detail["type"] == "rule":
        return f"--{option}: {detail['ctx']['message']}"
    return f"--{option}: received {detail['input']}; allowed: {allowed(PlatformFile, detail['loc'])}"
