"""Fewer calls to the CDK change nothing in a template."""

import json
from pathlib import Path

import pytest
from aws_cdk import CustomResource, Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from modelyard.cdk_app import RULES, create_app
from modelyard.constructs.permissions import acknowledge
from modelyard.constructs.resource import add_custom_resource, service_principal, token
from tests.synthesis import ROOT


def _synthesised(stack: Stack, outdir: Path) -> dict[str, dict[str, object]]:
    stack.node.root.synth()  # type: ignore[attr-defined]
    resources: dict[str, dict[str, object]] = json.loads((outdir / "Stack.template.json").read_text())["Resources"]
    return resources


def test_a_custom_resource_is_the_one_that_the_cdk_makes_less_what_is_cloudformations_default(tmp_path: Path) -> None:
    theirs = Stack(create_app(ROOT, outdir=tmp_path / "theirs"), "Stack")
    CustomResource(
        Construct(theirs, "Owner"),
        "Thing",
        service_token="arn:aws:lambda:us-east-1:111122223333:function:answer",
        resource_type="Custom::Thing",
        properties={"Name": "a", "Values": {"b": "c"}},
        service_timeout=Duration.minutes(15),
    )
    ours = Stack(create_app(ROOT, outdir=tmp_path / "ours"), "Stack")
    add_custom_resource(
        Construct(ours, "Owner"),
        "Thing",
        "Custom::Thing",
        service_token="arn:aws:lambda:us-east-1:111122223333:function:answer",
        service_timeout_seconds=900,
        properties={"Name": "a", "Values": {"b": "c"}},
    )
    made = _synthesised(theirs, tmp_path / "theirs")
    for resource in made.values():
        assert resource.pop("DeletionPolicy") == resource.pop("UpdateReplacePolicy") == "Delete"
    assert _synthesised(ours, tmp_path / "ours") == made


def test_a_token_is_that_of_its_own_construct() -> None:
    stack = Stack(create_app(ROOT), "Stack")
    roles = [iam.Role(stack, id, assumed_by=service_principal("lambda.amazonaws.com")) for id in ("One", "Two")]
    for role in roles:
        assert token(role, "role_arn") == token(role, "role_arn") == role.role_arn
        assert token(role, "role_name") == role.role_name
    assert token(roles[0], "role_arn") != token(roles[1], "role_arn")


@pytest.mark.parametrize(
    ("acknowledges", "context", "wanted"), [(True, {}, True), (False, {}, False), (False, {RULES: "true"}, True)]
)
def test_reasons_are_told_to_cdk_nag_unless_the_app_does_not_run_it(
    acknowledges: bool, context: dict[str, str], wanted: bool
) -> None:
    stack = Stack(create_app(ROOT, acknowledge=acknowledges, context=context), "Stack")
    acknowledge(stack, {"AwsSolutions-IAM5[Resource::*]": "told here"})
    assert ("told here" in str([entry.data for entry in stack.node.metadata])) is wanted
