"""What the checks against botocore's shapes find, in the service's own words."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.shapes import operation_input, operation_output, problems

GROUP = {"ModelPackageGroupName": "abalone"}

FOUND = [
    ("CreateModelPackageGroup", {}, "Value null at 'ModelPackageGroupName' failed to satisfy constraint: "
     "Member must not be null"),
    ("CreateModelPackageGroup", {"ModelPackageGroupName": 7}, "Value '7' at 'ModelPackageGroupName' failed to satisfy "
     "constraint: Member must be of type string"),
    ("CreateModelPackageGroup", {"ModelPackageGroupName": True}, "Value 'True' at 'ModelPackageGroupName' failed to "
     "satisfy constraint: Member must be of type string"),
    ("CreateModelPackageGroup", {**GROUP, "Tagz": []}, "Value '[]' at 'Tagz' failed to satisfy constraint: "
     "Member is not known; did you mean 'Tags'?"),
    ("CreateModelPackageGroup", {**GROUP, "Zebra": 1}, "Value '1' at 'Zebra' failed to satisfy constraint: "
     "Member is not known"),
    ("CreateModelPackageGroup", {**GROUP, "Tags": [{"Key": "a"}]}, "Value null at 'Tags[0].Value' failed to satisfy "
     "constraint: Member must not be null"),
    ("UpdateModelPackage", {"ModelPackageArn": "arn:aws:sagemaker:us-east-1:111122223333:model-package/abalone/1",
                            "ModelApprovalStatus": "Aproved"},
     "Value 'Aproved' at 'ModelApprovalStatus' failed to satisfy constraint: Member must satisfy enum value set: "
     "[Approved, Rejected, PendingManualApproval]"),
    ("DescribeEndpoint", {"EndpointName": "-no"}, "Value '-no' at 'EndpointName' failed to satisfy constraint: "
     "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"),
    ("ListEndpoints", {"MaxResults": 101}, "Value '101' at 'MaxResults' failed to satisfy constraint: "
     "Member must have value less than or equal to 100"),
    ("ListEndpoints", {"MaxResults": 0}, "Value '0' at 'MaxResults' failed to satisfy constraint: "
     "Member must have value greater than or equal to 1"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "value", "message"), FOUND)
def test_a_misfit_is_named_with_its_path_value_and_constraint(
    operation: str, value: dict[str, Any], message: str
) -> None:
    assert [str(found) for found in problems(operation_input("sagemaker", operation), value)] == [message]


def test_a_value_that_fits_has_no_problem() -> None:
    value = {**GROUP, "ModelPackageGroupDescription": "rings", "Tags": [{"Key": "team", "Value": "sea"}]}
    assert not list(problems(operation_input("sagemaker", "CreateModelPackageGroup"), value))


def test_every_misfit_is_found_not_only_the_first() -> None:
    value = {"ModelPackageGroupName": "", "Tags": [{"Key": 1, "Value": "x"}]}
    paths = {found.path for found in problems(operation_input("sagemaker", "CreateModelPackageGroup"), value)}
    assert paths == {"ModelPackageGroupName", "Tags[0].Key"}


def test_what_is_known_only_at_run_time_is_not_checked() -> None:
    def later(value: Any) -> bool:
        return isinstance(value, dict) and set(value) == {"Get"}

    shape = operation_input("sagemaker", "CreateModelPackageGroup")
    assert not list(problems(shape, {"ModelPackageGroupName": {"Get": "Parameters.Group"}}, opaque=later))
    assert list(problems(shape, {"ModelPackageGroupName": {"Get": "Parameters.Group"}}))


def test_maps_are_checked_in_keys_and_values() -> None:
    shape = operation_input("sagemaker", "CreateTrainingJob").members["HyperParameters"]
    (found,) = problems(shape, {"max_depth": 5}, path="HyperParameters")
    assert (found.path, found.constraint) == ("HyperParameters.max_depth", "Member must be of type string")


def test_an_operation_that_answers_nothing_has_no_output_shape() -> None:
    assert operation_output("sagemaker", "DeleteEndpoint") is None
