"""The functions as Lambda runs them: from the asset's root, by their handler names, configured by the environment."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import modelyard.lambdas
from tests.lambdas.serving.hook import Project

ASSET_ROOT = Path(modelyard.lambdas.__file__).parent
HEARTBEAT = {"id": "1", "source": "aws.events", "detail-type": "Scheduled Event", "time": "2026-11-22T10:00:00Z"}
INVOKE = """
import importlib, json, sys
module, function = sys.argv[1].rsplit(".", 1)
answer = getattr(importlib.import_module(module), function)(json.loads(sys.argv[2]), None)
print(json.dumps({"answer": answer}))
"""


def invoke(project: Project, handler: str, event: dict[str, Any]) -> Any:
    """What the handler answers, in a process that has nothing but the asset on its path."""
    runtime = project.stage.runtime
    variables = {
        "LEDGER_TABLE": runtime.ledger_table,
        "DECLARATIONS_PATH": runtime.declarations_path,
        "QUEUE_URL": runtime.queue_url,
        "TOPIC_ARN": runtime.topic_arn,
        "PYTHONPATH": str(ASSET_ROOT),
    }
    command = [sys.executable, "-P", "-c", INVOKE, handler, json.dumps(event)]
    done = project.stage.aws.run(*command, env=variables)
    return json.loads(done.stdout.splitlines()[-1])["answer"]


def test_each_handler_takes_an_event_and_a_context(project: Project) -> None:
    begun = invoke(project, "serving.lifetime.handle", project.request("Update"))
    assert begun["PhysicalResourceId"] == project.name
    assert invoke(project, "serving.lifetime.handle", {**project.request("Update"), **begun}) == {"IsComplete": True}
    assert invoke(project, "serving.wake.handler", HEARTBEAT) == {"endpoints": [project.name]}
    body = {"endpoint_name": project.name, "parameter_name": project.parameter_name, "cause": {}}
    assert invoke(project, "serving.reconcile.handler", {"Records": [{"body": json.dumps(body)}]}) is None


MODULES = sorted([*ASSET_ROOT.glob("*/*.py"), ASSET_ROOT / "answering.py"])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_module_imports_nothing_but_the_standard_library_boto3_and_its_own_folder(path: Path) -> None:
    """Nothing else is there on Lambda."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    absolute = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0]
    imported = {name.partition(".")[0] for name in plain + absolute}
    assert imported <= {*sys.stdlib_module_names, "boto3", "botocore"}
    assert all(node.level <= 1 for node in nodes if isinstance(node, ast.ImportFrom))


def test_importing_the_functions_creates_no_client_and_reads_no_configuration() -> None:
    """A cold start imports; what it needs of AWS it asks for when an event is there."""
    functions = "import serving.wake, serving.reconcile, serving.lifetime"
    code = f"{functions}; from serving import runtime; print(runtime._client.cache_info())"
    environment = {"PYTHONPATH": str(ASSET_ROOT), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert "currsize=0" in done.stdout
