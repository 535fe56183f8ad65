"""An endpoint to scale, through boto3."""

from __future__ import annotations

import uuid
from typing import Any

from tests.local.fast_aws import eventually
from tests.local.sagemaker.hosting.endpoint_maker import EndpointMaker
from tests.local_aws import LocalAws

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


class ScaledEndpoint:
    """An endpoint of one variant and what is registered of it."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.maker = EndpointMaker(aws)
        self.scaling = aws.client("application-autoscaling")
        self.cloudwatch = aws.client("cloudwatch")
        self.name = self.maker.endpoint(self.maker.config_of({"name": "model"}))
        self.key = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{self.name}/variant/AllTraffic",
            "ScalableDimension": DIMENSION,
        }

    def register(self, low: int = 1, high: int = 3, **more: Any) -> str:
        given = {"MinCapacity": low, "MaxCapacity": high, **more}
        return str(self.scaling.register_scalable_target(**self.key, **given)["ScalableTargetARN"])

    def track(self, target: float = 10.0, name: str = "policy", **more: Any) -> dict[str, Any]:
        """Put a policy that tracks invocations per instance, or the metric that ``more`` gives."""
        metric = {
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        }
        if "CustomizedMetricSpecification" in more:
            metric = {}
        return dict(
            self.scaling.put_scaling_policy(
                **self.key,
                PolicyName=name,
                PolicyType="TargetTrackingScaling",
                TargetTrackingScalingPolicyConfiguration={"TargetValue": target, **metric, **more},
            )
        )

    def state(self, kind: str) -> str:
        """The state of the High or the Low alarm."""
        return str(self.alarms()[kind]["StateValue"])

    def alarms(self) -> dict[str, dict[str, Any]]:
        """The alarms of the endpoint by ``High`` and ``Low``."""
        prefix = f"TargetTracking-{self.key['ResourceId']}-Alarm"
        found = self.cloudwatch.describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]
        return {alarm["AlarmName"].removeprefix(prefix).partition("-")[0]: alarm for alarm in found}

    def activities(self) -> list[dict[str, Any]]:
        found = self.scaling.describe_scaling_activities(
            ServiceNamespace="sagemaker", ResourceId=self.key["ResourceId"]
        )
        return list(found["ScalingActivities"])

    def publish(self, value: float) -> None:
        """Publish the metric that is tracked, as a busy or an idle variant does."""
        dimensions = [{"Name": "EndpointName", "Value": self.name}, {"Name": "VariantName", "Value": "AllTraffic"}]
        datum = {"MetricName": "InvocationsPerInstance", "Dimensions": dimensions, "Value": value}
        self.cloudwatch.put_metric_data(Namespace="AWS/SageMaker", MetricData=[datum])

    def instances(self) -> int:
        endpoint = self.maker.sagemaker.describe_endpoint(EndpointName=self.name)
        return int(endpoint["ProductionVariants"][0]["CurrentInstanceCount"])

    def await_instances(self, count: int, value: float | None = None) -> None:
        """Wait for so many instances, publishing ``value`` meanwhile."""

        def look() -> bool:
            if value is not None:
                self.publish(value)
            return self.instances() == count

        eventually(look, f"{count} instances of {self.name}")

    def await_successful(self, count: int) -> list[dict[str, Any]]:
        """The activities once ``count`` of them have succeeded."""

        def look() -> list[dict[str, Any]] | None:
            found = self.activities()
            return found if sum(each["StatusCode"] == "Successful" for each in found) >= count else None

        return eventually(look, f"{count} successful activities")

    def clean_up(self) -> None:
        if self.scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[self.key["ResourceId"]])[
            "ScalableTargets"
        ]:
            self.scaling.deregister_scalable_target(**self.key)
        self.maker.clean_up()

    @staticmethod
    def unique(name: str) -> str:
        return f"{name}-{uuid.uuid4().hex[:8]}"
