"""The functions of the stacks of two accounts."""

import os

import boto3


def ask(event, context):
    """Describe the group ``accounts`` of the other account, through its role."""
    found = boto3.client("sts").assume_role(RoleArn=os.environ["ROLE"], RoleSessionName="ask")["Credentials"]
    session = boto3.Session(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], os.environ["REGION"])
    return session.client("sagemaker").describe_model_package_group(ModelPackageGroupName="accounts")[
        "ModelPackageGroupArn"
    ]


def note(event, context):
    """Keep which model package an event is about."""
    boto3.client("ssm").put_parameter(
        Name="/accounts/seen", Value=event["detail"]["ModelPackageArn"], Type="String", Overwrite=True
    )
