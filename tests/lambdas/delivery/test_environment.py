"""The functions as their stack configures them: handlers that import, with the variables that they read."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import modelyard.lambdas
from modelyard import names
from tests.stacks.deliveries import DELIVERY, SETTINGS
from tests.synthesis import Resource, Templates, build

ASSET_ROOT = Path(modelyard.lambdas.__file__).parent
IMPORT = "import importlib, sys; getattr(importlib.import_module(sys.argv[1]), sys.argv[2])"


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Resource]:
    """The properties of the pipeline's functions, by their purpose."""
    outdir = tmp_path_factory.mktemp("delivery")
    build(SETTINGS, outdir).synth()
    made = [item["Properties"] for item in Templates(outdir).resources(DELIVERY, "AWS::Lambda::Function")]
    named = {item["FunctionName"]: item for item in made if "FunctionName" in item}
    return {purpose: named[names.delivery_function(purpose)] for purpose in names.DELIVERY_PURPOSES}


def _read(module: str) -> set[str]:
    """The variables without which the module, or one of its package that it imports, fails."""
    seen, left, found = {""}, [module.rpartition(".")[2]], set()
    while left:
        name = left.pop()
        path = ASSET_ROOT / "delivery" / f"{name}.py"
        if name in seen or not path.exists():
            continue
        seen.add(name)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                left += [node.module] if node.module else [alias.name for alias in node.names]
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
                found.add(ast.literal_eval(node.slice))
    return found


@pytest.mark.parametrize("purpose", names.DELIVERY_PURPOSES)
def test_each_function_has_the_variables_that_its_handler_reads(purpose: str, functions: dict[str, Resource]) -> None:
    function = functions[purpose]
    module = function["Handler"].rpartition(".")[0]
    given = set(function["Environment"]["Variables"])
    assert _read(module) <= given
    assert given - {"PARTITION"} == _read(module), "and none that it does not read"


def test_variables_are_found_in_the_handlers() -> None:
    assert _read("delivery.promote") == {"SOURCE_ROLE", "TARGET_ROLE"}
    assert "ACCESS_ROLE" in _read("delivery.train")


@pytest.mark.parametrize("purpose", names.DELIVERY_PURPOSES)
def test_each_handler_imports_from_the_root_of_the_asset(purpose: str, functions: dict[str, Resource]) -> None:
    module, _, function = functions[purpose]["Handler"].rpartition(".")
    subprocess.run(
        [sys.executable, "-P", "-c", IMPORT, module, function], check=True, env={"PYTHONPATH": str(ASSET_ROOT)}
    )
