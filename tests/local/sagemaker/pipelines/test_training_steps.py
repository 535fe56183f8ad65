"""Training steps: what they pass to their job, and what later steps can ask of it."""

from __future__ import annotations

from typing import Any

from tests.local.sagemaker.lab import Lab, unique

TRAIN = """
import pathlib
epochs = len(list(pathlib.Path("/opt/ml/checkpoints").iterdir())) + 1
pathlib.Path(f"/opt/ml/checkpoints/{epochs}").write_text("x")
print(f"validation wer={1 / epochs}")
"""
WER = {"Get": "Steps.Train.FinalMetricDataList['validation:wer'].Value"}


def test_checkpoints_spot_and_metrics_reach_the_job_and_its_metrics_the_steps_behind_it(lab: Lab) -> None:
    uri = f"s3://{lab.bucket}/{unique('checkpoints')}"
    arguments: dict[str, Any] = {
        **lab.training(TRAIN),
        "CheckpointConfig": {"S3Uri": uri},
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": {"Get": "Parameters.Wait"}},
    }
    arguments["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "validation:wer", "Regex": "wer=([0-9.]+)"}]
    message = {"Std:Join": {"On": " ", "Values": ["WER is", WER]}}
    refuse = {"Name": "Refuse", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
    conditions = [{"Type": "LessThanOrEqualTo", "LeftValue": WER, "RightValue": 0.5}]
    steps = [
        {"Name": "Train", "Type": "Training", "Arguments": arguments},
        {
            "Name": "Check",
            "Type": "Condition",
            "Arguments": {"Conditions": conditions, "IfSteps": [], "ElseSteps": [refuse]},
        },
    ]
    pipeline = lab.pipeline(steps, [{"Name": "Wait", "Type": "Integer", "DefaultValue": 900}])

    first, second = lab.execute(pipeline), lab.execute(pipeline)

    assert lab.steps(first)["Refuse"]["FailureReason"] == "WER is 1.0"
    assert second["PipelineExecutionStatus"] == "Succeeded"
    name = lab.steps(second)["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    job = lab.sagemaker.describe_training_job(TrainingJobName=name)
    assert (job["EnableManagedSpotTraining"], job["StoppingCondition"]["MaxWaitTimeInSeconds"]) == (True, 900)
