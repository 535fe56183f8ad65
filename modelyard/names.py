"""Every name that is a contract between the stacks, the functions, the pipelines and the command line.

Importable without the CDK. Nothing else in the project spells these names.
"""

import hashlib
import re

PREFIX = "modelyard"
STACKS = "Modelyard-"
"""What the names of all stacks begin with, and so those of the roles whose names CloudFormation draws."""

PLATFORM = "platform"
"""Stands in the place of the project in the path of a stage's own parameters."""

IMAGES = "images"
"""Stands in the place of the stage in the path of the parameters of images, which stages share."""

DELIVERY = "delivery"
"""Stands in the place of the stage in the names of what delivers to all stages."""

DELIVERY_BUILDS = ("verify", "assets")
"""What the CodeBuild projects of the delivery pipeline are for."""

DELIVERY_PURPOSES = ("verdict", "plan", "train", "promote", "smoke-test")
"""What the functions of the delivery pipeline are for."""

ACCESS_PURPOSES = ("train", "promote-from", "promote-to", "smoke-test")
"""What those functions do in a stage, each by a role of its own there; a plan is made by a role of `cdk bootstrap`."""

RESERVED_STAGE_NAMES = frozenset({IMAGES, DELIVERY, PLATFORM})
"""Stage names that would clash with what stands in the place of a stage."""

RESERVED_PROJECT_NAMES = frozenset({PLATFORM, "foundation", "serving"})
"""Project names that would clash with a stage's own parameters or stacks."""

MAX_STAGE_LENGTH = 15
"""Longest stage name: S3 allows a bucket name 63 characters, prefix, purpose, account and region included."""

MAX_PROJECT_LENGTH = 37
"""Longest project name: SageMaker allows an endpoint name 63 characters, prefix and stage included."""

_STAGE_HASH_LENGTH = 6

VERSION_VARIABLE = "MODEL_PACKAGE_ARN"
"""The variable that tells a model's container which version it serves."""


def resource_name(stage: str, project: str) -> str:
    """The one name of a project's model package group, endpoint and pipeline in a stage."""
    return f"{PREFIX}-{stage}-{project}"


def bucket_name(stage: str, purpose: str, account: str, region: str) -> str:
    """A stage's bucket; `purpose` is `data`, `artifacts`, `capture` or `logs`."""
    return f"{PREFIX}-{stage}-{purpose}-{account}-{region}"


def ledger_table(stage: str) -> str:
    """The DynamoDB table of a stage's approvals, attempts and holds."""
    return f"{PREFIX}-{stage}-ledger"


def key_alias(stage: str) -> str:
    """The alias of a stage's KMS key."""
    return f"alias/{PREFIX}-{stage}"


def derived_stage(stack: str) -> str:
    """A stage name for a stack that has none: its own in small letters or, where no stage bears it, with a hash."""
    plain = re.sub(r"[^a-z0-9]", "", stack.lower())
    if plain == stack.lower() and len(plain) <= MAX_STAGE_LENGTH and plain not in RESERVED_STAGE_NAMES:
        return plain
    digest = hashlib.sha256(stack.encode()).hexdigest()[:_STAGE_HASH_LENGTH]
    return plain[: MAX_STAGE_LENGTH - _STAGE_HASH_LENGTH] + digest


def artifacts_prefix(endpoint: str) -> str:
    """What the names of an endpoint's models, configs and rollout alarms begin with; `lambdas.serving.artifacts`."""
    return f"{endpoint[:46]}-"


def image(folder: str, variant: str = "", namespace: str = "") -> str:
    """The name of the image made from a folder of that name, or of one of its variants, below `namespace`."""
    return "/".join(part for part in (namespace, folder, variant) if part)


def repository(image: str) -> str:
    """The ECR repository of an image."""
    return f"{PREFIX}/{image}"


def delivery_pipeline() -> str:
    """The CodePipeline pipeline from a commit to the last stage."""
    return f"{PREFIX}-{DELIVERY}"


def delivery_bucket(purpose: str, account: str, region: str) -> str:
    """A bucket of the delivery pipeline; `purpose` is `source`, `artifacts` or `logs`."""
    return bucket_name(DELIVERY, purpose, account, region)


def delivery_project(purpose: str) -> str:
    """A CodeBuild project of the delivery pipeline, and its role; `purpose` is one of `DELIVERY_BUILDS`."""
    return f"{PREFIX}-{DELIVERY}-{purpose}"


def delivery_function(purpose: str) -> str:
    """A function of the delivery pipeline, and its role; `purpose` is one of `DELIVERY_PURPOSES`."""
    return f"{PREFIX}-{DELIVERY}-{purpose}"


def delivery_role(stage: str, purpose: str) -> str:
    """The role in a stage by which a function of the delivery pipeline works there, see `ACCESS_PURPOSES`."""
    return f"{PREFIX}-{stage}-{DELIVERY}-{purpose}"


def delivery_stage(stage: str, part: int = 1) -> str:
    """The stage of the delivery pipeline that deploys to a stage, or a further part of it, for its many projects."""
    return f"Deploy-{stage}" + (f"-{part}" if part > 1 else "")


def delivery_change_set(purpose: str) -> str:
    """The change sets of the delivery pipeline; `purpose` is `deploy`, or `review` of those that a gate shows."""
    return f"{PREFIX}-{purpose}"


def delivery_stack(region: str = "") -> str:
    """The stack of the delivery pipeline, or that of its artifacts in another `region`."""
    return f"{STACKS}Delivery" + (f"-{region}" if region else "")


def parameter_path(stage: str, project: str | None = None, key: str | None = None) -> str:
    """A path in SSM Parameter Store: of a stage, of a project in it, or of one key; `PLATFORM` stands for the stage."""
    return "/" + "/".join(part for part in (PREFIX, stage, project, key) if part is not None)


def image_parameter(image: str, tag: str = "uri") -> str:
    """The SSM parameter that holds an image's URI by digest: of what `tag` names, by default of the latest."""
    return parameter_path(IMAGES, image, tag)


def declaration_parameter(stage: str, project: str) -> str:
    """The SSM parameter that holds a project's endpoint declaration."""
    return parameter_path(stage, project, "endpoint")


def image_stack(region: str, account: str = "") -> str:
    """The stack of an account's image repositories in a region.

    With `account` its id in an app that has several accounts in the region; in each it has the same name.
    """
    return f"{STACKS}Images-{region}" + (f"-{account}" if account else "")


def stage_stacks(stage: str) -> str:
    """What the names of all stacks of a stage begin with."""
    return f"{STACKS}{stage}-"


def foundation_stack(stage: str) -> str:
    """The stack of a stage's stateful resources."""
    return f"{stage_stacks(stage)}Foundation"


def serving_stack(stage: str) -> str:
    """The stack of a stage's approval hook."""
    return f"{stage_stacks(stage)}Serving"


def project_stack(stage: str, project: str) -> str:
    """The stack of an ML project in a stage: project `abalone-eu` gives `Modelyard-<stage>-AbaloneEu`."""
    return stage_stacks(stage) + "".join(part.capitalize() for part in project.split("-"))
