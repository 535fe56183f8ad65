"""An alarm that somebody has to act upon."""

from collections.abc import Mapping

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from modelyard.constructs.resource import token


def paging_alarm(
    scope: Construct,
    id: str,
    *,
    description: str,
    namespace: str,
    metric: str,
    topic: sns.ITopic,
    dimensions: Mapping[str, str] | None = None,
    statistic: str = "Sum",
    period_seconds: int = 60,
    periods: int = 1,
    missing_data: str = "notBreaching",
) -> cloudwatch.CfnAlarm:
    """An alarm that tells a topic when a metric reaches 1, and when that is over.

    Args:
        scope: of the alarm.
        id: of the alarm.
        description: what happened; the text of the notification.
        namespace: of the metric.
        metric: its name.
        topic: who is told.
        dimensions: of the metric. Default: none.
        statistic: of each period. Default: the sum.
        period_seconds: how long a period takes. Default: a minute.
        periods: how many in a row have to be at 1 or above. Default: one.
        missing_data: what a period without data is, as CloudWatch calls it. Default: it is as a period below 1.
    """
    tell = [token(topic, "topic_arn")]
    # The CDK's own Alarm would make a metric and an action first, each at the price of a construct.
    return cloudwatch.CfnAlarm(
        scope,
        id,
        alarm_description=description,
        namespace=namespace,
        metric_name=metric,
        dimensions=[{"name": name, "value": value} for name, value in (dimensions or {}).items()] or None,
        statistic=statistic,
        period=period_seconds,
        evaluation_periods=periods,
        threshold=1,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data=missing_data,
        alarm_actions=tell,
        ok_actions=tell,
    )
