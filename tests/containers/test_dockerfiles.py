"""Every Dockerfile: hadolint finds nothing in it, its base is pinned, and what it installs as well."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

CONTAINERS = Path(__file__).parents[2] / "modelyard" / "containers"
DOCKERFILES = sorted(CONTAINERS.glob("*/Dockerfile"))
PINNED = re.compile(r"[^\s@]+:(?!latest@)[^\s@]+@sha256:[0-9a-f]{64}")
# A job's mounts below /opt/ml belong to root: https://github.com/aws/sagemaker-python-sdk/issues/4764
ROOT_WITH_REASON = re.compile(r"^# Stays root: .*SageMaker", re.MULTILINE)

each = pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)


def _hadolint(dockerfile: Path) -> list[str]:
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([program, "--format", "json", dockerfile], capture_output=True, text=True, check=False)
    return [f"{item['line']}: {item['code']} {item['message']}" for item in json.loads(done.stdout)]


@each
def test_hadolint_finds_nothing(dockerfile: Path) -> None:
    assert _hadolint(dockerfile) == []


def test_hadolint_finds_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "Dockerfile"
    wrong.write_text("FROM python:latest\nRUN pip install numpy\n")
    assert {finding.split()[1] for finding in _hadolint(wrong)} == {"DL3007", "DL3013", "DL3042"}


@each
def test_the_base_is_an_argument_pinned_by_digest(dockerfile: Path) -> None:
    text = dockerfile.read_text()
    (base,) = re.findall(r"^ARG BASE_IMAGE=(\S+)$", text, re.MULTILINE)
    assert PINNED.fullmatch(base), base
    assert base.startswith("public.ecr.aws/"), "Docker Hub refuses pulls from CodeBuild's shared addresses"
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${BASE_IMAGE}"]
    variants = dockerfile.with_name("variants.json")
    named = json.loads(variants.read_text()) if variants.is_file() else {}
    bases = [arguments["BASE_IMAGE"] for arguments in named.values() if "BASE_IMAGE" in arguments]
    assert [image for image in bases if not PINNED.fullmatch(image)] == []


@each
def test_pip_leaves_no_cache_and_installs_pinned_requirements(dockerfile: Path) -> None:
    commands = re.findall(r"pip install [^\n&]*", dockerfile.read_text().replace("\\\n", " "))
    assert commands
    assert all("--no-cache-dir" in command for command in commands)
    assert all("--requirement" in command or "==" in command for command in commands)


@each
def test_who_runs_as_root_says_why(dockerfile: Path) -> None:
    text = dockerfile.read_text()
    assert re.search(r"^USER (?!root)", text, re.MULTILINE) or ROOT_WITH_REASON.search(text)
