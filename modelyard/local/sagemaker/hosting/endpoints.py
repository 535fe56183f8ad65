"""The operations of endpoints. The work they begin is in ``deployments.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard.local.sagemaker import tags
from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.hosting import alarms, deployments, summaries
from modelyard.local.sagemaker.hosting.events import emit_deployment_change
from modelyard.local.sagemaker.hosting.names import CONFIGS, ENDPOINTS, find, require_free
from modelyard.local.sagemaker.hosting.plans import (
    VariantPlan,
    from_records,
    plan_variants,
    retain,
    to_records,
    with_counts,
)
from modelyard.local.sagemaker.hosting.policy import Policy, policy_of
from modelyard.local.sagemaker.hosting.states import change
from modelyard.local.sagemaker.hosting.unsupported import refuse
from modelyard.local.sagemaker.operations import operation
from modelyard.local.sagemaker.paging import listed

if TYPE_CHECKING:
    from modelyard.local.sagemaker.hosting.host import EndpointHost

_LAUNCHING = "Launching {instances} instance(s)."


@operation("CreateEndpoint")
def create_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["EndpointName"]
    arn = require_free(context, ENDPOINTS, name)
    config = find(context, CONFIGS, request["EndpointConfigName"])
    plans = plan_variants(context, config)
    _policy(context, request.get("DeploymentConfig", {}), plans)
    _host(context).capacity.require_quota(context, plans)
    now = context.now()
    endpoint: Record = {"EndpointName": name, "EndpointArn": arn, "CreationTime": now}
    context.table(ENDPOINTS)[name] = endpoint
    tags.set_tags(context, arn, request.get("Tags", []))
    change(
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
    _require_in_service(endpoint, "UpdateRollbackFailed")
    plans = plan_variants(context, config)
    if request.get("RetainAllVariantProperties"):
        excluded = [each["VariantPropertyType"] for each in request.get("ExcludeRetainedVariantProperties", [])]
        plans = retain(plans, from_records(endpoint["_plans"]), excluded)
    deployment = request.get("DeploymentConfig") or _kept_deployment(endpoint, request)
    policy = _policy(context, deployment or {}, plans)
    if deployment is not None:
        _require_same_variants(endpoint, plans)
    for check in _host(context).before_update:
        check(context, endpoint, plans)
    first = with_counts(plans, policy.steps[0].active(plans) if policy.rolling else None)
    _host(context).capacity.require_quota(context, first)
    now = context.now()
    change(
        context,
        endpoint,
        "Updating",
        FailureReason=None,
        LastDeploymentConfig=deployment,
        PendingDeploymentSummary={
            "EndpointConfigName": request["EndpointConfigName"],
            "StartTime": now,
            "ProductionVariants": [
                {**shown, "DesiredInstanceCount": plan.instances}
                for shown, plan in zip(summaries.pending(first, now, "Creating", _LAUNCHING), plans, strict=True)
            ],
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
    counts = {each["VariantName"]: each["DesiredInstanceCount"] for each in desired if "DesiredInstanceCount" in each}
    _host(context).capacity.require_quota(context, _added(from_records(endpoint["_plans"]), counts))
    for each in desired:
        members = ("DesiredWeight", "DesiredInstanceCount")
        shown[each["VariantName"]].update({member: each[member] for member in members if member in each})
    now = context.now()
    for variant_name, count in counts.items():
        shown[variant_name]["VariantStatus"] = [summaries.scaling(shown[variant_name], count, now)]
    change(context, endpoint, "Updating", FailureReason=None)
    emit_deployment_change(context, endpoint)
    deployments.begin_scale(
        context,
        request["EndpointName"],
        counts,
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
    if endpoint["EndpointStatus"] not in ("InService", "Failed", "UpdateRollbackFailed"):
        raise _in_progress(endpoint)
    change(context, endpoint, "Deleting")
    deployments.begin_delete(context, request["EndpointName"])


def _in_progress(endpoint: Record) -> ValidationException:
    return ValidationException(f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".')


def _require_in_service(endpoint: Record, *others: str) -> None:
    if endpoint["EndpointStatus"] == "Failed":
        raise ValidationException(
            f'Cannot update the endpoint "{endpoint["EndpointArn"]}" in status Failed: delete it and create it again.'
        )
    if endpoint["EndpointStatus"] not in ("InService", *others):
        raise _in_progress(endpoint)


def _kept_deployment(endpoint: Record, request: dict[str, Any]) -> Record | None:
    return endpoint.get("LastDeploymentConfig") if request.get("RetainDeploymentConfig") else None


def _policy(context: Context, config: dict[str, Any], plans: list[VariantPlan]) -> Policy:
    policy = policy_of(config, plans)
    missing = alarms.missing(context, policy.alarms) if policy.alarms else []
    if missing:
        raise ValidationException(f"Could not find the CloudWatch alarms of AutoRollbackConfiguration: {missing}.")
    return policy


def _require_same_variants(endpoint: Record, plans: list[VariantPlan]) -> None:
    # See https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
    old, new = sorted(plan["name"] for plan in endpoint["_plans"]), sorted(plan.name for plan in plans)
    if old != new:
        raise ValidationException(
            f"With a DeploymentConfig the new endpoint configuration must have the production variants of the old one: "
            f"{old}, not {new}."
        )


def _added(plans: list[VariantPlan], counts: dict[str, int]) -> list[VariantPlan]:
    more = {plan.name: counts.get(plan.name, plan.instances) - plan.instances for plan in plans}
    return with_counts(plans, more)


def _host(context: Context) -> EndpointHost:
    return context.component("hosting")  # type: ignore[no-any-return]
