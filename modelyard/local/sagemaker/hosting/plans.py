"""What is to run behind an endpoint, worked out when it is asked for.

SageMaker keeps serving when the endpoint configuration or the model of a live endpoint is deleted; so a plan is kept
with the endpoint, complete in itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.hosting.models import container_of
from modelyard.local.sagemaker.hosting.names import MODELS, find

__all__ = ["VariantPlan", "from_records", "plan_variants", "retain", "to_records", "with_counts"]

# "If a container does not pass health checks … during the next 8 minutes after startup, the new instance launch
# fails": https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
_START_UP_SECONDS = 480


@dataclass(frozen=True)
class VariantPlan:
    """One production variant of ``config``: ``instances`` processes of ``image``, with ``weight`` of the traffic."""

    name: str
    image: str
    instance_type: str
    instances: int
    weight: float
    environment: dict[str, str]
    role_arn: str
    isolated: bool
    model_data: dict[str, str] | None
    start_up_seconds: float = _START_UP_SECONDS
    config: str = ""


def plan_variants(context: Context, config: Record) -> list[VariantPlan]:
    """The variants of an endpoint configuration; raises ``ValidationException`` for a model or package that is gone."""
    return [_plan(context, variant, config["EndpointConfigName"]) for variant in config["ProductionVariants"]]


def retain(plans: list[VariantPlan], live: list[VariantPlan], excluded: Collection[str]) -> list[VariantPlan]:
    """``plans`` with the counts and weights of the ``live`` variants of the same names (RetainAllVariantProperties)."""
    before = {plan.name: plan for plan in live}
    return [_retained(plan, before[plan.name], excluded) if plan.name in before else plan for plan in plans]


def with_counts(plans: list[VariantPlan], counts: Mapping[str, int] | None) -> list[VariantPlan]:
    """``plans`` with ``counts`` of instances; without them as they are."""
    return plans if counts is None else [replace(plan, instances=counts[plan.name]) for plan in plans]


def to_records(plans: list[VariantPlan]) -> list[Record]:
    """The plans as they are kept with the endpoint."""
    return [asdict(plan) for plan in plans]


def from_records(records: list[Record]) -> list[VariantPlan]:
    """The plans that are kept with an endpoint."""
    return [VariantPlan(**record) for record in records]


def _plan(context: Context, variant: Record, config: str) -> VariantPlan:
    model = find(context, MODELS, variant["ModelName"])
    container = container_of(context, model)
    return VariantPlan(
        name=variant["VariantName"],
        image=container["Image"],
        instance_type=variant["InstanceType"],
        instances=variant["InitialInstanceCount"],
        weight=variant["InitialVariantWeight"],
        environment=dict(container.get("Environment", {})),
        role_arn=model.get("ExecutionRoleArn", ""),
        isolated=model["EnableNetworkIsolation"],
        model_data=_model_data(container),
        start_up_seconds=variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _START_UP_SECONDS),
        config=config,
    )


def _model_data(container: dict[str, Any]) -> dict[str, str] | None:
    if container.get("ModelDataUrl"):
        return {"S3Uri": container["ModelDataUrl"], "S3DataType": "S3Object", "CompressionType": "Gzip"}
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if not source:
        return None
    return {name: source[name] for name in ("S3Uri", "S3DataType", "CompressionType")}


def _retained(plan: VariantPlan, live: VariantPlan, excluded: Collection[str]) -> VariantPlan:
    return replace(
        plan,
        instances=plan.instances if "DesiredInstanceCount" in excluded else live.instances,
        weight=plan.weight if "DesiredWeight" in excluded else live.weight,
    )
