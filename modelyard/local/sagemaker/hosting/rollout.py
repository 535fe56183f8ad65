"""Moving an endpoint that is Updating from its old fleet to a new one, and back where that goes wrong.

Blue/green: the whole new fleet is launched beside the old one and gets the traffic step by step; the old one stays
until the last step has baked. Rolling: both change in place, batch by batch. Waits and the time-out pass at the pace of
the clock factor; launching processes takes the time it takes.

While instances of the new fleet have traffic, an alarm in ALARM, a server process that ends or no longer answers, and
the time-out roll the deployment back, as does a launch that fails. All traffic returns to the old fleet before anything
is terminated, and instances are terminated when they have answered what they were asked; so no request fails.
"""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from modelyard.local.pace import real_seconds
from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.hosting import alarms, summaries
from modelyard.local.sagemaker.hosting.fleet import Fleet
from modelyard.local.sagemaker.hosting.instance import LaunchFailed
from modelyard.local.sagemaker.hosting.names import ENDPOINTS
from modelyard.local.sagemaker.hosting.plans import from_records, with_counts
from modelyard.local.sagemaker.hosting.policy import Policy, Step, policy_of
from modelyard.local.sagemaker.hosting.rollback import OldFleet
from modelyard.local.sagemaker.hosting.states import change, fail, settle, show_stage

if TYPE_CHECKING:
    from modelyard.local.sagemaker.hosting.host import EndpointHost

__all__ = ["Rollout"]

log = logging.getLogger("modelyard.local.sagemaker.hosting")

_LONGEST_REASON = 1024


class _RollBack(Exception):
    """Why the deployment must not go on, as a FailureReason."""


class Rollout:
    """The deployment that the record of the endpoint ``name`` asks for, from its first step."""

    def __init__(self, context: Context, name: str) -> None:
        self._context = context
        self._name = name
        self._host: EndpointHost = context.component("hosting")
        with context.service.lock:
            endpoint: Record = context.table(ENDPOINTS)[name]
            self._endpoint = endpoint
            self._plans = from_records(endpoint["_pending_plans"])
            self._policy: Policy = policy_of(endpoint.get("LastDeploymentConfig") or {}, self._plans)
        route = self._host.route(context, name)
        self._old = [OldFleet(fleet, share) for fleet, share in (route.shares if route is not None else [])]
        first = self._policy.steps[0].active(self._plans) if self._policy.rolling else None
        self._new = self._host.new_fleet(context, name, with_counts(self._plans, first))
        timeout = self._policy.timeout
        self._deadline = None if timeout is None else time.monotonic() + real_seconds(timeout)
        self._poll_seconds = min(0.5, max(0.02, real_seconds(5)))
        self._share = 0.0

    def run(self) -> None:
        """Return when the endpoint has one of its lasting states and the fleet that lost is gone."""
        try:
            self._deploy()
        except _RollBack as reason:
            self._roll_back(str(reason)[:_LONGEST_REASON])
        except Exception as error:
            log.exception("the deployment of %s failed", self._name)
            self._roll_back(f"InternalServerError: {type(error).__name__}: {error}"[:_LONGEST_REASON])
        else:
            self._complete()

    def _deploy(self) -> None:
        self._watched_launch(self._new.start)
        for number, step in enumerate(self._policy.steps):
            active = step.active(self._plans)
            if self._policy.rolling and number:
                self._grow(active)
            self._show(active, "ActivatingTraffic", f"Activating traffic on {step.capacity} capacity of {{active}}")
            self._shift(step.share)
            self._bake(step, active)
            if self._policy.rolling:
                self._shrink_old(step)

    def _grow(self, active: dict[str, int]) -> None:
        running = {plan.name: plan.instances for plan in self._new.plans}
        self._show(running, "Updating", f"Launching {sum(active.values()) - sum(running.values())}")
        self._watched_launch(lambda: self._new.scale(active, {}))

    def _shrink_old(self, step: Step) -> None:
        for old in self._old:
            old.shrink(1 - step.share)
        with self._context.service.lock:
            self._endpoint["ProductionVariants"] = self._running([old.fleet for old in self._old])
            self._context.snapshot()

    def _shift(self, share: float) -> None:
        self._share = share
        shares = [(self._new, share), *((old.fleet, old.share * (1 - share)) for old in self._old)]
        self._host.split(self._context, self._name, shares)

    def _bake(self, step: Step, active: dict[str, int]) -> None:
        if step.seconds:
            what = f"{step.seconds} seconds ({step.member}) with traffic enabled on {step.capacity} capacity of"
            self._show(active, "Baking", f"Baking for {what} {{active}}")
        end = time.monotonic() + real_seconds(step.seconds)
        self._check()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, self._poll_seconds))
            self._check()

    def _watched_launch(self, launch: Callable[[], None]) -> None:
        failures: list[str] = []
        thread = self._context.spawn(f"launch-{self._name}", _try, launch, failures)
        while thread.is_alive():
            self._check()
            thread.join(timeout=self._poll_seconds)
        if failures:
            raise _RollBack(failures[0])

    def _check(self) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise _RollBack(
                f"The deployment did not finish within the {self._policy.timeout} seconds of "
                "MaximumExecutionTimeoutInSeconds."
            )
        if not self._share:
            return
        tripped = alarms.tripped(self._context, self._policy.alarms)
        if tripped:
            told = "; ".join(f"{name}: {reason}" for name, reason in tripped.items())
            raise _RollBack(f"The deployment was stopped by CloudWatch alarms in state ALARM. {told}")
        lost = self._new.lost
        if lost is not None:
            raise _RollBack(
                f"The primary container for production variant {lost} ended or did not answer its health checks during "
                "the deployment. Please check CloudWatch logs for this endpoint."
            )

    def _complete(self) -> None:
        self._host.split(self._context, self._name, [(self._new, 1.0)])
        with self._context.service.lock:
            config = self._endpoint["PendingDeploymentSummary"]["EndpointConfigName"]
            settle(self._context, self._endpoint, self._plans, config, None)
        for old in self._old:
            self._host.retire(old.fleet)

    def _roll_back(self, reason: str) -> None:
        if not self._old:
            # Not even the old fleet could be started again after the server was.
            self._host.split(self._context, self._name, [])
            self._host.retire(self._new)
            with self._context.service.lock:
                fail(self._context, self._endpoint, reason)
            return
        if self._share and not self._policy.rolling:
            self._shift(0.0)
        with self._context.service.lock:
            change(self._context, self._endpoint, "RollingBack", FailureReason=reason)
        failure = self._restore_old()
        if failure is not None:
            self._give_up(f"{reason} The old fleet could not be restored: {failure}"[:_LONGEST_REASON])
            return
        self._host.split(self._context, self._name, [(old.fleet, old.share) for old in self._old])
        running = {plan.name: plan.instances for plan in self._new.plans}
        if self._new.started:
            self._show(running, "Deleting", f"Terminating {sum(running.values())}")
        with self._context.service.lock:
            live = from_records(self._endpoint["_plans"])
            settle(self._context, self._endpoint, live, self._endpoint["EndpointConfigName"], reason)
        self._host.retire(self._new)

    def _restore_old(self) -> str | None:
        # Batch by batch; in between as much of the new fleet is terminated as the old one has taken over.
        for old in self._old:
            while old.missing:
                try:
                    old.grow(self._policy.rollback_share)
                except LaunchFailed as error:
                    return str(error)
                share = min(self._share, 1 - old.restored)
                self._shift(share)
                if share:
                    counts = {plan.name: math.ceil(plan.instances * share) for plan in self._plans}
                    self._new.scale({plan.name: min(plan.instances, counts[plan.name]) for plan in self._new.plans}, {})
        return None

    def _give_up(self, reason: str) -> None:
        with self._context.service.lock:
            change(
                self._context,
                self._endpoint,
                "UpdateRollbackFailed",
                FailureReason=reason,
                ProductionVariants=self._running([self._new, *(old.fleet for old in self._old)]),
                PendingDeploymentSummary=None,
                _pending_plans=None,
            )

    def _show(self, active: dict[str, int], status: str, message: str) -> None:
        with self._context.service.lock:
            show_stage(self._context, self._endpoint, self._plans, active, status, f"{message} instance(s).")

    def _running(self, fleets: list[Fleet]) -> list[Record]:
        counts: Counter[str] = Counter()
        for plan in (plan for fleet in fleets for plan in fleet.plans):
            counts[plan.name] += plan.instances
        return summaries.live(from_records(self._endpoint["_plans"]), self._context.now(), counts)


def _try(launch: Callable[[], None], failures: list[str]) -> None:
    try:
        launch()
    except LaunchFailed as error:
        failures.append(str(error))
    except Exception as error:
        log.exception("a fleet could not be launched")
        failures.append(f"InternalServerError: {type(error).__name__}: {error}")
