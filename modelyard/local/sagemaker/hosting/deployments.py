"""What happens to an endpoint after its request was accepted, each on a thread of its own.

An update is all or nothing, as in SageMaker's blue/green deployments: a whole new fleet must be healthy before it gets
any traffic, and when it does not come up the endpoint goes on with its old fleet and old configuration.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from modelyard.local.sagemaker import tags
from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.hosting import summaries
from modelyard.local.sagemaker.hosting.events import emit_deployment_change, emit_state_change
from modelyard.local.sagemaker.hosting.fleet import Fleet
from modelyard.local.sagemaker.hosting.instance import LaunchFailed
from modelyard.local.sagemaker.hosting.names import ENDPOINTS
from modelyard.local.sagemaker.hosting.plans import VariantPlan, from_records, to_records

if TYPE_CHECKING:
    from modelyard.local.sagemaker.hosting.host import EndpointHost

__all__ = ["begin_create", "begin_delete", "begin_scale", "begin_update", "change", "resume"]

log = logging.getLogger("modelyard.local.sagemaker.hosting")


def begin_create(context: Context, name: str) -> None:
    """Start the first fleet of an endpoint that is Creating."""
    context.spawn(f"create-{name}", _create, context, name)


def begin_update(context: Context, name: str) -> None:
    """Replace the fleet of an endpoint that is Updating by that of its pending configuration."""
    context.spawn(f"update-{name}", _update, context, name)


def begin_scale(context: Context, name: str, counts: dict[str, int], weights: dict[str, float]) -> None:
    """Change the live fleet of an endpoint that is Updating."""
    context.spawn(f"scale-{name}", _scale, context, name, counts, weights)


def begin_delete(context: Context, name: str) -> None:
    """End the fleet of an endpoint that is Deleting, then forget the endpoint."""
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


def change(context: Context, endpoint: Record, status: str, **members: Any) -> None:
    """Give ``endpoint`` a new state, set ``members`` (None takes one away), and tell of it."""
    endpoint["EndpointStatus"] = status
    endpoint["LastModifiedTime"] = context.now()
    for member, value in members.items():
        if value is None:
            endpoint.pop(member, None)
        else:
            endpoint[member] = value
    emit_state_change(context, endpoint)
    context.snapshot()


def _create(context: Context, name: str) -> None:
    endpoint, plans = _endpoint(context, name), _plans(context, name, "_plans")
    fleet = _host(context).new_fleet(context, name, plans)
    reason = _started(context, fleet)
    with context.service.lock:
        if reason is not None:
            _fail(context, endpoint, reason)
            return
        _host(context).give_traffic(context, name, fleet)
        change(context, endpoint, "InService", ProductionVariants=summaries.live(plans, context.now()))


def _update(context: Context, name: str) -> None:
    endpoint, plans = _endpoint(context, name), _plans(context, name, "_pending_plans")
    fleet = _host(context).new_fleet(context, name, plans)
    reason = _started(context, fleet)
    before: Fleet | None = None
    with context.service.lock:
        if reason is None:
            _tell_traffic(context, endpoint, plans)
            before = _host(context).give_traffic(context, name, fleet)
            _settle(context, endpoint, plans, endpoint["PendingDeploymentSummary"]["EndpointConfigName"], None)
        elif _host(context).serving(context, name) is None:
            _fail(context, endpoint, reason)
        else:
            change(context, endpoint, "RollingBack")
            live = from_records(endpoint["_plans"])
            _settle(context, endpoint, live, endpoint["EndpointConfigName"], reason)
    if before is not None:
        _host(context).retire(before)


def _fail(context: Context, endpoint: Record, reason: str) -> None:
    gone: dict[str, None] = {"ProductionVariants": None, "PendingDeploymentSummary": None, "_pending_plans": None}
    change(context, endpoint, "Failed", FailureReason=reason, **gone)


def _tell_traffic(context: Context, endpoint: Record, plans: list[VariantPlan]) -> None:
    endpoint["PendingDeploymentSummary"]["ProductionVariants"] = summaries.pending(
        plans, context.now(), "ActivatingTraffic", "Activating traffic on full capacity of {instances} instance(s)."
    )
    emit_deployment_change(context, endpoint)


def _settle(context: Context, endpoint: Record, plans: list[VariantPlan], config: str, reason: str | None) -> None:
    change(
        context,
        endpoint,
        "InService",
        EndpointConfigName=config,
        ProductionVariants=summaries.live(plans, context.now()),
        FailureReason=reason,
        PendingDeploymentSummary=None,
        _plans=to_records(plans),
        _pending_plans=None,
    )


def _scale(context: Context, name: str, counts: dict[str, int], weights: dict[str, float]) -> None:
    endpoint, fleet = _endpoint(context, name), _host(context).serving(context, name)
    assert fleet is not None
    reason = None
    try:
        fleet.scale(counts, weights)
    except LaunchFailed as error:
        reason = str(error)
    with context.service.lock:
        _settle(context, endpoint, fleet.plans, endpoint["EndpointConfigName"], reason)


def _delete(context: Context, name: str) -> None:
    endpoint, fleet = _endpoint(context, name), _host(context).give_traffic(context, name, None)
    if fleet is not None:
        _host(context).retire(fleet)
    with context.service.lock:
        context.table(ENDPOINTS).pop(name, None)
        tags.forget(context, endpoint["EndpointArn"])
        context.snapshot()


def _restore(context: Context, name: str) -> None:
    endpoint, plans = _endpoint(context, name), _plans(context, name, "_plans")
    fleet = _host(context).new_fleet(context, name, plans)
    # Requests wait for the fleet from now on, instead of hearing that there is no endpoint.
    _host(context).give_traffic(context, name, fleet)
    reason = _started(context, fleet)
    with context.service.lock:
        if _host(context).serving(context, name) is not fleet:
            return  # deleted or updated meanwhile
        if reason is not None:
            _host(context).give_traffic(context, name, None)
        if endpoint["EndpointStatus"] == "Updating" and "_pending_plans" in endpoint:
            begin_update(context, name)
        elif reason is not None:
            _fail(context, endpoint, reason)
        elif endpoint["EndpointStatus"] != "InService":
            _settle(context, endpoint, plans, endpoint["EndpointConfigName"], None)


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


def _plans(context: Context, name: str, member: str) -> list[VariantPlan]:
    return from_records(_endpoint(context, name)[member])


def _host(context: Context) -> EndpointHost:
    return context.component("hosting")  # type: ignore[no-any-return]
