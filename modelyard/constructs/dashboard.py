"""Graphs on one page of CloudWatch."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import CfnResource
from constructs import Construct

from modelyard.constructs.arns import Arns

_WIDTH, _HEIGHT, _COLUMNS = 12, 6, 2


@dataclass(frozen=True)
class Line:
    """A metric in a graph.

    Attributes:
        metric: its name.
        statistic: such as `Sum` or `p99`.
        namespace: of the metric.
        dimensions: of the metric.
        label: in the legend; by default CloudWatch's own.
    """

    metric: str
    statistic: str
    namespace: str
    dimensions: Mapping[str, str]
    label: str = ""

    def written(self) -> list[Any]:
        """In the notation of a dashboard's body."""
        options = {"stat": self.statistic, **({"label": self.label} if self.label else {})}
        flat = [part for dimension in self.dimensions.items() for part in dimension]
        return [self.namespace, self.metric, *flat, options]


def add_dashboard(
    scope: Construct, id: str, *, name: str, graphs: Mapping[str, Sequence[Line]], period_seconds: int = 60
) -> None:
    """Add a dashboard of graphs, two in a row.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html

    Args:
        scope: of the dashboard.
        id: of the dashboard.
        name: of the dashboard, a contract with whoever looks for it.
        graphs: title of each graph to its lines.
        period_seconds: of the data points. Default: a minute.
    """
    region = Arns.of(scope).region
    widgets = [
        {
            "type": "metric",
            "x": index % _COLUMNS * _WIDTH,
            "y": index // _COLUMNS * _HEIGHT,
            "width": _WIDTH,
            "height": _HEIGHT,
            "properties": {
                "title": title,
                "region": region,
                "period": period_seconds,
                "metrics": [line.written() for line in lines],
                "yAxis": {"left": {"min": 0}},
            },
        }
        for index, (title, lines) in enumerate(graphs.items())
    ]
    # Tokens in it are names of queues and functions, safe in JSON.
    body = json.dumps({"widgets": widgets}, separators=(",", ":"), ensure_ascii=False)
    properties = {"DashboardName": name, "DashboardBody": body}
    CfnResource(scope, id, type="AWS::CloudWatch::Dashboard", properties=properties)
