"""Promotes and tests what a person names by project and number."""

from __future__ import annotations

from modelyard.approvals.errors import ApprovalError
from modelyard.lambdas.delivery.access import StageAccess
from modelyard.lambdas.delivery.projects import Holdings, Project, holdings
from modelyard.lambdas.delivery.promotion import Promoted, promote
from modelyard.lambdas.delivery.smoke import smoke_test
from modelyard.lambdas.delivery.versions import number, versions
from modelyard.settings.errors import nearest

__all__ = ["check_project", "promote_version"]


def promote_version(source: StageAccess, target: StageAccess, project: str, version: str) -> Promoted:
    """Promote a version of a project by its number.

    Raises:
        ApprovalError: there is no such project or version, or a stage is not deployed.
        JobFailed: the version cannot be promoted.
    """
    here, there = _project(source, holdings(source), project), holdings(target)
    group = _project(target, there, project).group
    found = {number(item["ModelPackageArn"]): item for item in versions(source.client("sagemaker"), here.group)}
    if version not in found:
        numbers = sorted(found, key=int)
        known = f"it has: {', '.join(numbers)}" if numbers else "it has none yet"
        raise ApprovalError(
            f"version {version!r}: model package group {here.group} has no such version; {known}"
            f"{nearest(version, numbers)}"
        )
    return promote(source, target, found[version]["ModelPackageArn"], group, there.artifacts_bucket)


def check_project(stage: StageAccess, project: str) -> str:
    """Test what a project's endpoint serves; see `smoke_test`.

    Raises:
        ApprovalError: there is no such project, or the stage is not deployed.
        JobFailed, Waiting: as `smoke_test`.
    """
    return smoke_test(stage, _project(stage, holdings(stage), project))


def _project(stage: StageAccess, held: Holdings, name: str) -> Project:
    if not held.artifacts_bucket:
        raise ApprovalError(
            f"stage {stage.name!r} is not deployed in account {stage.account}, {stage.region}: run `cdk deploy --all`"
        )
    if name not in held.projects:
        known = ", ".join(held.projects) or "none"
        raise ApprovalError(
            f"project {name!r}: stage {stage.name} has no such project; it has: {known}{nearest(name, held.projects)}"
        )
    return held.projects[name]
