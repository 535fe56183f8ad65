"""The keys of `platform.yaml`; a field's description says what it allows, in the words that an error uses."""

import re
from typing import Annotated, Self

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from modelyard import names
from modelyard.settings.delivery import DeliveryKeys
from modelyard.settings.endpoint import EndpointSettings
from modelyard.settings.errors import nearest
from modelyard.settings.fields import AccountId, Email, PolicyArn, Region, matching
from modelyard.settings.section import Section, rule
from modelyard.settings.training import DataTriggerSettings, TrainingSettings

PIPELINE = r"[a-z][a-z0-9_]*"
STAGE = rf"[a-z][a-z0-9]{{0,{names.MAX_STAGE_LENGTH - 1}}}"
STAGE_RULE = f"a stage name: lower-case letters and digits, a letter first, at most {names.MAX_STAGE_LENGTH}"
SCHEDULE = r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)|cron\((\S+ ){5}\S+\)"
SCHEDULE_RULE = "rate(…) or cron(…) as EventBridge Scheduler has them, such as rate(1 day)"


_SubnetId = Annotated[str, matching(r"subnet-[0-9a-f]{8,17}", "a subnet id, such as subnet-0a1b2c3d")]
_SecurityGroupId = Annotated[str, matching(r"sg-[0-9a-f]{8,17}", "a security group id, such as sg-0a1b2c3d")]
StageName = Annotated[str, matching(STAGE, STAGE_RULE)]
ProjectName = Annotated[
    str,
    matching(
        r"[a-z][a-z0-9]*(-[a-z0-9]+)*",
        "a project name: lower-case letters, digits and single hyphens, a letter first, "
        f"at most {names.MAX_PROJECT_LENGTH}",
        max_length=names.MAX_PROJECT_LENGTH,
    ),
]


class Network(Section):
    """The VPC that jobs and endpoints run in.

    Args:
        subnet_ids: 1 to 16 subnets.
        security_group_ids: 1 to 5 security groups.
        isolation: whether containers may open no connection. Default: they may.

    Example:
        >>> network = Network(subnet_ids=("subnet-0a1b2c3d",), security_group_ids=("sg-0a1b2c3d",))
    """

    subnet_ids: Annotated[
        tuple[_SubnetId, ...], Field(min_length=1, max_length=16, description="a list of 1 to 16 subnet ids")
    ]
    security_group_ids: Annotated[
        tuple[_SecurityGroupId, ...],
        Field(min_length=1, max_length=5, description="a list of 1 to 5 security group ids"),
    ]
    isolation: Annotated[StrictBool, Field(description="true or false")] = False


class StageKeys(Section):
    """What the file says of a stage."""

    account: AccountId
    region: Region
    disposable: Annotated[StrictBool, Field(description="true or false")] = False
    adopt: Annotated[StrictBool, Field(description="true or false")] = False
    network: Annotated[Network | None, Field(description="subnet_ids, security_group_ids, isolation")] = None
    permissions_boundary: PolicyArn = None
    notification_emails: Annotated[tuple[Email, ...], Field(description="a list of e-mail addresses")] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.adopt and self.disposable:
            raise rule("received true, but a disposable stage leaves nothing to adopt; remove one of the two", "adopt")
        owner = (self.permissions_boundary or f"::::{self.account}").split(":")[4]
        if owner not in ("aws", self.account):
            raise rule(
                f"received a policy of account {owner}; allowed: one of the stage's account, {self.account}",
                "permissions_boundary",
            )
        return self


class ProjectKeys(Section):
    """What the file says of an ML project."""

    pipeline: Annotated[str, matching(PIPELINE, "the name of a pipeline's folder, such as abalone")] = ""
    stages: Annotated[tuple[str, ...] | None, Field(min_length=1, description="a list of stages of this file")] = None
    parameters: Annotated[
        dict[str, StrictStr | StrictInt | StrictFloat | StrictBool],
        Field(description="names of pipeline parameters with text, numbers, true or false"),
    ] = {}
    schedule: Annotated[str | None, matching(SCHEDULE, SCHEDULE_RULE)] = None
    data_trigger: Annotated[
        DataTriggerSettings | None, Field(description=", ".join(DataTriggerSettings.model_fields))
    ] = None
    training: Annotated[TrainingSettings, Field(description=", ".join(TrainingSettings.model_fields))] = (
        TrainingSettings()
    )
    endpoint: Annotated[
        EndpointSettings | None,
        Field(description=", ".join(EndpointSettings.model_fields)),
    ] = None


class PlatformFile(Section):
    """All of the file."""

    stages: Annotated[dict[StageName, StageKeys], Field(min_length=1, description="at least one stage")]
    projects: Annotated[dict[ProjectName, ProjectKeys], Field(description="names with their projects")] = {}
    delivery: Annotated[DeliveryKeys | None, Field(description=", ".join(DeliveryKeys.model_fields))] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.stages:
            if name in names.RESERVED_STAGE_NAMES:
                raise rule("received this name, which the platform uses itself; choose another", "stages", name)
        for index, stage in enumerate((self.delivery and self.delivery.stages) or ()):
            if stage not in self.stages:
                problem = f"received {stage}; allowed: {', '.join(self.stages)}{nearest(stage, self.stages)}"
                raise rule(problem, "delivery", "stages", index)
        for name, project in self.projects.items():
            if name in names.RESERVED_PROJECT_NAMES:
                raise rule("received this name, which the platform uses itself; choose another", "projects", name)
            if not project.pipeline and not re.fullmatch(PIPELINE, name):
                problem = (
                    "missing, and the project's name is no folder's name; allowed: the name of a pipeline's folder"
                )
                raise rule(problem, "projects", name, "pipeline")
            for index, stage in enumerate(project.stages or ()):
                if stage not in self.stages:
                    problem = f"received {stage}; allowed: {', '.join(self.stages)}{nearest(stage, self.stages)}"
                    raise rule(problem, "projects", name, "stages", index)
        return self
