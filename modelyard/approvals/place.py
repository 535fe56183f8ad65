"""Which stage and project a command means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from modelyard import names
from modelyard.approvals.errors import ApprovalError
from modelyard.settings import Settings, load_settings
from modelyard.settings.errors import nearest

__all__ = ["Place", "find_place", "split_name"]

SETTINGS_FILE = Path("platform.yaml")


@dataclass(frozen=True)
class Place:
    """A stage. Without `region` and `account`, the session's own are taken."""

    stage: str
    region: str | None = None
    account: str | None = None


def find_place(stage: str = "", settings_file: Path = SETTINGS_FILE) -> Place:
    """The stage of that name; by default the only stage of the settings.

    Raises:
        ApprovalError: no stage is named and the settings do not tell, or the settings have no stage of that name.
        SettingsError: the settings are wrong.
    """
    if not settings_file.exists():
        if stage:
            return Place(stage)
        raise ApprovalError(
            f"--stage is missing, and there is no {settings_file} here that tells it; write --stage NAME, "
            f"or run in the folder of {settings_file}"
        )
    return _of_settings(load_settings(settings_file), stage, settings_file)


def split_name(name: str, stage: str = "") -> tuple[str, str]:
    """Project and stage of a project's name or of an endpoint's name, which says the stage itself.

    Raises:
        ApprovalError: `stage` is another one than the endpoint's name says.
    """
    # A stage's name has no hyphen: settings.schema.StageName.
    found = re.fullmatch(rf"{names.PREFIX}-([a-z][a-z0-9]*)-(.+)", name)
    if not found:
        return name, stage
    if stage and stage != found[1]:
        raise ApprovalError(f"--stage {stage}: endpoint {name} is in stage {found[1]}; leave --stage out")
    return found[2], found[1]


def _of_settings(settings: Settings, name: str, file: Path) -> Place:
    stages = {stage.name: stage for stage in settings.stages}
    if not name and len(stages) > 1:
        raise ApprovalError(f"--stage is missing, and {file} has {len(stages)}: {', '.join(stages)}; name one")
    stage = stages.get(name or next(iter(stages)))
    if stage is None:
        near = nearest(name, stages)
        raise ApprovalError(f"stage {name!r}: {file} has no such stage; it has: {', '.join(stages)}{near}")
    return Place(stage.name, stage.region, stage.account)
