"""From which stage to which one, by which credentials."""

from __future__ import annotations

from dataclasses import dataclass

import boto3

from modelyard.approvals.connection import Connection
from modelyard.approvals.errors import ApprovalError
from modelyard.approvals.place import SETTINGS_FILE, Place, find_place, split_name
from modelyard.lambdas.delivery.access import StageAccess
from modelyard.settings import load_settings

__all__ = ["Route", "find_route", "open_stage"]


@dataclass(frozen=True)
class Route:
    """A project, and the stages between which one of its versions goes."""

    project: str
    source: Place
    target: Place

    def open(self, source_profile: str = "", target_profile: str = "") -> tuple[StageAccess, StageAccess]:
        """Both stages, by profiles of the AWS configuration. By default the environment's credentials.

        Raises:
            ApprovalError: the stages are in different accounts and no profile is given, or the credentials are of
                another account than the stage.
        """
        accounts = self.source.account, self.target.account
        if accounts[0] != accounts[1] and not (source_profile or target_profile):
            raise ApprovalError(
                f"stage {self.source.stage} is in account {accounts[0]}, stage {self.target.stage} in {accounts[1]}: "
                "no credentials are of both; give --source-profile and --target-profile"
            )
        return open_stage(self.source, source_profile), open_stage(self.target, target_profile)


def find_route(name: str, to: str, stage: str = "") -> Route:
    """The way of a project to the stage `to`.

    Args:
        name: a project, or the full name of its endpoint in the source stage.
        to: the target stage.
        stage: the source stage. Default: the one that the endpoint's name says, else the one before `to` in the order
            of the delivery.

    Raises:
        ApprovalError: a stage is unknown, the same as the other one, or there is none before `to`.
        SettingsError: the settings are wrong.
    """
    project, stage = split_name(name, stage)
    target = find_place(to)
    source = find_place(stage or _before(to))
    if source.stage == target.stage:
        raise ApprovalError(f"--to {to}: the version is in stage {to} already; name another stage")
    return Route(project, source, target)


def open_stage(place: Place, profile: str = "") -> StageAccess:
    """A stage by a profile of the AWS configuration; by default by the environment's credentials."""
    connection = Connection(place, boto3.Session(profile_name=profile) if profile else None)
    return StageAccess(place.stage, connection.account, connection.client("s3").meta.region_name, connection.client)


def _before(stage: str) -> str:
    """The stage before `stage`; empty where no settings tell."""
    if not SETTINGS_FILE.exists():
        return ""
    settings = load_settings(SETTINGS_FILE)
    order = [each.name for each in settings.delivered_stages() or settings.stages]
    place = order.index(stage) if stage in order else 0
    if not place:
        raise ApprovalError(f"--stage is missing, and no stage comes before {stage}; name the stage of the version")
    return order[place - 1]
