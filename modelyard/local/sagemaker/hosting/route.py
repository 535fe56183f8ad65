"""Which fleets share the requests of an endpoint."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from modelyard.local.sagemaker.hosting.fleet import Fleet

__all__ = ["Route", "Share"]

Share = tuple[Fleet, float]


class Route:
    """Splits requests among fleets by their shares, which add up to 1. Safe to use from several threads.

    The split is not random: each fleet earns its share with every request, and the one that has earned most serves. So
    of any n requests in a row a fleet gets its share to within one request, and a canary of 10 % sees every tenth.
    """

    def __init__(self, shares: Sequence[Share]) -> None:
        self._lock = threading.Lock()
        self._shares = list(shares)
        self._earned: dict[Fleet, float] = {}

    @property
    def shares(self) -> list[Share]:
        """The fleets and their shares; a fleet with a share of 0 stands by."""
        with self._lock:
            return list(self._shares)

    def shift(self, shares: Sequence[Share]) -> None:
        """Split every further request by ``shares``."""
        with self._lock:
            self._shares = list(shares)
            self._earned = {fleet: self._earned.get(fleet, 0.0) for fleet, _share in shares}

    def next(self) -> list[Fleet]:
        """The fleet whose turn it is, then the others: one of them may answer where it has no healthy instance."""
        with self._lock:
            for fleet, share in self._shares:
                self._earned[fleet] = self._earned.get(fleet, 0.0) + share
            order = sorted(self._shares, key=lambda pair: (pair[1] > 0, self._earned[pair[0]]), reverse=True)
            if order:
                self._earned[order[0][0]] -= 1.0
            return [fleet for fleet, _share in order]
