"""The old side of a rolling deployment: terminated batch by batch, and launched again when it is rolled back."""

from __future__ import annotations

import math

from modelyard.local.sagemaker.hosting.fleet import Fleet

__all__ = ["OldFleet"]


class OldFleet:
    """A fleet that had ``share`` of the traffic, with as many instances of each variant, when the deployment began."""

    def __init__(self, fleet: Fleet, share: float) -> None:
        self.fleet = fleet
        self.share = share
        self._full = {plan.name: plan.instances for plan in fleet.plans}

    @property
    def missing(self) -> bool:
        """Whether it has fewer instances than it had."""
        return self._counts() != self._full

    @property
    def restored(self) -> float:
        """How much of it is there, 0 to 1."""
        counts = self._counts()
        return min((counts[name] / full for name, full in self._full.items() if full), default=1.0)

    def shrink(self, share: float) -> None:
        """Keep ``share`` of its instances, rounded up; the others end when they have answered."""
        self.fleet.scale({name: math.ceil(full * share - 1e-9) for name, full in self._full.items()}, {})

    def grow(self, share: float) -> None:
        """Launch ``share`` of its instances, one at least; raises ``LaunchFailed``, with nothing changed."""
        counts = self._counts()
        batches = {name: max(1, math.floor(full * share + 1e-9)) for name, full in self._full.items()}
        self.fleet.scale({name: min(full, counts[name] + batches[name]) for name, full in self._full.items()}, {})

    def _counts(self) -> dict[str, int]:
        return {plan.name: plan.instances for plan in self.fleet.plans}
