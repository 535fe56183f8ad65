"""Shows how an update of an endpoint goes on while a command waits for its end."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from typing import Any

from demo.endpoint import package_of
from demo.screen import Screen
from demo.traffic import Traffic, answered

__all__ = ["Rollout"]

_PUBLISHED_SECONDS = 10


@dataclass
class Rollout:
    """The update of ``endpoint`` that a command asks for, and who answers requests meanwhile."""

    screen: Screen
    clients: dict[str, Any]
    endpoint: str

    def __post_init__(self) -> None:
        old = self._described()["EndpointConfigName"]
        # By config, in the order in which they came: what it had answered before.
        self._before = {old: self._answered(old)}

    def watch(self, running: subprocess.Popen[str], traffic: Traffic) -> None:
        """Say every change, and how the requests fare, until the command has ended; it does not outlive this."""
        seen = ""
        try:
            while running.poll() is None:
                now = self._stage()
                if now != seen:
                    self.screen.say(f"{now} [dim]({traffic})[/]")
                    seen = now
                time.sleep(0.1)
        finally:
            running.terminate()

    def who_answered(self, sent: int) -> list[list[str]]:
        """For the old and the new version: its config, requests, and errors among them, as CloudWatch counts them.

        CloudWatch hears of a minute's requests when it is over, hence a moment is waited for all that were ``sent``.
        """
        deadline = time.monotonic() + _PUBLISHED_SECONDS
        counts = self._counts()
        while sum(requests for _, requests, _ in counts) < sent and time.monotonic() < deadline:
            time.sleep(0.2)
            counts = self._counts()
        return [[self._version(config), config, f"{requests:,}", str(errors)] for config, requests, errors in counts]

    def _counts(self) -> list[tuple[str, int, int]]:
        counts = []
        for config, (requests, errors) in self._before.items():
            requests_now, errors_now = self._answered(config)
            counts.append((config, requests_now - requests, errors_now - errors))
        return counts

    def _stage(self) -> str:
        described = self._described()
        pending = described.get("PendingDeploymentSummary", {})
        if pending and pending["EndpointConfigName"] not in self._before:
            self._before[pending["EndpointConfigName"]] = self._answered(pending["EndpointConfigName"])
        variants = pending.get("ProductionVariants", [])
        messages = [one.get("StatusMessage", "") for each in variants for one in each.get("VariantStatus", [])]
        return ": ".join(filter(None, [described["EndpointStatus"], *messages]))

    def _version(self, config: str) -> str:
        return package_of(self.clients["sagemaker"], config).rpartition("/")[2]

    def _answered(self, config: str) -> tuple[int, int]:
        return answered(self.clients["cloudwatch"], self.endpoint, config)

    def _described(self) -> dict[str, Any]:
        described: dict[str, Any] = self.clients["sagemaker"].describe_endpoint(EndpointName=self.endpoint)
        return described
