"""The functions of the stacks of two accounts."""

import os
from typing import Any

import boto3


def ask(event: dict[str, Any], context: object) -> str:
    """Describe the group ``accounts`` of the other account, through its role."""
    found = boto3.client("sts").assume_role(RoleArn=os.environ["ROLE"], RoleSessionName="ask")["Credentials"]
    session = boto3.Session(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], os.environ["REGION"])
    group = session.client("sagemaker").describe_model_package_group(ModelPackageGroupName="accounts")
    return str(group["ModelPackageGroupArn"])


def note(event: dict[str, Any], context: object) -> None:
    """Keep which model package an event is about."""
    boto3.client("ssm").put_parameter(
        Name="/accounts/seen", Value=event["detail"]["ModelPackageArn"], Type="String", Overwrite=True
    )
