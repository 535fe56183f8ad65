"""A fleet: the instances of every variant of one endpoint configuration, and the routing of requests among them.

An update makes a new fleet beside the old one and moves the traffic to it, at once or little by little; nothing of a
fleet that serves is ever changed in place except its number of instances and weights.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from modelyard.local.metrics.utilization import InstanceProcess
from modelyard.local.sagemaker.hosting.instance import Instance, LaunchFailed, VariantLauncher
from modelyard.local.sagemaker.hosting.plans import VariantPlan

__all__ = ["Fleet", "NoInstance", "Retired", "UnknownVariant"]

_DRAIN_SECONDS = 70.0


class Retired(Exception):
    """The fleet no longer takes requests: another one has its traffic."""


class NoInstance(Exception):
    """No instance that could answer is healthy now."""


class UnknownVariant(Exception):
    """The fleet has no variant of the name that was asked for."""


@dataclass
class _Variant:
    plan: VariantPlan
    launcher: VariantLauncher
    instances: list[Instance] = field(default_factory=list)
    turn: int = 0
    # Smooth weighted round robin: the variant with the most credit serves next.
    credit: float = 0.0

    def next_instance(self) -> Instance | None:
        for _ in self.instances:
            self.turn = (self.turn + 1) % len(self.instances)
            if self.instances[self.turn].healthy:
                return self.instances[self.turn]
        return None


class Fleet:
    """The instances of an endpoint configuration. Safe to use from several threads."""

    def __init__(self, launchers: list[VariantLauncher]) -> None:
        self._variants = {launcher.plan.name: _Variant(launcher.plan, launcher) for launcher in launchers}
        self._changed = threading.Condition()
        self._in_flight: dict[Instance, int] = {}
        self._retired = False
        self._started = threading.Event()

    @property
    def plans(self) -> list[VariantPlan]:
        """What runs now, variant by variant."""
        with self._changed:
            return [variant.plan for variant in self._variants.values()]

    def processes(self) -> list[InstanceProcess]:
        """The server processes that run now."""
        with self._changed:
            found = [(each.launcher, instance.pid) for each in self._variants.values() for instance in each.instances]
        return [launcher.process(pid) for launcher, pid in found if pid is not None]

    @property
    def started(self) -> bool:
        """Whether all of it was healthy once and it has not been ended."""
        return self._started.is_set() and not self._retired

    @property
    def lost(self) -> str | None:
        """The variant of an instance that once was healthy and then ended or did not answer any more."""
        with self._changed:
            return next((name for name, each in self._variants.items() if any(i.losses for i in each.instances)), None)

    def start(self) -> None:
        """Return when every instance is healthy; raises ``LaunchFailed`` when one will not be, all of them ended."""
        try:
            self._launch({name: variant.plan.instances for name, variant in self._variants.items()})
        except LaunchFailed:
            self.stop()
            raise
        finally:
            self._started.set()

    def scale(self, counts: dict[str, int], weights: dict[str, float]) -> None:
        """Change variants to so many instances and such weights; raises ``LaunchFailed``, with nothing changed."""
        with self._changed:
            more = {name: count - len(self._variants[name].instances) for name, count in counts.items()}
        self._launch(more)
        surplus: list[Instance] = []
        with self._changed:
            for name, count in counts.items():
                variant = self._variants[name]
                variant.instances, dropped = variant.instances[:count], variant.instances[count:]
                variant.plan = replace(variant.plan, instances=count)
                surplus += dropped
            for name, weight in weights.items():
                self._variants[name].plan = replace(self._variants[name].plan, weight=weight)
        self._drain(surplus)
        _in_parallel([instance.stop for instance in surplus])

    @contextlib.contextmanager
    def serving(self, variant_name: str | None = None) -> Iterator[tuple[Instance, VariantPlan]]:
        """The instance that is to answer one request; it is not ended before the block is left.

        Waits while the fleet is started for the first time. Raises ``Retired``, ``NoInstance``, ``UnknownVariant``.
        """
        self._started.wait(timeout=60)
        with self._changed:
            if self._retired:
                raise Retired
            instance, plan = self._choose(variant_name)
            self._in_flight[instance] = self._in_flight.get(instance, 0) + 1
        try:
            yield instance, plan
        finally:
            with self._changed:
                self._in_flight[instance] -= 1
                if not self._in_flight[instance]:
                    del self._in_flight[instance]
                self._changed.notify_all()

    def retire(self) -> None:
        """Take no further request, let those under way finish, then end every process."""
        with self._changed:
            self._retired = True
        self._drain(self._all())
        self.stop()

    def stop(self) -> None:
        """End every process now."""
        with self._changed:
            self._retired = True
        _in_parallel([instance.stop for instance in self._all()])
        for variant in self._variants.values():
            variant.launcher.close()

    def _all(self) -> list[Instance]:
        with self._changed:
            return [instance for variant in self._variants.values() for instance in variant.instances]

    def _choose(self, variant_name: str | None) -> tuple[Instance, VariantPlan]:
        if variant_name is not None:
            if variant_name not in self._variants:
                raise UnknownVariant(variant_name)
            variant = self._variants[variant_name]
        else:
            weighted = [each for each in self._variants.values() if each.plan.weight > 0]
            if not weighted:
                raise NoInstance
            for each in weighted:
                each.credit += each.plan.weight
            variant = max(weighted, key=lambda each: each.credit)
            variant.credit -= sum(each.plan.weight for each in weighted)
        instance = variant.next_instance()
        if instance is None:
            raise NoInstance
        return instance, variant.plan

    def _launch(self, counts: dict[str, int]) -> None:
        added = self._provision(counts)
        with self._changed:
            if self._retired:
                raise LaunchFailed("The endpoint was deleted.")
            for name, instances in added.items():
                self._variants[name].instances += instances
        try:
            _in_parallel([instance.start for instances in added.values() for instance in instances])
        except LaunchFailed:
            with self._changed:
                for name, instances in added.items():
                    kept = self._variants[name].instances
                    self._variants[name].instances = [each for each in kept if each not in instances]
            _in_parallel([instance.stop for instances in added.values() for instance in instances])
            raise

    def _provision(self, counts: Mapping[str, int]) -> dict[str, list[Instance]]:
        added: dict[str, list[Instance]] = {name: [] for name in counts}
        try:
            for name, count in counts.items():
                for _ in range(count):
                    added[name].append(self._variants[name].launcher.instance())
        except LaunchFailed:
            for instance in itertools.chain.from_iterable(added.values()):
                instance.stop()
            raise
        return added

    def _drain(self, instances: list[Instance]) -> None:
        deadline = time.monotonic() + _DRAIN_SECONDS
        with self._changed:
            while any(instance in self._in_flight for instance in instances):
                if not self._changed.wait(timeout=max(0.0, deadline - time.monotonic())):
                    return


def _in_parallel(functions: Sequence[Callable[[], None]]) -> None:
    # All of them run to their end; then the first error, in order, is raised.
    if not functions:
        return
    with ThreadPoolExecutor(max_workers=len(functions), thread_name_prefix="fleet") as pool:
        futures = [pool.submit(function) for function in functions]
    for future in futures:
        future.result()
