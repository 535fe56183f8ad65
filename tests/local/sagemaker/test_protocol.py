"""The wire: operations found, requests and answers held to botocore's model, errors in AWS's form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import modelyard.local.sagemaker.registry
from modelyard.local.sagemaker import operations, protocol
from tests.local.sagemaker.in_process import LocalSageMaker
from tests.local_aws import LocalAws

__all__ = ["modelyard"]


@pytest.fixture
def sagemaker(tmp_path: Path) -> Iterator[LocalSageMaker]:
    local = LocalSageMaker(tmp_path)
    yield local
    local.close()


def ask(sagemaker: LocalSageMaker, target: str, body: bytes) -> tuple[int, dict[str, str], Any]:
    status, headers, answer = protocol.handle_json(sagemaker.context, target, body)
    return status, headers, json.loads(answer)


def test_an_operation_is_answered_as_json(sagemaker: LocalSageMaker) -> None:
    status, headers, answer = ask(sagemaker, "SageMaker.ListModelPackageGroups", b"")
    assert (status, answer) == (200, {"ModelPackageGroupSummaryList": []})
    assert headers["Content-Type"] == "application/x-amz-json-1.1"


WRONG: list[tuple[str, bytes, str, str]] = [
    (
        "SageMaker.CreateDomain",
        b"{}",
        "UnknownOperationException",
        "SageMaker's operation CreateDomain is not supported by the local AWS",
    ),
    ("SageMaker.MakeCoffee", b"{}", "UnknownOperationException", "Unknown operation MakeCoffee"),
    (
        "SageMaker.ListTags",
        b"{",
        "ValidationException",
        "The request body is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ),
    (
        "SageMaker.CreateModelPackageGroup",
        b"{}",
        "ValidationException",
        "1 validation error detected: Value null at 'ModelPackageGroupName' failed to satisfy constraint: "
        "Member must not be null",
    ),
    (
        "SageMaker.CreateModelPackageGroup",
        b'{"ModelPackageGroupName": 7, "ModelPackageGroupDescripton": "d"}',
        "ValidationException",
        "2 validation errors detected: Value '7' at 'ModelPackageGroupName' failed to satisfy constraint: "
        "Member must be of type string; Value 'd' at 'ModelPackageGroupDescripton' failed to satisfy constraint: "
        "Member is not known; did you mean 'ModelPackageGroupDescription'?",
    ),
]


@pytest.mark.parametrize(("target", "body", "code", "message"), WRONG)
def test_a_wrong_request_is_refused_in_awss_form(
    sagemaker: LocalSageMaker, target: str, body: bytes, code: str, message: str
) -> None:
    status, headers, answer = ask(sagemaker, target, body)
    assert (status, answer) == (400, {"__type": code, "message": message})
    assert headers["x-amzn-ErrorType"] == code


def test_what_a_record_keeps_for_itself_is_never_answered(sagemaker: LocalSageMaker) -> None:
    sagemaker.call("CreateModelPackageGroup", ModelPackageGroupName="group")
    group = sagemaker.call("DescribeModelPackageGroup", ModelPackageGroupName="group")
    assert not [name for name in group if name.startswith("_")]


def test_an_answer_shares_nothing_with_the_state(sagemaker: LocalSageMaker) -> None:
    specification = {"Containers": [{"Image": "image:1"}]}
    sagemaker.call("CreateModelPackage", ModelPackageName="alone", InferenceSpecification=specification)
    answer = sagemaker.call("DescribeModelPackage", ModelPackageName="alone")
    answer["InferenceSpecification"]["Containers"].clear()
    again = sagemaker.call("DescribeModelPackage", ModelPackageName="alone")
    assert again["InferenceSpecification"] == specification


def test_an_operation_that_answers_what_aws_would_not_is_an_internal_failure(
    sagemaker: LocalSageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(operations.OPERATIONS, "DescribeModelPackageGroup", lambda context, request: {})
    body = b'{"ModelPackageGroupName": "group"}'
    status, _headers, answer = ask(sagemaker, "SageMaker.DescribeModelPackageGroup", body)
    assert (status, answer["__type"]) == (500, "InternalFailure")
    assert "Value null at 'ModelPackageGroupArn'" in answer["message"]


def test_only_operations_of_sagemaker_can_be_registered_and_only_once() -> None:
    with pytest.raises(ValueError, match="MakeCoffee is no operation of SageMaker"):
        operations.operation("MakeCoffee")
    with pytest.raises(ValueError, match="CreateModelPackageGroup is registered twice"):
        operations.operation("CreateModelPackageGroup")(lambda context, request: None)


def test_boto3_raises_its_own_classes_of_these_errors(local_aws: LocalAws) -> None:
    client = local_aws.client("sagemaker")
    with pytest.raises(ClientError) as unknown:
        client.list_domains()
    assert unknown.value.response["Error"] == {
        "Code": "UnknownOperationException",
        "Message": "SageMaker's operation ListDomains is not supported by the local AWS",
    }
    client.create_model_package_group(ModelPackageGroupName="protocol")
    package = client.create_model_package(ModelPackageGroupName="protocol")["ModelPackageArn"]
    with pytest.raises(client.exceptions.ConflictException):
        client.delete_model_package_group(ModelPackageGroupName="protocol")
    client.delete_model_package(ModelPackageName=package)
    client.delete_model_package_group(ModelPackageGroupName="protocol")


def test_accounts_and_regions_have_their_own_resources(sagemaker: LocalSageMaker) -> None:
    sagemaker.call("CreateModelPackageGroup", ModelPackageGroupName="group")
    elsewhere = sagemaker.service.context("444455556666", "us-east-1")
    assert protocol.call(elsewhere, "ListModelPackageGroups", {}) == {"ModelPackageGroupSummaryList": []}
    created = protocol.call(elsewhere, "CreateModelPackageGroup", {"ModelPackageGroupName": "group"})
    arn = "arn:aws:sagemaker:us-east-1:444455556666:model-package-group/group"
    assert created == {"ModelPackageGroupArn": arn}
