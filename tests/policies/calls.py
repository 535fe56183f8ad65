"""The calls that a local AWS has recorded (`modelyard local up --record-calls`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Call", "read_calls"]


@dataclass(frozen=True)
class Call:
    """One action that IAM would have judged, and what became of the call."""

    time: float
    principal: str
    """The ARN of the user, or of the role's session."""
    role: str
    """The ARN of the role; the user's where it was none."""
    account: str
    region: str
    action: str
    resources: Sequence[str]
    status: int
    error: str


def read_calls(file: Path, role: str = "") -> list[Call]:
    """The calls in ``file``, the oldest first; those of ``role`` alone where it is given."""
    calls = [Call(**json.loads(line)) for line in file.read_text().splitlines()]
    return [call for call in calls if role in ("", call.role)]
