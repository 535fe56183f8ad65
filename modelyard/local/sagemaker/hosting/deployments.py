"""What happens to an endpoint after its request was accepted, each on a thread of its own; updates are in rollout.py.

After a restart of the local AWS everything under way is taken up again: a creation and a deployment begin anew, from
their first step, with the old configuration wholly in service; a roll back is complete with that.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from modelyard.local.sagemaker import tags
from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.hosting import summaries
from modelyard.local.sagemaker.hosting.fleet import Fleet
from modelyard.local.sagemaker.hosting.instance import LaunchFailed
from modelyard.local.sagemaker.hosting.names import ENDPOINTS
from modelyard.local.sagemaker.hosting.plans import from_records
from modelyard.local.sagemaker.hosting.rollout import Rollout
from modelyard.local.sagemaker.hosting.states import change, fail, settle

if TYPE_CHECKING:
    from modelyard.local.sagemaker.hosting.host import EndpointHost

__all__ = ["begin_create", "begin_delete", "begin_scale", "begin_update", "resume"]

log = logging.getLogger("modelyard.local.sagemaker.hosting")


def begin_create(context: Context, name: str) -> None:
    """Start the first fleet of an endpoint that is Creating."""
    context.spawn(f"create-{name}", _create, context, name)


def begin_update(context: Context, name: str) -> None:
    """Replace the fleet of an endpoint that is Updating by that of its pending configuration."""
    context.spawn(f"update-{name}", lambda: Rollout(context, name).run())


def begin_scale(context: Context, name: str, counts: dict[str, int], weights: dict[str, float]) -> None:
    """Change the live fleet of an endpoint that is Updating."""
    context.spawn(f"scale-{name}", _scale, context, name, counts, weights)


def begin_delete(context: Context, name: str) -> None:
    """End the fleets of an endpoint that is Deleting, then forget the endpoint."""
    context.spawn(f"delete-{name}", _delete, context, name)


def resume(context: Context) -> None:
    """Take up every endpoint of a restored state, in whatever state it was."""
    for name, endpoint in list(context.table(ENDPOINTS).items()):
        status = endpoint["EndpointStatus"]
        if status == "Creating":
            begin_create(context, name)
        elif status == "Deleting":
            begin_delete(context, name)
        elif status != "Failed":
            context.spawn(f"restore-{name}", _restore, context, name)


def _create(context: Context, name: str) -> None:
    endpoint = _endpoint(context, name)
    plans = from_records(endpoint["_plans"])
    fleet = _host(context).new_fleet(context, name, plans)
    reason = _started(context, fleet)
    with context.service.lock:
        if reason is not None:
            fail(context, endpoint, reason)
            return
        _host(context).split(context, name, [(fleet, 1.0)])
        change(context, endpoint, "InService", ProductionVariants=summaries.live(plans, context.now()))


def _scale(context: Context, name: str, counts: dict[str, int], weights: dict[str, float]) -> None:
    endpoint, (fleet,) = _endpoint(context, name), _fleets(context, name)
    reason = None
    try:
        fleet.scale(counts, weights)
    except LaunchFailed as error:
        reason = str(error)
    with context.service.lock:
        if reason is not None:
            change(context, endpoint, "RollingBack", FailureReason=reason)
        settle(context, endpoint, fleet.plans, endpoint["EndpointConfigName"], reason)


def _delete(context: Context, name: str) -> None:
    endpoint, fleets = _endpoint(context, name), _fleets(context, name)
    _host(context).split(context, name, [])
    for fleet in fleets:
        _host(context).retire(fleet)
    with context.service.lock:
        context.table(ENDPOINTS).pop(name, None)
        tags.forget(context, endpoint["EndpointArn"])
        context.snapshot()


def _restore(context: Context, name: str) -> None:
    endpoint = _endpoint(context, name)
    plans = from_records(endpoint["_plans"])
    fleet = _host(context).new_fleet(context, name, plans)
    # Requests wait for the fleet from now on, instead of hearing that there is no endpoint.
    _host(context).split(context, name, [(fleet, 1.0)])
    reason = _started(context, fleet)
    with context.service.lock:
        if _fleets(context, name) != [fleet]:
            return  # deleted or updated meanwhile
        if reason is not None:
            _host(context).split(context, name, [])
        if endpoint["EndpointStatus"] == "Updating" and "_pending_plans" in endpoint:
            begin_update(context, name)
        elif reason is not None:
            fail(context, endpoint, reason)
        elif endpoint["EndpointStatus"] != "InService":
            settle(context, endpoint, plans, endpoint["EndpointConfigName"], endpoint.get("FailureReason"))


def _started(context: Context, fleet: Fleet) -> str | None:
    try:
        fleet.start()
    except Exception as error:
        _host(context).forget(fleet)
        if isinstance(error, LaunchFailed):
            return str(error)
        log.exception("a fleet could not be started")
        fleet.stop()
        return f"InternalServerError: {type(error).__name__}: {error}"
    return None


def _endpoint(context: Context, name: str) -> Record:
    with context.service.lock:
        return context.table(ENDPOINTS)[name]


def _fleets(context: Context, name: str) -> list[Fleet]:
    route = _host(context).route(context, name)
    return [] if route is None else [fleet for fleet, _share in route.shares]


def _host(context: Context) -> EndpointHost:
    return context.component("hosting")  # type: ignore[no-any-return]
