"""An ML project in a stage."""

import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.lambdas.serving.declaration import parse
from modelyard.settings import ConfigurationError
from modelyard.stacks.project_stack import PIPELINE_DEFS
from tests.synthesis import SETTINGS, Templates, build, dashboard_body, text

DEV, GPU, BATCH, PROD, CANARY = (
    "Modelyard-dev-Abalone",
    "Modelyard-dev-AbaloneGpu",
    "Modelyard-dev-Batch",
    "Modelyard-prod-Abalone",
    "Modelyard-prod-AbaloneCanary",
)


def _declaration(templates: Templates, stack: str) -> dict[str, Any]:
    properties = templates.resource(stack, "Custom::ModelyardEndpoint")["Properties"]
    declaration: dict[str, Any] = json.loads(text(properties["Declaration"]))
    return declaration


def test_group_pipeline_and_endpoint_bear_one_name(templates: Templates) -> None:
    group = templates.resource(DEV, "AWS::SageMaker::ModelPackageGroup")["Properties"]
    pipeline = templates.resource(DEV, "AWS::SageMaker::Pipeline")["Properties"]
    names = {group["ModelPackageGroupName"], pipeline["PipelineName"], _declaration(templates, DEV)["endpoint_name"]}
    assert names == {"modelyard-dev-abalone"}


def test_the_declaration_is_what_the_hook_reads(templates: Templates) -> None:
    for stack in (DEV, GPU, PROD, CANARY):
        properties = templates.resource(stack, "Custom::ModelyardEndpoint")["Properties"]
        declared = parse(text(properties["Declaration"]))
        stage, project = declared.endpoint_name.removeprefix("modelyard-").split("-", 1)
        assert properties["ParameterName"] == f"/modelyard/{stage}/{project}/endpoint"


def test_a_cpu_endpoint_has_its_volumes_encrypted_with_the_key_and_the_limits_of_sagemaker(
    templates: Templates,
) -> None:
    declaration = _declaration(templates, DEV)
    assert (declaration["instance_type"], declaration["instance_count"]) == ("ml.m5.large", 1)
    assert declaration["kms_key_arn"] == "<?>"
    assert declaration["health_check_timeout_seconds"] is None
    assert declaration["download_timeout_seconds"] is None
    assert declaration["network"] is None
    assert declaration["environment"] == {"WORKERS": "2"}
    assert declaration["tags"] == {"modelyard:stage": "dev", "modelyard:project": "abalone"}
    assert declaration["rollout"] == {"type": "all_at_once"}
    assert not declaration.keys() & {"alarms", "scaling", "inference_ami"}


def test_a_gpu_endpoint_has_no_volume_key_and_time_for_large_images(templates: Templates) -> None:
    declaration = _declaration(templates, GPU)
    assert (declaration["instance_type"], declaration["instance_count"]) == ("ml.g5.xlarge", 2)
    assert declaration["kms_key_arn"] is None
    assert declaration["health_check_timeout_seconds"] == 1200
    assert declaration["download_timeout_seconds"] == 1800
    assert declaration["inference_ami"] == "al2-ami-sagemaker-inference-gpu-2", "the default's driver has no CUDA 12"


def test_an_endpoint_with_a_canary_declares_rollout_alarms_and_scaling(templates: Templates) -> None:
    declaration = _declaration(templates, CANARY)
    assert declaration["instance_count"] == 2
    assert declaration["rollout"] == {
        "type": "canary",
        "percent": 10,
        "wait_seconds": 300,
        "bake_seconds": 600,
        "timeout_seconds": 3600,
    }
    above = {"period_seconds": 60, "evaluation_periods": 1, "comparison": "GreaterThanThreshold"}
    watched = {"namespace": "AWS/SageMaker", **above}
    assert declaration["alarms"] == [
        {"name": "5xx", "metric": "Invocation5XXErrors", "statistic": "Average", "threshold": 0.01, **watched},
        {"name": "4xx", "metric": "Invocation4XXErrors", "statistic": "Average", "threshold": 0.1, **watched},
        {"name": "latency", "metric": "ModelLatency", "statistic": "p99", "threshold": 250000.0, **watched},
    ]
    assert declaration["scaling"] == {
        "min": 2,
        "max": 4,
        "invocations_per_instance": 600.0,
        "scale_in_cooldown_seconds": 300,
        "scale_out_cooldown_seconds": 60,
    }


def test_a_gpu_endpoint_is_updated_batch_by_batch_unless_told_otherwise_and_its_gpus_are_watched(
    templates: Templates,
) -> None:
    declaration = _declaration(templates, GPU)
    assert declaration["rollout"] == {
        "type": "rolling",
        "percent": 50,
        "wait_seconds": 300,
        "timeout_seconds": 2 * (300 + 1800),
    }
    memory = declaration["alarms"][1]
    assert (memory["metric"], memory["namespace"]) == ("GPUMemoryUtilization", "/aws/sagemaker/Endpoints")
    assert (memory["statistic"], memory["threshold"]) == ("Maximum", 95.0)


@pytest.mark.parametrize(("stack", "minutes"), [(PROD, 30), (CANARY, 90), (GPU, 105)])
def test_an_endpoint_that_is_on_its_way_for_longer_than_its_rollout_takes_is_told_of(
    templates: Templates, stack: str, minutes: int
) -> None:
    alarm = templates.resource(stack, "AWS::CloudWatch::Alarm")["Properties"]
    assert alarm["Dimensions"] == [{"Name": "Endpoint", "Value": _declaration(templates, stack)["endpoint_name"]}]
    assert (alarm["Namespace"], alarm["MetricName"]) == (f"Modelyard/{stack.split('-')[1]}", "Unconverged")
    assert (alarm["Statistic"], alarm["Threshold"], alarm["TreatMissingData"]) == ("Minimum", 1, "ignore")
    assert alarm["Period"] * alarm["EvaluationPeriods"] == minutes * 60
    assert "Notifications" in str(alarm["AlarmActions"])


def test_the_dashboard_of_a_project_shows_its_endpoint_and_its_pipeline(templates: Templates) -> None:
    properties = templates.resource(DEV, "AWS::CloudWatch::Dashboard")["Properties"]
    assert properties["DashboardName"] == "modelyard-dev-abalone"
    graphs = {widget["properties"]["title"]: widget["properties"]["metrics"] for widget in _widgets(properties)}
    pipeline = ["PipelineName", "modelyard-dev-abalone"]
    variant = ["EndpointName", "modelyard-dev-abalone", "VariantName", "AllTraffic"]
    assert [metric[2:-1] for metric in graphs.pop("Pipeline executions")] == [pipeline] * 4
    assert sorted(graphs) == ["Errors a minute", "Instances", "Invocations a minute", "Latency in microseconds"]
    for metrics in graphs.values():
        assert {tuple(metric[2:-1]) for metric in metrics} == {tuple(variant)}


def test_the_dashboard_of_a_project_without_an_endpoint_shows_its_pipeline_alone(templates: Templates) -> None:
    properties = templates.resource(BATCH, "AWS::CloudWatch::Dashboard")["Properties"]
    assert [widget["properties"]["title"] for widget in _widgets(properties)] == ["Pipeline executions"]


def _widgets(properties: dict[str, Any]) -> list[dict[str, Any]]:
    widgets: list[dict[str, Any]] = dashboard_body(properties)["widgets"]
    return widgets


def test_an_endpoint_and_jobs_of_a_stage_with_a_network_are_in_it(templates: Templates) -> None:
    subnets, groups = ["subnet-0a1b2c3d", "subnet-1a1b2c3d"], ["sg-0a1b2c3d"]
    assert _declaration(templates, PROD)["network"] == {
        "subnet_ids": subnets,
        "security_group_ids": groups,
        "isolation": True,
    }
    definition = json.dumps(templates.resource(PROD, "AWS::SageMaker::Pipeline")["Properties"]["PipelineDefinition"])
    for id in subnets + groups:
        assert id in definition


def test_a_project_without_an_endpoint_declares_none(templates: Templates) -> None:
    assert templates.resources(BATCH, "Custom::ModelyardEndpoint") == []


def test_the_definition_keeps_no_stand_in_and_no_token(templates: Templates) -> None:
    for stack in (DEV, GPU, PROD):
        pipeline = templates.resource(stack, "AWS::SageMaker::Pipeline")["Properties"]["PipelineDefinition"]
        body, variables = pipeline["PipelineDefinitionBody"]["Fn::Sub"]
        assert "modelyard-sentinel" not in body
        assert "Token[" not in json.dumps(pipeline)
        assert variables.keys() == {name for name in variables if f"${{{name}}}" in body}
        json.loads(body)


def test_executions_make_nothing_that_no_stack_owns(templates: Templates) -> None:
    pipeline = templates.resource(DEV, "AWS::SageMaker::Pipeline")["Properties"]["PipelineDefinition"]
    assert "PipelineExperimentConfig" not in json.loads(pipeline["PipelineDefinitionBody"]["Fn::Sub"][0])


def test_parameters_of_the_settings_take_the_place_of_those_of_the_pipeline(templates: Templates) -> None:
    def default(stack: str) -> Any:
        pipeline = templates.resource(stack, "AWS::SageMaker::Pipeline")["Properties"]["PipelineDefinition"]
        parameters = json.loads(pipeline["PipelineDefinitionBody"]["Fn::Sub"][0])["Parameters"]
        (value,) = [parameter["DefaultValue"] for parameter in parameters if parameter["Name"] == "RmseThreshold"]
        return value

    assert default(GPU) == 2.25
    assert default(DEV) != 2.25


def test_a_schedule_starts_the_pipeline_and_nothing_else(templates: Templates) -> None:
    schedule = templates.resource(DEV, "AWS::Scheduler::Schedule")["Properties"]
    pipeline = "arn:aws:sagemaker:us-east-1:111122223333:pipeline/modelyard-dev-abalone"
    assert schedule["ScheduleExpression"] == "rate(1 day)"
    assert text(schedule["Target"]["Arn"]) == pipeline
    (statement,) = templates.statements(DEV, "PipelineSchedule")
    assert (statement["Action"], text(statement["Resource"])) == ("sagemaker:StartPipelineExecution", pipeline)
    assert templates.resources(GPU, "AWS::Scheduler::Schedule") == []


def test_the_versions_of_a_disposable_stage_are_emptied_after_its_endpoint_is_gone(templates: Templates) -> None:
    emptied = templates.resource(DEV, "Custom::ModelyardEmptied")
    assert emptied["Properties"]["Kind"] == "model-package-group"
    endpoint = templates.resource(DEV, "Custom::ModelyardEndpoint")
    resources = templates.template(DEV)["Resources"]
    assert {resources[id]["Type"] for id in endpoint["DependsOn"]} == {
        "AWS::SageMaker::ModelPackageGroup",
        "Custom::ModelyardEmptied",
    }
    assert templates.resources(PROD, "Custom::ModelyardEmptied") == []


def test_a_group_is_retained_or_adopted_as_its_stage_says(templates: Templates) -> None:
    assert templates.resource(DEV, "AWS::SageMaker::ModelPackageGroup")["DeletionPolicy"] == "Delete"
    retained = templates.resource(PROD, "AWS::SageMaker::ModelPackageGroup")
    assert (retained["DeletionPolicy"], retained["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert templates.resources("Modelyard-again-Abalone", "AWS::SageMaker::ModelPackageGroup") == []


def test_a_project_is_deployed_after_the_images_it_uses_and_the_hook(templates: Templates) -> None:
    dependencies = templates.manifest(DEV)["dependencies"]
    for stack in ("Modelyard-Images-us-east-1", "Modelyard-dev-Foundation", "Modelyard-dev-Serving"):
        assert stack in dependencies


def test_a_pipeline_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    settings = tmp_path / "platform.yaml"
    settings.write_text(SETTINGS.read_text().replace("pipeline: abalone", "pipeline: abalon"))
    with pytest.raises(ConfigurationError) as caught:
        build(settings, tmp_path / "out")
    known = ", ".join(sorted(file.parent.name for file in PIPELINE_DEFS.glob("*/pipeline.py")))
    assert str(caught.value) == (
        f"projects.abalone-gpu.pipeline: {PIPELINE_DEFS / 'abalon'} has no pipeline.py; "
        f"the pipelines are: {known}; did you mean abalone?"
    )
