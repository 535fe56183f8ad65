"""What there is to see of an ML project."""

from constructs import Construct

from modelyard.constructs.dashboard import Line, add_dashboard

# https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
_ENDPOINTS = "AWS/SageMaker"
_INSTANCES = "/aws/sagemaker/Endpoints"
_PIPELINES = "AWS/Sagemaker/ModelBuildingPipeline"
_VARIANT = "AllTraffic"


def add_project_dashboard(
    scope: Construct, id: str, *, name: str, pipeline_name: str, endpoint_name: str | None = None
) -> None:
    """Add a dashboard of the endpoint's invocations, errors, latency and instances, and the pipeline's executions.

    Args:
        scope: of the dashboard.
        id: of the dashboard.
        name: of the dashboard, a contract with whoever looks for it.
        pipeline_name: the pipeline.
        endpoint_name: the endpoint. Default: the project has none.
    """
    graphs = _endpoint(endpoint_name) if endpoint_name else {}
    executions = [
        Line(f"Execution{event}", "Sum", _PIPELINES, {"PipelineName": pipeline_name}, event.lower())
        for event in ("Started", "Succeeded", "Failed", "Stopped")
    ]
    add_dashboard(scope, id, name=name, graphs={**graphs, "Pipeline executions": executions})


def _endpoint(endpoint_name: str) -> dict[str, list[Line]]:
    variant = {"EndpointName": endpoint_name, "VariantName": _VARIANT}

    def line(metric: str, statistic: str, label: str, namespace: str = _ENDPOINTS) -> Line:
        return Line(metric, statistic, namespace, variant, label)

    return {
        "Invocations a minute": [
            line("Invocations", "Sum", "all instances"),
            line("InvocationsPerInstance", "Sum", "each instance"),
        ],
        "Errors a minute": [
            line("Invocation4XXErrors", "Sum", "4XX"),
            line("Invocation5XXErrors", "Sum", "5XX"),
        ],
        "Latency in microseconds": [
            line("ModelLatency", "p50", "model p50"),
            line("ModelLatency", "p99", "model p99"),
            line("OverheadLatency", "p99", "SageMaker p99"),
        ],
        # Each instance reports once a minute, so that the reports are as many as the instances.
        "Instances": [line("CPUUtilization", "SampleCount", "instances", _INSTANCES)],
    }
