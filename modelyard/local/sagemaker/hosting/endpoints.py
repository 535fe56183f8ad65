"""The operations of endpoints. The work they begin is in ``deployments.py``."""

from __future__ import annotations

from typing import Any

from modelyard.local.sagemaker import tags
from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.hosting import deployments, summaries
from modelyard.local.sagemaker.hosting.events import emit_deployment_change
from modelyard.local.sagemaker.hosting.names import CONFIGS, ENDPOINTS, find, require_free
from modelyard.local.sagemaker.hosting.plans import from_records, plan_variants, retain, to_records
from modelyard.local.sagemaker.hosting.unsupported import refuse
from modelyard.local.sagemaker.operations import operation
from modelyard.local.sagemaker.paging import listed

_LAUNCHING = "Launching {instances} instance(s)."


@operation("CreateEndpoint")
def create_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["EndpointName"]
    arn = require_free(context, ENDPOINTS, name)
    config = find(context, CONFIGS, request["EndpointConfigName"])
    _check_deployment(request.get("DeploymentConfig", {}))
    plans = plan_variants(context, config)
    now = context.now()
    endpoint: Record = {"EndpointName": name, "EndpointArn": arn, "CreationTime": now}
    context.table(ENDPOINTS)[name] = endpoint
    tags.set_tags(context, arn, request.get("Tags", []))
    deployments.change(
        context,
        endpoint,
        "Creating",
        EndpointConfigName=request["EndpointConfigName"],
        ProductionVariants=summaries.pending(plans, now, "Creating", _LAUNCHING),
        LastDeploymentConfig=request.get("DeploymentConfig"),
        _plans=to_records(plans),
    )
    deployments.begin_create(context, name)
    return {"EndpointArn": arn}


@operation("UpdateEndpoint")
def update_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    endpoint = find(context, ENDPOINTS, request["EndpointName"])
    config = find(context, CONFIGS, request["EndpointConfigName"])
    _require_in_service(endpoint)
    _check_deployment(request.get("DeploymentConfig", {}))
    plans = plan_variants(context, config)
    if request.get("RetainAllVariantProperties"):
        excluded = [each["VariantPropertyType"] for each in request.get("ExcludeRetainedVariantProperties", [])]
        plans = retain(plans, from_records(endpoint["_plans"]), excluded)
    now = context.now()
    deployments.change(
        context,
        endpoint,
        "Updating",
        FailureReason=None,
        LastDeploymentConfig=request.get("DeploymentConfig") or _kept_deployment(endpoint, request),
        PendingDeploymentSummary={
            "EndpointConfigName": request["EndpointConfigName"],
            "StartTime": now,
            "ProductionVariants": summaries.pending(plans, now, "Creating", _LAUNCHING),
        },
        _pending_plans=to_records(plans),
    )
    emit_deployment_change(context, endpoint)
    deployments.begin_update(context, request["EndpointName"])
    return {"EndpointArn": endpoint["EndpointArn"]}


@operation("UpdateEndpointWeightsAndCapacities")
def update_endpoint_weights_and_capacities(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    endpoint = find(context, ENDPOINTS, request["EndpointName"])
    _require_in_service(endpoint)
    desired = request["DesiredWeightsAndCapacities"]
    shown = {variant["VariantName"]: variant for variant in endpoint["ProductionVariants"]}
    for each in desired:
        if each["VariantName"] not in shown:
            raise ValidationException(
                f"The endpoint {endpoint['EndpointName']} has no production variant {each['VariantName']}."
            )
        if "ServerlessUpdateConfig" in each:
            raise refuse("ServerlessUpdateConfig")
        if each.get("DesiredInstanceCount") == 0:
            raise refuse("A DesiredInstanceCount of 0")
    for each in desired:
        members = ("DesiredWeight", "DesiredInstanceCount")
        shown[each["VariantName"]].update({member: each[member] for member in members if member in each})
    deployments.change(context, endpoint, "Updating", FailureReason=None)
    deployments.begin_scale(
        context,
        request["EndpointName"],
        {each["VariantName"]: each["DesiredInstanceCount"] for each in desired if "DesiredInstanceCount" in each},
        {each["VariantName"]: float(each["DesiredWeight"]) for each in desired if "DesiredWeight" in each},
    )
    return {"EndpointArn": endpoint["EndpointArn"]}


@operation("DescribeEndpoint")
def describe_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return find(context, ENDPOINTS, request["EndpointName"])


@operation("ListEndpoints")
def list_endpoints(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return listed(
        request,
        context.table(ENDPOINTS).values(),
        answer="Endpoints",
        name="EndpointName",
        filters={"StatusEquals": lambda endpoint, status: endpoint["EndpointStatus"] == status},
        sort_fields={"Status": "EndpointStatus"},
    )


@operation("DeleteEndpoint")
def delete_endpoint(context: Context, request: dict[str, Any]) -> None:
    endpoint = find(context, ENDPOINTS, request["EndpointName"])
    if endpoint["EndpointStatus"] not in ("InService", "Failed"):
        raise _in_progress(endpoint)
    deployments.change(context, endpoint, "Deleting")
    deployments.begin_delete(context, request["EndpointName"])


def _in_progress(endpoint: Record) -> ValidationException:
    return ValidationException(f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".')


def _require_in_service(endpoint: Record) -> None:
    if endpoint["EndpointStatus"] == "Failed":
        raise ValidationException(
            f'Cannot update the endpoint "{endpoint["EndpointArn"]}" in status Failed: delete it and create it again.'
        )
    if endpoint["EndpointStatus"] != "InService":
        raise _in_progress(endpoint)


def _kept_deployment(endpoint: Record, request: dict[str, Any]) -> Record | None:
    return endpoint.get("LastDeploymentConfig") if request.get("RetainDeploymentConfig") else None


def _check_deployment(config: dict[str, Any]) -> None:
    """Only the default deployment is done: a whole new fleet, all traffic at once, no baking."""
    if "RollingUpdatePolicy" in config:
        raise refuse("DeploymentConfig.RollingUpdatePolicy")
    if config.get("AutoRollbackConfiguration", {}).get("Alarms"):
        raise refuse("DeploymentConfig.AutoRollbackConfiguration")
    policy = config.get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0})
    if routing["Type"] != "ALL_AT_ONCE":
        raise refuse(f"A TrafficRoutingConfiguration of Type {routing['Type']}")
    if routing["WaitIntervalInSeconds"] or policy.get("TerminationWaitInSeconds"):
        raise refuse("Waiting in a deployment (WaitIntervalInSeconds, TerminationWaitInSeconds)")
