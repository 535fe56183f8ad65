"""Stand-ins for what only the deployment knows, and their replacement by `Fn::Sub` variables.

The SDK refuses CDK tokens, so a definition is compiled with literal values of the right form. In the finished body
each is replaced by `${Variable}`; everything else that looks like one is escaped as `${!…}`, which `Fn::Sub` turns
back into `${…}`
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html).
"""

import re
from pathlib import PurePosixPath

ACCOUNT = "000000000000"
MARK = "modelyard-sentinel"

# Variable, what it stands for, the literal that holds its place.
FIXED = {
    "Bucket": ("name of the artefact bucket", f"{MARK}-bucket"),
    "DataBucket": ("name of the data bucket", f"{MARK}-data-bucket"),
    "JobRoleArn": ("ARN of the jobs' role", f"arn:aws:iam::{ACCOUNT}:role/{MARK}-role"),
    "KmsKeyArn": ("ARN of the KMS key", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{MARK}-key"),
    "ModelPackageGroupName": ("name of the model package group", f"{MARK}-group"),
}


def camel(text: str) -> str:
    """`text` as a CloudFormation variable: letters and digits only, a capital after each of the others."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", text))


def image(folder: str) -> tuple[str, str, str]:
    """Variable, meaning and literal of the URI of the image built from `containers/<folder>`."""
    literal = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/modelyard/{folder}:{MARK}"
    return f"Image{camel(folder)}", f"URI of the image {folder}", literal


def code(script: str) -> tuple[str, str, str]:
    """Variable, meaning and literal of the S3 URI of the bundle that runs `script`."""
    stem = PurePosixPath(script).with_suffix("").as_posix()
    return f"Code{camel(stem)}", f"S3 URI of the bundle that runs {script}", f"s3://{MARK}-code/{script}"


def subnet(index: int) -> tuple[str, str, str]:
    """Variable, meaning and literal of a subnet's id."""
    return f"SubnetId{index}", f"id of subnet {index}", f"subnet-{index:017x}"


def security_group(index: int) -> tuple[str, str, str]:
    """Variable, meaning and literal of a security group's id."""
    return f"SecurityGroupId{index}", f"id of security group {index}", f"sg-{index:017x}"


def to_sub(text: str, literals: dict[str, str]) -> str:
    """`text` as an `Fn::Sub` template: `literals` (variable to literal) replaced, every other `${` escaped."""
    escaped = text.replace("${", "${!")
    # Longest first: a literal may be the beginning of another.
    for variable, literal in sorted(literals.items(), key=lambda item: -len(item[1])):
        escaped = escaped.replace(literal, f"${{{variable}}}")
    return escaped
