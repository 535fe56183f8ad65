"""What CodeBuild does for a delivery: the commands of its buildspecs, run by a shell as CodeBuild runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from modelyard import names
from modelyard.constructs.delivery_builds import BUILDSPECS
from modelyard.local.codebuild import host
from modelyard.local.codebuild.buildspec import read_buildspec
from tests.local_aws import LocalAws
from tests.synthesis import ROOT

MAKEFILE = """
verify:
\t@mkdir -p build/verify cdk.out && echo {} > cdk.out/manifest.json
\t@printf '%s' '{failed}' > build/verify/failed
\t@test ! -s build/verify/failed
"""


def _buildspec(purpose: str) -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe").load((BUILDSPECS / f"{purpose}.yaml").read_text())
    return document


def _run(purpose: str, folder: Path, *phases: str, env: Mapping[str, str] | None = None) -> str:
    """Run the commands of phases in one shell, as CodeBuild does; what is printed, and the exported variables."""
    buildspec = _buildspec(purpose)
    assert buildspec["env"]["shell"] == "bash"
    commands = [command for phase in phases for command in buildspec["phases"][phase]["commands"]]
    exported = [f'echo "{name}=${name}"' for name in buildspec["env"].get("exported-variables", [])]
    script = "\n".join([*(f"{command}\ntest $? = 0 || exit 1" for command in commands), *exported])
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env={**os.environ, **(env or {})}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with an environment, as `make env` leaves it."""
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    for name in ("package.json", "package-lock.json"):
        (tmp_path / name).write_text("{}")
    return tmp_path


@pytest.mark.parametrize(("failed", "result"), [("", "passed"), ("synth", "failed: synth")])
def test_a_verification_ends_well_and_exports_how_it_ended(failed: str, result: str, repository: Path) -> None:
    (repository / "Makefile").write_text(MAKEFILE.replace("{failed}", failed))
    printed = _run("verify", repository, "build", "post_build")
    assert printed.splitlines()[-1] == f"RESULT={result}"
    artifact = {path.name for path in (repository / _buildspec("verify")["artifacts"]["base-directory"]).iterdir()}
    assert artifact == {"manifest.json", "package.json", "package-lock.json"}


def test_a_repository_whose_environment_cannot_be_made_has_failed(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("verify:\n\t@exit 1\n")
    printed = _run("verify", tmp_path, "build", "post_build")
    assert printed.splitlines()[-1].startswith("RESULT=failed: make env")
    assert (tmp_path / "cdk.out").is_dir()


APP = """
from pathlib import Path
from modelyard.cdk_app import create_app
from aws_cdk import Environment, Stack
from aws_cdk.aws_s3_assets import Asset

app = create_app(Path({root!r}), outdir=Path("."))
for name in ("A", "B"):
    stack = Stack(app, name, env=Environment(account={account!r}, region={region!r}))
    Path(f"{{name}}.txt").write_text(f"content of {{name}}")
    Asset(stack, "Asset", path=f"{{name}}.txt")
app.synth()
"""


@pytest.fixture
def assembly(own_local_aws: LocalAws, tmp_path: Path) -> Path:
    """A cloud assembly of two stacks with an asset each, and the CDK's command line beside it."""
    code = APP.format(root=str(ROOT), account=own_local_aws.account, region=own_local_aws.region)
    env = {**os.environ, "CDK_VALIDATION": "false"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, check=True)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    return tmp_path


def test_assets_of_every_stack_are_published_once_there_is_a_place_for_them(
    own_local_aws: LocalAws, assembly: Path
) -> None:
    with pytest.raises(AssertionError, match="bootstrap"):
        _run("assets", assembly, "build", env=own_local_aws.env)
    own_local_aws.bootstrap()
    _run("assets", assembly, "build", env=own_local_aws.env)
    bucket = f"cdk-hnb659fds-assets-{own_local_aws.account}-{own_local_aws.region}"
    keys = [item["Key"] for item in own_local_aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    # The stacks hold nothing, so that their templates are one.
    assert sorted(Path(key).suffix for key in keys) == [".json", ".txt", ".txt"]


@pytest.mark.parametrize("purpose", names.DELIVERY_BUILDS)
def test_a_build_of_a_local_aws_has_what_the_file_asks_for(purpose: str, tmp_path: Path) -> None:
    buildspec = read_buildspec((BUILDSPECS / f"{purpose}.yaml").read_text(), tmp_path)
    host.check_runtimes(buildspec.runtimes, host.search_path(tmp_path / "programs", tmp_path / "borrowed"))


def test_assets_are_published_by_a_program_of_a_pinned_version() -> None:
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]["aws-cdk"]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]["node_modules/aws-cdk"]
    assert locked["version"] == pinned
    assert locked["integrity"].startswith("sha512-")
    assert _buildspec("assets")["phases"]["install"]["commands"] == ["npm ci --no-audit --no-fund --ignore-scripts"]
