"""The code of docs/constructs.md; the commands that it tells are run by tests/wheel."""

from __future__ import annotations

import re
from pathlib import Path

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk.aws_events_targets import SnsTopic

import modelyard
from tests.foreign.stacks import Template, add_endpoint, add_pipeline, bare_stack
from tests.synthesis import ROOT

APP = Path(__file__).parent / "app"
PAGE = (ROOT / "docs" / "constructs.md").read_text()
THE_APP, OTHER_PARTS, WHAT_OTHERS_MAY = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_shows_the_app() -> None:
    assert (APP / "app.py").read_text() == THE_APP
    assert len((APP / "app.py").read_text().partition("app = ")[2].splitlines()) < 10


def test_the_page_puts_other_parts_in_the_place_of_some() -> None:
    stack = bare_stack()
    public = {name: getattr(modelyard, name) for name in modelyard.__all__}
    exec(OTHER_PARTS, {**public, "stack": stack, "Topic": sns.Topic})
    add_endpoint(stack, modelyard.ModelRegistry(stack, "Registry", model_package_group_name="rings"))
    template = Template(stack)
    assert [
        id.startswith("Alarms") for id, item in template.resources.items() if item["Type"] == "AWS::SNS::Topic"
    ] == [True]
    assert len(template.of("AWS::KMS::Key")) == 1


def test_the_page_lets_others_approve_start_and_invoke_and_watches() -> None:
    stack = bare_stack()
    registry = modelyard.ModelRegistry(stack, "Registry", model_package_group_name="rings")
    roles = {
        name: iam.Role(stack, name.title().replace("_", ""), assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        for name in ("reviewers", "scheduler", "web_service")
    }
    parts = {"registry": registry, "pipeline": add_pipeline(stack, registry), "endpoint": add_endpoint(stack, registry)}
    topic = sns.Topic(stack, "Topic")
    exec(WHAT_OTHERS_MAY, {**parts, **roles, "stack": stack, "SnsTopic": SnsTopic, "topic": topic})
    template = Template(stack)
    for role, action in (
        ("Reviewers", "sagemaker:UpdateModelPackage"),
        ("Scheduler", "sagemaker:StartPipelineExecution"),
        ("WebService", "sagemaker:InvokeEndpoint"),
    ):
        assert action in {allowed for allowed, _ in template.allowed(f"{role}DefaultPolicy")}
    assert {alarm["Threshold"] for alarm in template.of("AWS::CloudWatch::Alarm")} >= {200_000}
    assert "Failed" in str(template.of("AWS::Events::Rule"))
