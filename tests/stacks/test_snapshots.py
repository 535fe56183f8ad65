"""The templates as they were last agreed to: `pytest --snapshot-update` agrees to a change."""

import json
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from tests.synthesis import Templates, scrubbed

STACKS = [
    "Modelyard-Images-us-east-1",
    "Modelyard-dev-Foundation",
    "Modelyard-dev-Serving",
    "Modelyard-dev-Abalone",
    "Modelyard-dev-AbaloneGpu",
    "Modelyard-prod-Foundation",
    "Modelyard-prod-Abalone",
    "Modelyard-prod-AbaloneCanary",
    "Modelyard-again-Foundation",
    "Modelyard-again-Abalone",
]


@pytest.fixture
def snapshot_json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


@pytest.mark.parametrize("stack", STACKS)
def test_a_template_is_as_agreed(stack: str, templates: Templates, snapshot_json: SnapshotAssertion) -> None:
    assert scrubbed(templates.template(stack)) == snapshot_json(name=stack)


def test_what_is_scrubbed_is_only_what_sources_change(templates: Templates) -> None:
    template = templates.template("Modelyard-dev-Abalone")
    left = json.dumps(scrubbed(template))
    pipeline: dict[str, Any] = templates.resource("Modelyard-dev-Abalone", "AWS::SageMaker::Pipeline")["Properties"]
    assert pipeline["PipelineDefinition"] != "<definition>"
    assert pipeline["PipelineName"] in left
    assert len(left) > len(json.dumps(template)) - len(json.dumps(pipeline)) - 1000
