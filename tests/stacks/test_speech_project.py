"""A speech project on GPUs: what its training job and its endpoint run on."""

import json
from typing import Any

from tests.synthesis import Templates

STACK = "Modelyard-dev-Asr"


def _definition(templates: Templates) -> dict[str, Any]:
    properties = templates.resource(STACK, "AWS::SageMaker::Pipeline")["Properties"]
    body, _ = properties["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"]
    definition: dict[str, Any] = json.loads(body)
    return definition


def _training(templates: Templates) -> dict[str, Any]:
    arguments: dict[str, Any] = {step["Name"]: step for step in _definition(templates)["Steps"]}["Train"]["Arguments"]
    return arguments


def test_the_training_jobs_instances_are_those_of_the_settings(templates: Templates) -> None:
    defaults = {parameter["Name"]: parameter["DefaultValue"] for parameter in _definition(templates)["Parameters"]}
    assert defaults["TrainingInstanceType"] == "ml.g5.xlarge"
    assert _training(templates)["ResourceConfig"]["InstanceType"] == {"Get": "Parameters.TrainingInstanceType"}


def test_it_runs_on_spot_capacity_from_checkpoints_and_without_a_volume_key(templates: Templates) -> None:
    training = _training(templates)
    assert training["EnableManagedSpotTraining"] is True
    assert training["StoppingCondition"]["MaxWaitTimeInSeconds"] > training["StoppingCondition"]["MaxRuntimeInSeconds"]
    assert training["CheckpointConfig"]["LocalPath"] == "/opt/ml/checkpoints"
    assert "VolumeKmsKeyId" not in training["ResourceConfig"]


def test_it_runs_the_gpu_variant_of_the_image(templates: Templates) -> None:
    properties = templates.resource(STACK, "AWS::SageMaker::Pipeline")["Properties"]
    _, values = properties["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"]
    assert "AsrGpu" in json.dumps(values["ImageAsr"])


def test_pipelines_may_make_experiments_in_the_stages_name_alone(templates: Templates) -> None:
    statements = templates.statements("Modelyard-dev-Foundation", "RolesPipeline")
    found = [statement for statement in statements if "sagemaker:CreateExperiment" in statement["Action"]]
    assert ["experiment/modelyard-dev-*" in json.dumps(statement["Resource"]) for statement in found] == [True]
