"""EventBridge starts pipelines: by a rule, and by a schedule."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.local.sagemaker.lab import Lab, unique

PARAMETERS = [{"Name": "Why", "Type": "String", "DefaultValue": "by hand"}]


def pipeline(lab: Lab) -> str:
    """The ARN of a pipeline that needs no job."""
    name = unique("triggered")
    fail = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.Why"}}}
    definition = {"Version": "2020-12-01", "Parameters": PARAMETERS, "Steps": [fail]}
    created = lab.sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=lab.role, ClientRequestToken="0" * 32
    )
    return str(created["PipelineArn"])


def target(lab: Lab, arn: str, why: str) -> dict[str, Any]:
    parameters = {"PipelineParameterList": [{"Name": "Why", "Value": why}]}
    return {"Arn": arn, "RoleArn": lab.role, "SageMakerPipelineParameters": parameters}


def parameters_of_first_execution(lab: Lab, arn: str) -> list[dict[str, str]]:
    """The parameters of the one execution, which must start within ten seconds."""
    name = arn.rpartition("/")[2]
    deadline = time.monotonic() + 10
    while not (found := lab.sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]):
        assert time.monotonic() < deadline, f"{name} was not started"
        time.sleep(0.1)
    execution = found[0]["PipelineExecutionArn"]
    listed = lab.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=execution)
    return list(listed["PipelineParameters"])


def test_a_rule_starts_a_pipeline_with_the_parameters_of_its_target(lab: Lab) -> None:
    arn, source = pipeline(lab), unique("source")
    events = lab.aws.client("events")
    events.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=source, Targets=[{"Id": "pipeline", **target(lab, arn, "an event")}])
    events.put_events(Entries=[{"Source": source, "DetailType": "new data", "Detail": "{}"}])
    assert parameters_of_first_execution(lab, arn) == [{"Name": "Why", "Value": "an event"}]


def test_a_schedule_starts_a_pipeline_with_the_parameters_of_its_target(lab: Lab) -> None:
    arn, name = pipeline(lab), unique("schedule")
    soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 1))
    lab.aws.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=f"at({soon})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target(lab, arn, "the hour"),
    )
    assert parameters_of_first_execution(lab, arn) == [{"Name": "Why", "Value": "the hour"}]
