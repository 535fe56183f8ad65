"""Scalars of a template in the types that the API wants."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.local.sagemaker.cloudformation.coercion import coerced
from modelyard.shapes import operation_input

VARIANT = {"VariantName": "A", "ModelName": "m"}
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("CreateModel", {"EnableNetworkIsolation": "true"}, {"EnableNetworkIsolation": True}),
    ("CreateModel", {"EnableNetworkIsolation": "perhaps"}, {"EnableNetworkIsolation": "perhaps"}),
    (
        "CreateModel",
        {"PrimaryContainer": {"Environment": {"A": 1, "B": True}}},
        {"PrimaryContainer": {"Environment": {"A": "1", "B": "true"}}},
    ),
    (
        "CreateEndpointConfig",
        {"ProductionVariants": [{**VARIANT, "InitialInstanceCount": "2", "InitialVariantWeight": "0.5"}]},
        {"ProductionVariants": [{**VARIANT, "InitialInstanceCount": 2, "InitialVariantWeight": 0.5}]},
    ),
    ("CreateEndpointConfig", {"ProductionVariants": "none"}, {"ProductionVariants": "none"}),
    ("CreateModel", {"VpcConfig": None, "Unknown": {"a": "1"}}, {"Unknown": {"a": "1"}}),
]


@pytest.mark.parametrize(("operation", "properties", "expected"), CASES)
def test_strings_become_what_the_api_wants(operation: str, properties: Any, expected: Any) -> None:
    assert coerced(operation_input("sagemaker", operation), properties) == expected
