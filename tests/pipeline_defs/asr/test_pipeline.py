"""The definition of the speech pipeline."""

import json
from pathlib import Path

from modelyard.pipeline_defs.compiler import CompiledPipeline, compile_pipeline
from tests.pipeline_defs.asr import scripts
from tests.pipeline_defs.definitions import steps


def output(step: str, name: str) -> dict[str, str]:
    """Where a step put an output."""
    return {"Get": f"Steps.{step}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri"}


def test_the_definition_goes_from_a_corpus_to_a_registered_version_or_a_refusal(asr: CompiledPipeline) -> None:
    assert {name: step["Type"] for name, step in steps(asr).items()} == {
        "Preprocess": "Processing",
        "Clean": "Processing",
        "Train": "Training",
        "Evaluate": "Processing",
        "CheckWer": "Condition",
        "Register": "RegisterModel",
        "Refuse": "Fail",
    }


def test_what_a_stage_may_set_is_a_parameter(asr: CompiledPipeline) -> None:
    assert {name: (parameter.type, parameter.default) for name, parameter in asr.parameters.items()} == {
        "InputDataUri": ("String", "s3://${DataBucket}/asr/"),
        "PretrainedUri": ("String", "${CodeTrain}"),
        "ExperimentName": ("String", "${ModelPackageGroupName}"),
        "ProcessingInstanceType": ("String", "ml.m5.xlarge"),
        "TrainingInstanceType": ("String", "ml.m5.xlarge"),
        "WerThreshold": ("Float", 0.15),
        "ModelApprovalStatus": ("String", "PendingManualApproval"),
        "Epochs": ("Integer", 20),
        "BatchSize": ("Integer", 16),
        "LearningRate": ("Float", 0.005),
        "Seed": ("Integer", 42),
    }


def test_every_job_is_cached_for_a_month_and_tried_again(asr: CompiledPipeline) -> None:
    for name, step in steps(asr).items():
        job = step["Type"] in ("Processing", "Training")
        assert step.get("CacheConfig") == ({"Enabled": True, "ExpireAfter": "P30D"} if job else None), name
        assert ("RetryPolicies" in step) == (job or name == "Register"), name


def test_training_reads_the_cleaned_manifests_the_audio_and_what_to_start_from(asr: CompiledPipeline) -> None:
    channels = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in steps(asr)["Train"]["Arguments"]["InputDataConfig"]
    }
    assert channels == {
        "audio": output("Preprocess", "audio"),
        "manifests": output("Clean", "manifests"),
        "pretrained": {"Get": "Parameters.PretrainedUri"},
        "code": "${CodeTrain}",
    }


def test_the_place_of_checkpoints_hangs_on_data_and_hyperparameters_alone(asr: CompiledPipeline) -> None:
    config = steps(asr)["Train"]["Arguments"]["CheckpointConfig"]
    assert config["LocalPath"] == "/opt/ml/checkpoints"
    base, folder, identity = config["S3Uri"]["Std:Join"]["Values"]
    assert (base, folder) == (output("Clean", "report"), "checkpoints")
    named = [value["Std:Join"]["Values"][0]["Get"] for value in identity["Std:Join"]["Values"]]
    assert named == [f"Parameters.{name}" for name in ("Epochs", "BatchSize", "LearningRate", "Seed")]


def test_no_volume_has_a_key_and_every_output_has(asr: CompiledPipeline) -> None:
    assert "VolumeKmsKeyId" not in asr.body
    for name in ("Preprocess", "Clean", "Evaluate"):
        assert steps(asr)[name]["Arguments"]["ProcessingOutputConfig"]["KmsKeyId"] == "${KmsKeyArn}"
    assert steps(asr)["Train"]["Arguments"]["OutputDataConfig"]["KmsKeyId"] == "${KmsKeyArn}"


def test_the_refusal_gives_the_measured_value_and_the_threshold(asr: CompiledPipeline) -> None:
    message = steps(asr)["Refuse"]["Arguments"]["ErrorMessage"]["Std:Join"]
    path = "speech_recognition_metrics.wer.value"
    wer = {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Evaluation"}, "Path": path}
    threshold = {"Get": "Parameters.WerThreshold"}
    assert message["Values"] == ["WER", {"Std:JsonGet": wer}, "is above the threshold", threshold]


def test_executions_are_runs_of_an_experiment_that_a_parameter_names(asr: CompiledPipeline) -> None:
    assert json.loads(asr.body)["PipelineExperimentConfig"] == {
        "ExperimentName": {"Get": "Parameters.ExperimentName"},
        "TrialName": {"Get": "Execution.PipelineExecutionId"},
    }


def test_training_runs_on_spot_capacity_only_where_asked_and_then_may_wait_as_long_as_run(
    asr: CompiledPipeline, tmp_path: Path
) -> None:
    usual = steps(asr)["Train"]["Arguments"]
    assert "EnableManagedSpotTraining" not in usual
    assert usual["StoppingCondition"] == {"MaxRuntimeInSeconds": 86_400}
    compiled = compile_pipeline(scripts.FOLDER, region="eu-central-1", spot=True, cache_dir=tmp_path)
    spot = steps(compiled)["Train"]["Arguments"]
    assert spot["EnableManagedSpotTraining"] is True
    assert spot["StoppingCondition"] == {"MaxRuntimeInSeconds": 86_400, "MaxWaitTimeInSeconds": 172_800}
