"""Executions with real jobs."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.sagemaker.lab import Lab, unique

STEPS_FAILED = "Step failure: One or multiple steps failed."
REPORT = """
import json, sys
json.dump({"metrics": {"rmse": {"value": float(sys.argv[1])}}}, open("/opt/ml/processing/output/report/r.json", "w"))
"""


def step(lab: Lab, name: str, script: str = "", *, after: list[str] | None = None, **arguments: Any) -> dict[str, Any]:
    declared: dict[str, Any] = {"Name": name, "Type": "Processing", "Arguments": lab.processing(script, **arguments)}
    return {**declared, "DependsOn": after} if after else declared


def check(rmse: Any, limit: Any, if_steps: list[Any], else_steps: list[Any]) -> dict[str, Any]:
    conditions = [{"Type": "LessThanOrEqualTo", "LeftValue": rmse, "RightValue": limit}]
    arguments = {"Conditions": conditions, "IfSteps": if_steps, "ElseSteps": else_steps}
    return {"Name": "Check", "Type": "Condition", "Arguments": arguments}


def evaluated(lab: Lab, group: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Steps and parameters of a pipeline that evaluates, and registers or refuses."""
    evaluate = step(lab, "Evaluate", REPORT, outputs=("report",))
    evaluate["Arguments"]["AppSpecification"]["ContainerArguments"] = [
        {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Rmse"}]}}
    ]
    evaluate["PropertyFiles"] = [{"PropertyFileName": "Report", "OutputName": "report", "FilePath": "r.json"}]
    rmse = {
        "Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": "metrics.rmse.value"}
    }
    train = {"Name": "Train", "Type": "Training", "Arguments": lab.training("open('/opt/ml/model/m', 'w')")}
    container = {
        "Image": lab.image,
        "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
    }
    register = {
        "Name": "Register",
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": group,
            "ModelApprovalStatus": "PendingManualApproval",
            "InferenceSpecification": {
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        },
    }
    message = {"Std:Join": {"On": " ", "Values": ["RMSE", rmse, "is above", {"Get": "Parameters.Limit"}]}}
    refuse = {"Name": "Refuse", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
    parameters = [
        {"Name": "Rmse", "Type": "Float", "DefaultValue": 2.0},
        {"Name": "Limit", "Type": "Float", "DefaultValue": 2.5},
    ]
    return [train, evaluate, check(rmse, {"Get": "Parameters.Limit"}, [register], [refuse])], parameters


def test_a_good_model_is_registered_with_what_the_training_made(lab: Lab) -> None:
    group = unique("group")
    name = lab.pipeline(*evaluated(lab, group))

    execution = lab.execute(name)

    assert execution["PipelineExecutionStatus"] == "Succeeded", execution.get("FailureReason")
    steps = lab.steps(execution)
    assert set(steps) == {"Train", "Evaluate", "Check", "Register"}
    assert {item["StepStatus"] for item in steps.values()} == {"Succeeded"}
    assert steps["Check"]["Metadata"] == {"Condition": {"Outcome": "True"}}
    job = steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    identifier = execution["PipelineExecutionArn"].rpartition("/")[2]
    assert job.startswith(f"pipelines-{identifier}-Train-") and len(job.rpartition("-")[2]) == 10
    artefact = lab.sagemaker.describe_training_job(TrainingJobName=job)["ModelArtifacts"]["S3ModelArtifacts"]
    package = lab.sagemaker.describe_model_package(
        ModelPackageName=steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    )
    assert package["ModelPackageGroupName"] == group
    assert package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == artefact


def test_a_model_above_the_limit_is_refused_with_the_measured_value(lab: Lab) -> None:
    name = lab.pipeline(*evaluated(lab, unique("group")))

    execution = lab.execute(name, Rmse="3.25")

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert execution["FailureReason"] == f"{STEPS_FAILED} RMSE 3.25 is above 2.5"
    steps = lab.steps(execution)
    assert "Register" not in steps
    assert steps["Check"]["Metadata"] == {"Condition": {"Outcome": "False"}}
    assert steps["Refuse"]["Metadata"] == {"Fail": {"ErrorMessage": "RMSE 3.25 is above 2.5"}}
    assert (steps["Refuse"]["StepStatus"], steps["Refuse"]["FailureReason"]) == ("Failed", "RMSE 3.25 is above 2.5")


def test_parameters_of_an_execution_are_listed_and_a_wrong_one_starts_nothing(lab: Lab) -> None:
    name = lab.pipeline(*evaluated(lab, unique("group")))

    with pytest.raises(ClientError, match="Value 'high' of pipeline parameter 'Rmse' is not of type Float"):
        lab.start(name, PipelineParameters=[{"Name": "Rmse", "Value": "high"}])
    assert lab.sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"] == []

    execution = lab.execute(name, Rmse="9")
    arn = execution["PipelineExecutionArn"]
    listed = lab.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
    assert listed == [{"Name": "Limit", "Value": "2.5"}, {"Name": "Rmse", "Value": "9.0"}]
    kept = lab.sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    assert kept["PipelineDefinition"] == lab.sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"]


def test_independent_steps_run_at_the_same_time(lab: Lab) -> None:
    prefix = unique("meeting")
    # Each of the two can end only while the other runs.
    script = """
import os, socket, sys, time, urllib.request, pathlib
own, other = sys.argv[1:3]
pathlib.Path(own).touch()
while not pathlib.Path(other).exists():
    time.sleep(0.02)
"""
    places = [str(lab.aws.project_dir / f"{prefix}-{name}") for name in "ab"]
    steps = [
        step(lab, "A", script, arguments=(places[0], places[1])),
        step(lab, "B", script, arguments=(places[1], places[0])),
    ]

    execution = lab.execute(lab.pipeline(steps))

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    first, second = lab.steps(execution).values()
    assert max(first["StartTime"], second["StartTime"]) < min(first["EndTime"], second["EndTime"])


def test_many_jobs_at_once_do_not_disturb_each_other(lab: Lab) -> None:
    name = lab.pipeline([step(lab, f"Step{number}", f"print({number})") for number in range(15)])

    executions = [lab.execution_ended(arn) for arn in [lab.start(name) for _ in range(2)]]

    for execution in executions:
        steps = lab.steps(execution)
        assert {item["StepStatus"] for item in steps.values()} == {"Succeeded"}, steps
        for number in range(15):
            job = steps[f"Step{number}"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
            assert lab.log("Processing", job) == [str(number)]


def test_no_more_steps_run_at_a_time_than_the_limit_allows(lab: Lab) -> None:
    name = lab.pipeline([step(lab, letter, "import time; time.sleep(0.1)") for letter in "ABC"])

    execution = lab.execution_ended(lab.start(name, ParallelismConfiguration={"MaxParallelExecutionSteps": 1}))

    runs = sorted(lab.steps(execution).values(), key=lambda item: item["StartTime"])
    assert len(runs) == 3
    assert all(before["EndTime"] <= after["StartTime"] for before, after in itertools.pairwise(runs))


def test_steps_wait_for_those_they_depend_on(lab: Lab) -> None:
    name = lab.pipeline([step(lab, "C", after=["B"]), step(lab, "B", after=["A"]), step(lab, "A")])

    steps = lab.steps(lab.execute(name))

    assert steps["A"]["EndTime"] <= steps["B"]["StartTime"]
    assert steps["B"]["EndTime"] <= steps["C"]["StartTime"]


def test_a_failed_step_holds_back_what_depends_on_it_and_nothing_else(lab: Lab) -> None:
    steps = [
        step(lab, "Bad", "raise SystemExit('no rows')"),
        step(lab, "Never", after=["Bad"]),
        step(lab, "Slow", "import time; time.sleep(0.3)"),
        step(lab, "Last", after=["Slow"]),
    ]

    execution = lab.execute(lab.pipeline(steps))

    assert (execution["PipelineExecutionStatus"], execution["FailureReason"]) == ("Failed", STEPS_FAILED)
    ended = lab.steps(execution)
    assert {name: item["StepStatus"] for name, item in ended.items()} == {
        "Bad": "Failed",
        "Slow": "Succeeded",
        "Last": "Succeeded",
    }
    reason = ended["Bad"]["FailureReason"]
    assert reason.startswith("AlgorithmError: See job logs for more information, exit code: 1.")
    assert reason.endswith("\nno rows")


def test_a_fail_step_stops_what_runs(lab: Lab) -> None:
    refuse = {"Name": "Refuse", "Type": "Fail", "Arguments": {"ErrorMessage": "enough"}, "DependsOn": ["Short"]}
    long = step(lab, "Long", "import time; time.sleep(600)")

    execution = lab.execute(lab.pipeline([step(lab, "Short"), long, refuse, step(lab, "Next", after=["Long"])]))

    assert execution["FailureReason"] == f"{STEPS_FAILED} enough"
    statuses = {name: item["StepStatus"] for name, item in lab.steps(execution).items()}
    assert statuses == {"Short": "Succeeded", "Long": "Stopped", "Refuse": "Failed"}


def test_what_waits_for_a_branch_that_was_not_taken_does_not_run(lab: Lab) -> None:
    nested = [step(lab, "Taken"), step(lab, "TakenToo", after=["Taken"])]
    steps = [
        check(1, 2, nested, [step(lab, "Other")]),
        step(lab, "AfterOther", after=["Other"]),
        step(lab, "AfterTaken", after=["Taken"]),
        step(lab, "AfterCheck", after=["Check"]),
    ]

    execution = lab.execute(lab.pipeline(steps))

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    ran = lab.steps(execution)
    assert set(ran) == {"Check", "Taken", "TakenToo", "AfterTaken", "AfterCheck"}
    assert ran["Taken"]["EndTime"] <= ran["TakenToo"]["StartTime"]


def test_a_step_that_is_refused_fails_with_the_operation_and_the_reason(lab: Lab) -> None:
    parameters = [{"Name": "Instance", "Type": "String", "DefaultValue": "ml.huge"}]
    wrong = step(lab, "Wrong")
    wrong["Arguments"]["ProcessingResources"]["ClusterConfig"]["InstanceType"] = {"Get": "Parameters.Instance"}

    execution = lab.execute(lab.pipeline([wrong], parameters))

    assert lab.steps(execution)["Wrong"]["FailureReason"].startswith(
        "ClientError: Failed to invoke sagemaker:CreateProcessingJob. Error Details: 1 validation error detected: "
        "Value 'ml.huge' at 'ProcessingResources.ClusterConfig.InstanceType'"
    )


def test_a_missing_value_in_a_property_file_fails_the_step_that_reads_it(lab: Lab) -> None:
    steps, parameters = evaluated(lab, unique("group"))
    steps[2]["Arguments"]["Conditions"][0]["LeftValue"]["Std:JsonGet"]["Path"] = "metrics.mae.value"

    execution = lab.execute(lab.pipeline(steps, parameters))

    failed = lab.steps(execution)["Check"]
    assert failed["FailureReason"].endswith("/report/r.json has no value at 'metrics.mae.value'")


def test_a_cached_step_is_not_run_again_until_something_that_counts_has_changed(lab: Lab) -> None:
    cached = step(lab, "Cached", "import sys; print(sys.argv)", outputs=("out",))
    cached["Arguments"]["AppSpecification"]["ContainerArguments"] = [{"Get": "Parameters.Word"}]
    cached["CacheConfig"] = {"Enabled": True, "ExpireAfter": "PT1H"}
    reader = step(lab, "Reader")
    uri = "Steps.Cached.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"
    reader["Arguments"]["Environment"] = {"URI": {"Get": uri}}
    name = lab.pipeline([cached, reader], [{"Name": "Word", "Type": "String", "DefaultValue": "a"}])

    first, again, other = lab.execute(name), lab.execute(name), lab.execute(name, Word="b")

    jobs = [lab.steps(execution)["Cached"]["Metadata"]["ProcessingJob"]["Arn"] for execution in (first, again, other)]
    assert jobs[0] == jobs[1] != jobs[2]
    assert "CacheHitResult" not in lab.steps(first)["Cached"]
    assert lab.steps(again)["Cached"]["CacheHitResult"] == {"SourcePipelineExecutionArn": first["PipelineExecutionArn"]}
    assert "CacheHitResult" not in lab.steps(again)["Reader"]
    assert again["PipelineExecutionStatus"] == "Succeeded"


def test_a_failed_run_is_never_taken_from_the_cache(lab: Lab) -> None:
    bad = step(lab, "Bad", "raise SystemExit(1)")
    bad["CacheConfig"] = {"Enabled": True, "ExpireAfter": "PT1H"}
    name = lab.pipeline([bad])

    runs = [lab.steps(lab.execute(name))["Bad"] for _ in range(2)]

    assert runs[0]["Metadata"] != runs[1]["Metadata"]


def test_a_stopped_execution_stops_its_job_and_starts_no_other(lab: Lab) -> None:
    name = lab.pipeline([step(lab, "Long", "import time; time.sleep(600)"), step(lab, "Next", after=["Long"])])
    arn = lab.start(name)
    while "Metadata" not in lab.steps({"PipelineExecutionArn": arn}).get("Long", {}):
        time.sleep(0.02)

    lab.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)

    execution = lab.execution_ended(arn)
    assert execution["PipelineExecutionStatus"] == "Stopped"
    steps = lab.steps(execution)
    assert {key: item["StepStatus"] for key, item in steps.items()} == {"Long": "Stopped"}
    job = steps["Long"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    assert lab.sagemaker.describe_processing_job(ProcessingJobName=job)["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="has ended: Stopped"):
        lab.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="u" * 32)


def test_a_retried_execution_runs_only_what_had_not_succeeded(lab: Lab) -> None:
    marker = lab.aws.project_dir / unique("marker")
    script = f"import pathlib, sys; sys.exit(not pathlib.Path({str(marker)!r}).exists())"
    name = lab.pipeline([step(lab, "Good"), step(lab, "Fragile", script, after=["Good"])])
    failed = lab.execute(name)
    assert failed["PipelineExecutionStatus"] == "Failed"
    before = lab.steps(failed)["Good"]
    marker.touch()

    arn = failed["PipelineExecutionArn"]
    lab.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="r" * 32)

    execution = lab.execution_ended(arn)
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert "FailureReason" not in execution
    assert lab.steps(execution)["Good"] == before


def test_the_same_token_starts_one_execution(lab: Lab) -> None:
    name = lab.pipeline([step(lab, "Once")])

    arns = {lab.start(name, ClientRequestToken="o" * 32) for _ in range(3)}

    assert len(arns) == 1
    lab.execution_ended(arns.pop())
    assert len(lab.sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]) == 1


def test_a_pipeline_with_a_running_execution_cannot_be_deleted(lab: Lab) -> None:
    name = lab.pipeline([step(lab, "Long", "import time; time.sleep(600)")])
    arn = lab.start(name)

    with pytest.raises(ClientError, match="has executions that run: stop them before it is deleted"):
        lab.sagemaker.delete_pipeline(PipelineName=name, ClientRequestToken="d" * 32)

    lab.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)
    assert lab.execution_ended(arn)["PipelineExecutionStatus"] == "Stopped"
    lab.sagemaker.delete_pipeline(PipelineName=name, ClientRequestToken="d" * 32)
    with pytest.raises(ClientError, match="does not exist"):
        lab.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)


def test_changes_of_jobs_steps_and_executions_are_events(lab: Lab) -> None:
    rule, queue = unique("rule"), lab.aws.client("sqs").create_queue(QueueName=unique("queue"))["QueueUrl"]
    arn = f"arn:aws:sqs:{lab.aws.region}:{lab.aws.account}:{queue.rpartition('/')[2]}"
    events = lab.aws.client("events")
    name = lab.pipeline([step(lab, "Only")])
    pipeline = lab.sagemaker.describe_pipeline(PipelineName=name)["PipelineArn"]
    pattern = {"source": ["aws.sagemaker"], "detail": {"pipelineArn": [pipeline]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])

    lab.execute(name)

    seen: list[tuple[str, str]] = []
    while len(seen) < 4:
        for message in (
            lab.aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        ):
            event = json.loads(message["Body"])
            detail = event["detail"]
            status = detail.get("currentStepStatus") or detail["currentPipelineExecutionStatus"]
            seen.append((event["detail-type"].removeprefix("SageMaker Model Building Pipeline Execution "), status))
            lab.aws.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        time.sleep(0.02)
    events.remove_targets(Rule=rule, Ids=["queue"])
    events.delete_rule(Name=rule)
    assert sorted(seen) == [
        ("Status Change", "Executing"),
        ("Status Change", "Succeeded"),
        ("Step Status Change", "Executing"),
        ("Step Status Change", "Succeeded"),
    ]
