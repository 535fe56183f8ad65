"""One declared endpoint of a stage: its registered versions, and how it stands at a moment."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from modelyard.approvals.connection import Connection
from modelyard.approvals.errors import ApprovalError, explained
from modelyard.lambdas.serving import declaration, endpoints
from modelyard.lambdas.serving.declaration import Declared
from modelyard.lambdas.serving.desired import Target, choose
from modelyard.lambdas.serving.errors import unless_absent
from modelyard.lambdas.serving.instants import whole_second
from modelyard.lambdas.serving.ledger import ADOPTED, FAILED, OPEN, Approval, Attempt, Records
from modelyard.lambdas.serving.registry import Registry
from modelyard.lambdas.serving.steps import Endpoint, State, Wish, conclude, state, wish
from modelyard.settings.errors import nearest

__all__ = ["ProjectEndpoint", "Version", "View", "concluded", "unknown"]

_WITH_TRAFFIC = {"InService", "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed"}


@dataclass(frozen=True)
class Version:
    """A model package version as the registry lists it; `created` is in whole seconds."""

    number: int
    arn: str
    created: str
    registration: str
    approval: str


@dataclass(frozen=True)
class View:
    """An endpoint at one moment: what is wanted, what is, and what the ledger says.

    `rollout` is SageMaker's PendingDeploymentSummary, empty if nothing is pending.
    """

    at: str
    declared: Declared
    records: Records
    endpoint: Endpoint | None
    target: Target | None
    rollout: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> State:
        """What the endpoint's status means."""
        return state(self.endpoint, self.records)

    @property
    def wish(self) -> Wish:
        """How what is wanted compares to what is."""
        return wish(self.endpoint, self.target, self.records, self.at)

    @property
    def status(self) -> str:
        """The endpoint's status as SageMaker spells it, or `Absent`."""
        return self.endpoint.status if self.endpoint else "Absent"

    @property
    def serving_config(self) -> str:
        """The endpoint config that answers requests; empty if none does."""
        return self.endpoint.config_name if self.endpoint and self.endpoint.status in _WITH_TRAFFIC else ""

    @property
    def coming_config(self) -> str:
        """The endpoint config that is being brought up; empty if none is."""
        if not self.endpoint:
            return ""
        return self.endpoint.config_name if self.endpoint.status == "Creating" else self.endpoint.pending_config

    @property
    def last_attempt(self) -> Attempt | None:
        """The last attempt, with its outcome if SageMaker shows one that is not written down yet."""
        attempts = self.records.attempts
        return concluded(attempts[-1], self.endpoint) if attempts else None

    @property
    def unexplained(self) -> bool:
        """Whether the last attempt has failed and the approval hook has not written down why: it knows the alarm."""
        last = self.last_attempt
        return bool(last and last.outcome == FAILED and self.records.open_attempt)

    def package_of(self, config_name: str) -> tuple[str, int]:
        """ARN and version of the model package that a config serves; empty and 0 if the ledger does not know it."""
        if self.target and self.target.config_name == config_name:
            return self.target.approval.package_arn, self.target.approval.version
        adopted = [item for item in self.records.approvals if item.source == ADOPTED]
        known: list[Attempt | Approval] = [*reversed(self.records.attempts), *reversed(adopted)]
        return next(((item.package_arn, item.version) for item in known if item.config_name == config_name), ("", 0))


@dataclass(frozen=True)
class ProjectEndpoint:
    """A project's endpoint in a stage."""

    connection: Connection
    project: str
    parameter_name: str
    name: str
    group: str

    @staticmethod
    def find(connection: Connection, project: str) -> ProjectEndpoint:
        """The endpoint that a stage declares for a project.

        Raises:
            ApprovalError: it declares none, or the stage is not deployed.
        """
        parameters = connection.declarations()
        if project not in parameters:
            raise unknown(connection.stage, project, parameters)
        return ProjectEndpoint.read(connection, project, parameters[project])

    @staticmethod
    def read(connection: Connection, project: str, parameter_name: str) -> ProjectEndpoint:
        """The endpoint that is declared in an SSM parameter.

        Raises:
            DeclarationError: the parameter holds no declaration.
        """
        declared = _declared(connection, parameter_name).declaration
        return ProjectEndpoint(
            connection, project, parameter_name, declared.endpoint_name, declared.model_package_group_name
        )

    def records(self) -> Records:
        """All that the ledger knows of it."""
        return self.connection.runtime.ledger.read(self.name)

    def versions(self) -> dict[int, Version]:
        """The registered versions of its model package group, by number."""
        listed = unless_absent(self._list) or []
        versions = [
            Version(
                number=int(item["ModelPackageVersion"]),
                arn=item["ModelPackageArn"],
                created=whole_second(item["CreationTime"]),
                registration=item["ModelPackageStatus"],
                approval=item["ModelApprovalStatus"],
            )
            for item in listed
        ]
        return {version.number: version for version in sorted(versions, key=lambda each: each.number)}

    def look(self) -> View:
        """How it stands now.

        The ledger is read before SageMaker: an attempt is written when SageMaker has accepted it, so that an endpoint
        read later shows every attempt that was read.
        """
        declared = _declared(self.connection, self.parameter_name)
        sagemaker, records = self.connection.client("sagemaker"), self.records()
        endpoint = endpoints.describe(sagemaker, self.name)
        live = endpoint.config_name if endpoint else None
        return View(
            at=self.connection.moment(),
            declared=declared,
            records=records,
            endpoint=endpoint,
            target=choose(declared, records, Registry(sagemaker, self.group), live),
            rollout=self._rollout(sagemaker) if endpoint and endpoint.pending_config else {},
        )

    def wake(self, detail_type: str) -> None:
        """Have the approval hook look at what was written to the ledger.

        Raises:
            ApprovalError: it cannot be woken; it will look at its next heartbeat.
        """
        try:
            with explained():
                self.connection.wake(self.name, self.parameter_name, detail_type)
        except ApprovalError as error:
            written = "it is in the ledger, and the approval hook takes it up within 15 minutes, but was not woken"
            raise ApprovalError(f"{written}: {error}") from error

    def _list(self) -> list[dict[str, Any]]:
        paginator = self.connection.client("sagemaker").get_paginator("list_model_packages")
        pages = paginator.paginate(ModelPackageGroupName=self.group, PaginationConfig={"PageSize": 100})
        return [item for page in pages for item in page["ModelPackageSummaryList"]]

    def _rollout(self, sagemaker: Any) -> dict[str, Any]:
        answer = unless_absent(sagemaker.describe_endpoint, EndpointName=self.name) or {}
        return dict(answer.get("PendingDeploymentSummary", {}))


def concluded(attempt: Attempt, endpoint: Endpoint | None) -> Attempt:
    """The attempt with the outcome that SageMaker shows, where the hook has not written it down yet."""
    conclusion = conclude(endpoint, attempt) if attempt.outcome == OPEN else None
    return replace(attempt, outcome=conclusion.outcome, reason=conclusion.reason) if conclusion else attempt


def unknown(stage: str, project: str, projects: dict[str, str]) -> ApprovalError:
    """That a stage declares no endpoint for a project, and which it does declare."""
    if not projects:
        return ApprovalError(
            f"project {project!r}: stage {stage} declares no endpoint at all; give a project of platform.yaml an "
            "`endpoint` and run `cdk deploy --all`"
        )
    there = f"it declares one for: {', '.join(projects)}{nearest(project, projects)}"
    return ApprovalError(f"project {project!r}: stage {stage} declares no endpoint for it; {there}")


def _declared(connection: Connection, parameter_name: str) -> Declared:
    declared = declaration.read(connection.client("ssm"), parameter_name)
    if declared is None:
        raise ApprovalError(f"{parameter_name} is gone: the endpoint is no longer declared")
    return declared
