"""A speech project on GPUs: what its training job and its endpoint run on."""

import json
from typing import Any

from tests.synthesis import Templates

STACK = "Modelyard-dev-Asr"


def _training(templates: Templates) -> dict[str, Any]:
    definition, _ = templates.pipeline(STACK)
    arguments: dict[str, Any] = {step["Name"]: step for step in definition["Steps"]}["Train"]["Arguments"]
    return arguments


def test_the_training_jobs_instances_are_those_of_the_settings(templates: Templates) -> None:
    definition, _ = templates.pipeline(STACK)
    defaults = {parameter["Name"]: parameter["DefaultValue"] for parameter in definition["Parameters"]}
    assert defaults["TrainingInstanceType"] == "ml.g5.xlarge"
    assert _training(templates)["ResourceConfig"]["InstanceType"] == {"Get": "Parameters.TrainingInstanceType"}


def test_it_runs_on_spot_capacity_from_checkpoints_and_without_a_volume_key(templates: Templates) -> None:
    training = _training(templates)
    assert training["EnableManagedSpotTraining"] is True
    assert training["StoppingCondition"]["MaxWaitTimeInSeconds"] > training["StoppingCondition"]["MaxRuntimeInSeconds"]
    assert training["CheckpointConfig"]["LocalPath"] == "/opt/ml/checkpoints"
    assert "VolumeKmsKeyId" not in training["ResourceConfig"]


def test_it_runs_the_gpu_variant_of_the_image(templates: Templates) -> None:
    _, values = templates.pipeline(STACK)
    assert "AsrGpu" in json.dumps(values["ImageAsr"])


def test_pipelines_may_make_experiments_in_the_stages_name_alone(templates: Templates) -> None:
    statements = templates.statements("Modelyard-dev-Foundation", "RolesPipeline")
    found = [statement for statement in statements if "sagemaker:CreateExperiment" in statement["Action"]]
    assert ["experiment/modelyard-dev-*" in json.dumps(statement["Resource"]) for statement in found] == [True]
