"""Models and configs: what is asked of SageMaker, and names that say what is in them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from modelyard import names
from modelyard.lambdas.serving import artifacts
from modelyard.lambdas.serving.artifacts import artifact_name, config_request, is_artifact_name, model_request
from modelyard.lambdas.serving.declaration import Declaration, Network
from modelyard.lambdas.serving.rollouts import Rollout
from modelyard.lambdas.serving.scaling import Scaling
from modelyard.shapes import operation_input, problems
from tests.lambdas.serving.samples import DECLARATION, arn, package

FULL = replace(
    DECLARATION,
    kms_key_arn="arn:aws:kms:eu-west-1:111122223333:key/k",
    network=Network(["subnet-1"], ["sg-1"], True),
    environment={"A": "b"},
    tags={"team": "x"},
    health_check_timeout_seconds=600,
    download_timeout_seconds=1200,
    inference_ami="al2-ami-sagemaker-inference-gpu-2",
)


@pytest.mark.parametrize(
    "changed",
    [
        {"instance_type": "ml.m5.xlarge"},
        {"instance_count": 2},
        {"execution_role_arn": "arn:aws:iam::111122223333:role/other"},
        {"kms_key_arn": "arn:aws:kms:eu-west-1:111122223333:key/k"},
        {"network": Network([], [], True)},
        {"environment": {"A": "b"}},
        {"tags": {"team": "x"}},
        {"health_check_timeout_seconds": 60},
        {"inference_ami": "al2-ami-sagemaker-inference-gpu-2"},
    ],
)
def test_whatever_changes_what_is_served_changes_the_name(changed: dict[str, Any]) -> None:
    assert artifact_name(replace(DECLARATION, **changed), package(1)) != artifact_name(DECLARATION, package(1))


@pytest.mark.parametrize(
    "other", [package(2), package(1, created="2026-11-23T10:00:00Z"), package(1, content={"C": 1})]
)
def test_another_package_or_content_has_another_name(other: Any) -> None:
    assert artifact_name(DECLARATION, other) != artifact_name(DECLARATION, package(1))


def test_how_to_roll_out_watch_and_scale_does_not_change_the_name() -> None:
    changed = replace(DECLARATION, rollout=Rollout("canary", 10, 60), scaling=Scaling(1, 2, 9))
    assert artifact_name(changed, package(1)) == artifact_name(DECLARATION, package(1))


def test_an_approval_does_not_change_the_name() -> None:
    assert artifact_name(DECLARATION, package(1, "Rejected")) == artifact_name(DECLARATION, package(1))


def test_a_name_fits_sagemaker_however_long_the_endpoint_is_called() -> None:
    name = artifact_name(replace(DECLARATION, endpoint_name="e" * 63), package(1))
    assert re.fullmatch(r"e{46}-[0-9a-f]{16}", name) and len(name) == 63


def test_only_names_of_this_pattern_can_be_an_endpoints_own() -> None:
    assert is_artifact_name("ab", "ab-0123456789abcdef")
    assert not is_artifact_name("ab", "ab-c-0123456789abcdef")
    assert not is_artifact_name("ab", "ab-by-hand")


def test_network_and_environment_go_into_the_model_and_the_package_by_its_arn() -> None:
    request = model_request(FULL, package(3), "name")
    environment = {"V": "3", "A": "b", "MODEL_PACKAGE_ARN": arn(3)}
    assert request["Containers"] == [{"ModelPackageName": arn(3), "Environment": environment}]
    assert request["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert request["EnableNetworkIsolation"] is True
    assert {"Key": "modelyard:endpoint", "Value": DECLARATION.endpoint_name} in request["Tags"]


def test_what_is_declared_wins_over_the_package_and_the_version_over_both() -> None:
    content = {"Containers": [{"Environment": {"A": "package", "MODEL_PACKAGE_ARN": "of its source"}}]}
    request = model_request(FULL, package(3, content=content), "name")
    assert request["Containers"][0]["Environment"] == {"A": "b", "MODEL_PACKAGE_ARN": arn(3)}


def test_a_model_that_was_made_without_the_version_is_not_taken_for_one_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = artifact_name(DECLARATION, package(1))
    monkeypatch.setattr(artifacts, "VERSION_VARIABLE", "ANOTHER_VARIABLE")
    assert artifact_name(DECLARATION, package(1)) != name


def test_the_settings_refuse_the_variable_that_the_hook_sets() -> None:
    assert names.VERSION_VARIABLE == artifacts.VERSION_VARIABLE


def test_capacity_key_and_timeouts_go_into_the_config() -> None:
    request = config_request(FULL, package(3), "name")
    assert request["KmsKeyId"] == FULL.kms_key_arn
    assert request["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "ModelName": "name",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": 1.0,
            "ContainerStartupHealthCheckTimeoutInSeconds": 600,
            "ModelDataDownloadTimeoutInSeconds": 1200,
            "InferenceAmiVersion": "al2-ami-sagemaker-inference-gpu-2",
        }
    ]


@pytest.mark.parametrize("declaration", [DECLARATION, FULL])
def test_both_requests_are_what_sagemaker_takes(declaration: Declaration) -> None:
    name = artifact_name(declaration, package(1))
    model, config = model_request(declaration, package(1), name), config_request(declaration, package(1), name)
    assert not list(problems(operation_input("sagemaker", "CreateModel"), model))
    assert not list(problems(operation_input("sagemaker", "CreateEndpointConfig"), config))
