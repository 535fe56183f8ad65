"""An independent model of what reviewers want."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Review:
    """Reviewers at work: it keeps the one list that matters, the order of last approvals."""

    order: list[int] = field(default_factory=list)
    withdrawn: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)

    def do(self, verb: str, version: int) -> None:
        if verb == "approve":
            self.order = [*(item for item in self.order if item != version), version]
            self.withdrawn.discard(version)
            self.failed.discard(version)
        elif verb == "reject":
            self.withdrawn.add(version)
        elif version in self.order and version not in self.withdrawn:
            self.failed.add(version)

    @property
    def answer(self) -> int | None:
        left = [item for item in self.order if item not in self.withdrawn | self.failed]
        return left[-1] if left else None
