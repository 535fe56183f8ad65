"""What the log of `reconcile` says, as metrics.

The fields of its lines are told in `docs/approvals.md`. The patterns are those of
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html.
"""

from typing import Any

from aws_cdk import CfnResource
from aws_cdk import aws_sns as sns
from constructs import Construct

from modelyard.constructs.paging_alarm import paging_alarm
from modelyard.constructs.part import Part

UNCONVERGED = "Unconverged"
RECONCILE_ERRORS = "ReconcileErrors"
ENDPOINT = "Endpoint"

_PERIOD_SECONDS = 900
_PATIENCE_SECONDS = 1800
_UNDER_WAY = '$.why = "another config*" || ($.why = "this config" && $.state != "in service")'
_AT_REST = '$.why = "paused" || $.why = "no version is eligible" || ($.why = "this config" && $.state = "in service")'
_PATTERNS = {
    "Poisoned": (RECONCILE_ERRORS, "1", '{ $.message = "poisoned" }'),
    # An error that is waited out bears the name Transient; whatever else the function ends with is a page.
    "Failed": (RECONCILE_ERRORS, "1", '"[ERROR]" -Transient'),
    "TimedOut": (RECONCILE_ERRORS, "1", '"Task timed out"'),
    "Unconverged": (UNCONVERGED, "1", f'{{ $.message = "reconcile" && ({_UNDER_WAY}) }}'),
    "Converged": (UNCONVERGED, "0", f'{{ $.message = "reconcile" && ({_AT_REST}) }}'),
}


class HookMetrics(Part):
    """Metrics of the approval hook in the namespace `Modelyard/<stage>`, and alarms on them.

    `ReconcileErrors` counts what `reconcile` could neither do nor wait out. `Unconverged`, for each endpoint, is 1
    where `reconcile` found it on its way or with another version than wanted, and 0 where it is at rest: serving what
    is wanted, paused, or with nothing eligible.

    Args:
        stage: name of the stage.
        log_group_name: of `reconcile`.
        topic: who is told of errors.

    Attributes:
        namespace: of the metrics.
    """

    def __init__(self, scope: Construct, id: str, *, stage: str, log_group_name: str, topic: sns.ITopic) -> None:
        super().__init__(scope, id)
        self.namespace = f"Modelyard/{stage}"
        self._topic = topic
        for name, (metric, value, pattern) in _PATTERNS.items():
            transformation: dict[str, Any] = {
                "MetricNamespace": self.namespace,
                "MetricName": metric,
                "MetricValue": value,
            }
            if metric == UNCONVERGED:
                transformation["Dimensions"] = [{"Key": ENDPOINT, "Value": "$.endpoint"}]
            CfnResource(
                self,
                name,
                type="AWS::Logs::MetricFilter",
                properties={
                    "LogGroupName": log_group_name,
                    "FilterPattern": pattern,
                    "MetricTransformations": [transformation],
                },
            )
        paging_alarm(
            self,
            "ReconcileErrorsAlarm",
            description="reconcile met an error that it can neither put right nor wait out; its log says which",
            namespace=self.namespace,
            metric=RECONCILE_ERRORS,
            topic=topic,
            period_seconds=300,
        )

    def page_when_unconverged(self, scope: Construct, *, endpoint_name: str, rollout_seconds: int) -> None:
        """Tell when an endpoint was on its way for half an hour longer than its rollout may take.

        `reconcile` sees an endpoint at least every quarter of an hour; as long as it does not, nothing changes.

        Args:
            scope: of the alarm.
            endpoint_name: the endpoint.
            rollout_seconds: how long its rollout may take.
        """
        periods = -(-(rollout_seconds + _PATIENCE_SECONDS) // _PERIOD_SECONDS)
        minutes = periods * _PERIOD_SECONDS // 60
        paging_alarm(
            scope,
            "NotConverged",
            description=f"{endpoint_name} has not come to serve the version that it should for {minutes} minutes",
            namespace=self.namespace,
            metric=UNCONVERGED,
            topic=self._topic,
            dimensions={ENDPOINT: endpoint_name},
            # One look in a period that found the endpoint at rest is enough.
            statistic="Minimum",
            period_seconds=_PERIOD_SECONDS,
            periods=periods,
            missing_data="ignore",
        )
