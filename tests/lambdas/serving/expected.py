"""An independent model of what must serve: who was approved last, of those that still are and that work."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Expected:
    """Reviews as they happened, and what the hook has been told of them. Times are seconds of the history."""

    bad: set[int]  # versions that never come up
    happened: dict[int, tuple[float, bool]] = field(default_factory=dict)
    told: dict[int, list[tuple[float, bool]]] = field(default_factory=dict)
    pinned: int | None = None

    def review(self, version: int, approved: bool, at: float) -> None:
        self.happened[version] = (at, approved)

    def tell(self, version: int, approved: bool, at: float) -> None:
        self.told.setdefault(version, []).append((at, approved))

    def compare(self) -> None:
        """A heartbeat: whatever of the last review differs from what was told is told now."""
        for version, (at, approved) in self.happened.items():
            if self._last(version)[1] != approved:
                self.tell(version, approved, at)

    @property
    def answer(self) -> int | None:
        """The version that must serve, None if none may: then whatever served goes on."""
        able = {version for version, (_, approved) in self.happened.items() if approved} - self.bad
        order = sorted((self._last(version)[0], version) for version in able if self._last(version)[1])
        left = [version for _, version in order if self.pinned in (None, version)]
        return left[-1] if left else None

    def _last(self, version: int) -> tuple[float, bool]:
        return max(self.told.get(version, []), default=(0.0, False))
