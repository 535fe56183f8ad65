"""Pipelines of deliveries, as tests look at them."""

from pathlib import Path
from typing import Any

from tests.synthesis import Templates

DELIVERY = "Modelyard-Delivery"
SETTINGS = Path(__file__).parent / "delivery.yaml"
IN_ONE_ACCOUNT = Path(__file__).parent / "delivery_in_one_account.yaml"

Declaration = dict[str, Any]


def pipeline(templates: Templates) -> Declaration:
    """The properties of the pipeline."""
    properties: Declaration = templates.resource(DELIVERY, "AWS::CodePipeline::Pipeline")["Properties"]
    return properties


def stages_of(templates: Templates) -> dict[str, list[Declaration]]:
    """The actions of each stage of the pipeline."""
    return {stage["Name"]: stage["Actions"] for stage in pipeline(templates)["Stages"]}


def actions(templates: Templates) -> list[Declaration]:
    """All actions of the pipeline."""
    return [action for declared in stages_of(templates).values() for action in declared]


def action(templates: Templates, stage: str, name: str) -> Declaration:
    """An action of a stage of the pipeline."""
    (found,) = [action for action in stages_of(templates)[stage] if action["Name"] == name]
    return found
