"""The real ``cdk`` deploys an app to two accounts, whose parts work together through roles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.local.accounts.session import OTHER, client, keys_of
from tests.local.test_cdk import APPS, wait_for
from tests.local_aws import LocalAws

STAGE_REGION = "us-east-1"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.fixture(scope="module")
def assembly(bootstrapped: LocalAws) -> Path:
    """The app's assembly, deployed to both accounts with the instance's key alone."""
    aws = bootstrapped
    aws.run(
        "cdk", "bootstrap", f"aws://{OTHER}/{STAGE_REGION}", "--trust", aws.account,
        "--cloudformation-execution-policies", ADMINISTRATOR, env=keys_of(aws, OTHER),
    )  # fmt: skip
    env = {
        "TOOLS_ACCOUNT": aws.account,
        "TOOLS_REGION": aws.region,
        "STAGE_ACCOUNT": OTHER,
        "STAGE_REGION": STAGE_REGION,
    }
    assembly = aws.synth(APPS / "accounts", "accounts", env=env)
    aws.cdk("deploy", assembly, "--all")
    return assembly


def test_each_stack_is_in_its_account(bootstrapped: LocalAws, assembly: Path) -> None:
    aws, keys = bootstrapped, keys_of(bootstrapped, OTHER)
    (stack,) = client(aws, "cloudformation", keys, STAGE_REGION).describe_stacks(StackName="AccountsStage")["Stacks"]
    assert stack["StackId"].split(":")[3:5] == [STAGE_REGION, OTHER]
    with pytest.raises(ClientError, match="does not exist"):
        aws.client("cloudformation").describe_stacks(StackName="AccountsStage")
    described = client(aws, "ecr", keys, STAGE_REGION).describe_repositories(repositoryNames=["accounts"])
    (repository,) = described["repositories"]
    assert repository["repositoryUri"].startswith(f"{OTHER}.dkr.ecr.{STAGE_REGION}.")
    assert "There were no differences" in aws.cdk("diff", assembly, "AccountsStage")


def test_a_function_works_in_the_other_account_through_a_role_there(bootstrapped: LocalAws, assembly: Path) -> None:
    answer = bootstrapped.client("lambda").invoke(FunctionName="accounts-ask")
    told = json.loads(answer["Payload"].read())
    assert told == f"arn:aws:sagemaker:{STAGE_REGION}:{OTHER}:model-package-group/accounts"
    with pytest.raises(ClientError, match="does not exist"):
        bootstrapped.client("sagemaker").describe_model_package_group(ModelPackageGroupName="accounts")


def test_the_other_accounts_events_reach_its_own_function(bootstrapped: LocalAws, assembly: Path) -> None:
    aws, keys = bootstrapped, keys_of(bootstrapped, OTHER)
    container = {"Image": f"{OTHER}.dkr.ecr.{STAGE_REGION}.amazonaws.com/accounts:1", "ModelDataUrl": "s3://b/m.tar.gz"}
    made = client(aws, "sagemaker", keys, STAGE_REGION).create_model_package(
        ModelPackageGroupName="accounts",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    ssm = client(aws, "ssm", keys, STAGE_REGION)
    seen = wait_for(lambda: ssm.get_parameters(Names=["/accounts/seen"])["Parameters"])
    assert seen[0]["Value"] == made["ModelPackageArn"]
    assert not aws.client("ssm").get_parameters(Names=["/accounts/seen"])["Parameters"]
