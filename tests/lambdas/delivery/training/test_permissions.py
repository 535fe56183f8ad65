"""What the roles allow, held against the calls that are made."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelyard.lambdas.delivery import train
from modelyard.lambdas.delivery.data_arrived import work_off
from modelyard.lambdas.delivery.job import Waiting
from tests.lambdas.delivery.training.projects import Project, StageOfTest
from tests.lambdas.delivery.training.test_data_arrived import message
from tests.local.sagemaker.lab import Lab

# What AWS asks for besides the call itself.
ON_BEHALF = {"kms:Decrypt"}
ACTIONS = {"s3:ListObjectsV2": "s3:ListBucket"}


def allowed(folder: Path, *, training: bool) -> dict[str, list[str]]:
    """The actions with their resources of a role that may train, or only start one pipeline."""
    import aws_cdk as cdk
    from aws_cdk import aws_iam as iam

    from modelyard.cdk_app import create_app  # before the CDK
    from modelyard.constructs.arns import Arns
    from modelyard.constructs.artifact_store import ArtifactStore
    from modelyard.constructs.permissions import Permissions
    from modelyard.constructs.starting_permissions import allow_starting, allow_training

    app = create_app(Path(__file__).parents[4], outdir=folder)
    stack = cdk.Stack(app, "Roles", env=cdk.Environment(account="111122223333", region="eu-west-1"))
    store = ArtifactStore(stack, "Store", stage="dev", adopt=True)
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    permissions = Permissions()
    if training:
        allow_training(permissions, Arns.of(stack), store, stage="dev")
    else:
        allow_starting(permissions, Arns.of(stack), store, "modelyard-dev-abalone")
    permissions.attach(role)
    app.synth()
    resources = json.loads((folder / "Roles.template.json").read_text())["Resources"].values()
    (policy,) = [resource["Properties"] for resource in resources if resource["Type"] == "AWS::IAM::Policy"]
    found: dict[str, list[str]] = {}
    for statement in policy["PolicyDocument"]["Statement"]:
        for action in [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]:
            given = statement["Resource"]
            found[action] = [str(item) for item in (given if isinstance(given, list) else [given])]
    return found


def asked(stage: StageOfTest) -> set[str]:
    return {ACTIONS.get(call, call) for call in stage.calls}


def test_training_takes_what_the_role_in_the_stage_allows_and_no_more(lab: Lab, tmp_path: Path) -> None:
    registering = Project(lab, "registering")
    other = Project(lab, "other", registers=False)
    stage = StageOfTest(lab, registering, other)
    for project in stage.projects:
        project.put()
    since = datetime.now(UTC).isoformat()
    with pytest.raises(Waiting):
        train.train(stage.access, since)
    for project in stage.projects:
        project.end()
    train.train(stage.access, since)
    given = allowed(tmp_path, training=True)
    assert asked(stage) == given.keys() - ON_BEHALF
    # It has no resource level: whoever may list one group's versions may list those of all.
    assert given.pop("sagemaker:ListModelPackages") == ["*"]
    for action, resources in given.items():
        if action == "sagemaker:ListModelPackages":
            assert resources == ["*"], "it has no resource level"
        elif action.startswith(("sagemaker:", "ssm:")):
            assert all("modelyard-dev-*" in item or "/modelyard/dev" in item for item in resources), action


def test_starting_takes_what_the_role_of_the_data_trigger_allows_and_no_more(lab: Lab, tmp_path: Path) -> None:
    project = Project(lab, "project")
    project.put()
    stage = StageOfTest(lab, project)
    work_off({"Records": [message(project)]}, stage.client)
    assert asked(stage) == allowed(tmp_path, training=False).keys()
