"""The keys of the delivery: what a commit goes through on its way to the last stage."""

from typing import Annotated, Self

from pydantic import Field, StrictBool, model_validator

from modelyard.settings.fields import AccountId, Email, PolicyArn, Region, matching
from modelyard.settings.section import Section, rule

_CONNECTION = r"arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/[0-9a-f-]{36}"


class SourceKeys(Section):
    """The repository that commits come from, by a connection of AWS CodeConnections."""

    connection_arn: Annotated[str, matching(_CONNECTION, "the ARN of a connection of AWS CodeConnections")]
    repository: Annotated[str, matching(r"[\w.-]+(/[\w.-]+)+", "a repository, such as my-team/my-platform")]
    branch: Annotated[str, matching(r"[^\s*?\[\]]+", "a branch, such as main", max_length=255)] = "main"
    paths: Annotated[
        tuple[str, ...], Field(max_length=8, description="up to 8 patterns of paths, such as pipelines/**")
    ] = ()


class DeliveryKeys(Section):
    """The pipeline from a commit to the last stage, and the account and region that it stands in."""

    account: AccountId
    region: Region
    stages: Annotated[
        tuple[str, ...] | None, Field(min_length=1, description="a list of stages of this file, the first one first")
    ] = None
    source: Annotated[SourceKeys | None, Field(description=", ".join(SourceKeys.model_fields))] = None
    disposable: Annotated[StrictBool, Field(description="true or false")] = False
    permissions_boundary: PolicyArn = None
    notification_emails: Annotated[tuple[Email, ...], Field(description="a list of e-mail addresses")] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        for index, stage in enumerate(self.stages or ()):
            if stage in (self.stages or ())[:index]:
                raise rule(f"received {stage} a second time; name each stage once", "stages", index)
        owner = (self.permissions_boundary or f"::::{self.account}").split(":")[4]
        if owner not in ("aws", self.account):
            problem = f"received a policy of account {owner}; allowed: one of the delivery's account, {self.account}"
            raise rule(problem, "permissions_boundary")
        return self
