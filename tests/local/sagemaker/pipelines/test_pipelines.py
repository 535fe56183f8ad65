"""Pipelines as records: create, update, describe, list, delete."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.sagemaker.lab import Lab, unique

STEP = {"Name": "Refuse", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}
DEFINITION = json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": [STEP]})


def create(lab: Lab, name: str, token: str = "a" * 32, **more: Any) -> str:
    arguments = {"PipelineDefinition": DEFINITION, **more}
    if "PipelineDefinitionS3Location" in more:
        del arguments["PipelineDefinition"]
    answer = lab.sagemaker.create_pipeline(PipelineName=name, RoleArn=lab.role, ClientRequestToken=token, **arguments)
    return str(answer["PipelineArn"])


def test_a_pipeline_is_described_updated_listed_and_deleted(lab: Lab) -> None:
    name = unique("pipeline")
    arn = create(lab, name, PipelineDescription="first", Tags=[{"Key": "team", "Value": "ml"}])

    described = lab.sagemaker.describe_pipeline(PipelineName=name)
    assert (described["PipelineArn"], described["PipelineStatus"]) == (arn, "Active")
    assert json.loads(described["PipelineDefinition"])["Steps"] == [STEP]
    assert lab.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "ml"}]

    lab.sagemaker.update_pipeline(PipelineName=name, PipelineDescription="second")
    changed = lab.sagemaker.describe_pipeline(PipelineName=arn)
    assert changed["PipelineDescription"] == "second"
    assert changed["PipelineDefinition"] == described["PipelineDefinition"]

    listed = lab.sagemaker.list_pipelines(PipelineNamePrefix=name)["PipelineSummaries"]
    assert [item["PipelineName"] for item in listed] == [name]

    lab.sagemaker.delete_pipeline(PipelineName=name, ClientRequestToken="d" * 32)
    with pytest.raises(ClientError) as missing:
        lab.sagemaker.describe_pipeline(PipelineName=name)
    assert missing.value.response["Error"]["Code"] == "ResourceNotFound"
    assert missing.value.response["Error"]["Message"] == f"Pipeline '{arn}' does not exist."


def test_a_name_that_is_taken_is_refused_in_the_words_that_upsert_looks_for(lab: Lab) -> None:
    name = unique("pipeline")
    arn = create(lab, name, token="a" * 32)

    assert create(lab, name, token="a" * 32) == arn
    with pytest.raises(ClientError) as refused:
        create(lab, name, token="b" * 32)

    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert refused.value.response["Error"]["Message"] == (
        f"Pipeline names must be unique within an AWS account and region. Pipeline with name ({name}) already exists."
    )


def test_a_large_definition_comes_from_s3(lab: Lab) -> None:
    name, key = unique("pipeline"), unique("definition")
    lab.put(key, DEFINITION)

    create(lab, name, PipelineDefinitionS3Location={"Bucket": lab.bucket, "ObjectKey": key})

    assert lab.sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"] == DEFINITION


def test_a_refused_definition_leaves_no_pipeline_and_changes_none(lab: Lab) -> None:
    name, broken = unique("pipeline"), json.dumps({"Version": "2020-12-01", "Steps": []})
    with pytest.raises(ClientError, match="Unable to parse pipeline definition"):
        create(lab, name, PipelineDefinition=broken)
    with pytest.raises(ClientError, match="does not exist"):
        lab.sagemaker.describe_pipeline(PipelineName=name)

    create(lab, name)
    with pytest.raises(ClientError, match="It has no Steps"):
        lab.sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=broken, PipelineDescription="x")
    described = lab.sagemaker.describe_pipeline(PipelineName=name)
    assert described["PipelineDefinition"] == DEFINITION
    assert "PipelineDescription" not in described


def test_selective_execution_is_refused(lab: Lab) -> None:
    name = unique("pipeline")
    create(lab, name)

    with pytest.raises(ClientError, match="SelectiveExecutionConfig is not supported by the local AWS; leave it out"):
        lab.start(name, SelectiveExecutionConfig={"SelectedSteps": [{"StepName": "Refuse"}]})

    assert lab.sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"] == []
