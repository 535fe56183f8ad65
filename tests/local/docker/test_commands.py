"""The `docker` of builds, started as a build starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from modelyard.local.docker.store import context_folder, context_of
from tests.local.sagemaker.jobs.test_environments import a_wheel
from tests.local.sagemaker.lab import unique
from tests.local_aws import LocalAws

Done = subprocess.CompletedProcess[str]


class Docker:
    """The program with a state folder of its own."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.state = folder / "state"
        self.context = folder / "context"
        self._images = folder / "images.json"
        self._env = env
        self.state.mkdir()
        self.context.mkdir()
        (self.context / "Dockerfile").write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY train /opt/program/\n")
        (self.context / "train").write_text("#!/bin/sh\n")
        (self.context / "train").chmod(0o755)
        (self.context / "requirements.txt").write_text("")

    def __call__(self, *words: str | Path, stdin: str = "", fails: int = 0, **variables: str) -> str:
        """Run a command; all that it prints. It must end with the code ``fails``."""
        command = [sys.executable, "-m", "modelyard.local.docker", self.state, self._images, *words]
        done = subprocess.run(
            [str(word) for word in command],
            input=stdin, env={**self._env, **variables}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == fails, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture
def docker(tmp_path: Path, local_aws: LocalAws) -> Docker:
    return Docker(tmp_path, {**local_aws.env, "XDG_CACHE_HOME": str(tmp_path / "cache")})


def _repository(aws: LocalAws) -> tuple[str, str]:
    name = unique("modelyard/docker")
    aws.client("ecr").create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    return name, f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com/{name}"


def _manifest(aws: LocalAws, name: str, tag: str) -> str:
    (image,) = aws.client("ecr").batch_get_image(repositoryName=name, imageIds=[{"imageTag": tag}])["images"]
    return str(image["imageManifest"])


def test_what_is_pushed_is_a_docker_manifest_that_names_the_kept_context(docker: Docker, local_aws: LocalAws) -> None:
    name, uri = _repository(local_aws)
    docker("login", "--username", "AWS", "--password-stdin", uri.partition("/")[0], stdin="secret\n")
    options = ("--platform", "linux/amd64", "--provenance=false", "--output", "type=docker")
    docker("buildx", "build", *options, "--tag", f"{uri}:1", docker.context)
    pushed = docker("push", f"{uri}:1")
    manifest = json.loads(_manifest(local_aws, name, "1"))
    assert manifest["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert "digest: sha256:" in pushed
    kept = context_folder(docker.state, context_of(json.dumps(manifest)))
    assert (kept / "train").stat().st_mode & 0o111
    assert (kept / "Dockerfile").read_text() == (docker.context / "Dockerfile").read_text()


def test_the_same_content_and_arguments_make_the_same_image(docker: Docker, local_aws: LocalAws) -> None:
    name, uri = _repository(local_aws)
    for tag, base in (("a", "x"), ("b", "x"), ("c", "y")):
        docker("build", "-t", f"{uri}:{tag}", "--build-arg", "BASE_IMAGE", docker.context, BASE_IMAGE=base)
        docker("push", f"{uri}:{tag}")
    first, second, third = (_manifest(local_aws, name, tag) for tag in "abc")
    assert first == second != third


def test_another_name_is_the_same_image(docker: Docker, local_aws: LocalAws) -> None:
    name, uri = _repository(local_aws)
    docker("build", "--tag", "mine", docker.context)
    docker("tag", "mine", uri)
    docker("push", uri)
    assert _manifest(local_aws, name, "latest")


def test_the_environment_is_made_once_with_progress(docker: Docker, tmp_path: Path) -> None:
    (docker.context / "requirements.txt").write_text(f"greeting @ {a_wheel(tmp_path).as_uri()}\n")
    assert "making the environment" in docker("build", "-t", "one", docker.context)
    assert "making the environment" not in docker("build", "-t", "two", docker.context)


def test_a_broken_requirement_fails_with_the_installers_own_reason(docker: Docker, tmp_path: Path) -> None:
    missing = (tmp_path / "nowhere-1.0-py3-none-any.whl").as_uri()
    (docker.context / "requirements.txt").write_text(f"nowhere @ {missing}\n")
    said = docker("build", "-t", "broken", docker.context, fails=1)
    assert "requirements.txt cannot be installed" in said
    assert "nowhere-1.0-py3-none-any.whl" in said
    assert "does not exist locally" in docker("push", "broken", fails=1)


def test_an_argument_that_the_dockerfile_does_not_know_is_warned_of(docker: Docker) -> None:
    said = docker(
        "build", "--build-arg", "TORCH=1", "--build-arg", "BASE_IMAGE=x", "--build-arg", "UNSET", docker.context
    )
    assert "[Warning] One or more build-args [TORCH] were not consumed" in said


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ("run", "alpine"),
            2,
            "docker run: not supported by the local AWS; supported: login, build, tag, push, buildx",
        ),
        (("inspect", "x"), 2, "docker inspect: not supported by the local AWS"),
        (("build", "--squash", "."), 2, "--squash; other options are not supported by the local AWS"),
        (("build", "/nowhere"), 1, "path /nowhere not found"),
        (("build", "-f", "Other", "."), 1, "failed to read dockerfile: open Other: no such file or directory"),
        (("tag", "a", "b"), 1, "An image does not exist locally with the tag: a"),
        (("login", "-u", "AWS", "--password-stdin", "x"), 1, "password is empty"),
    ],
)
def test_what_cannot_be_done_is_said(docker: Docker, words: tuple[str, ...], code: int, message: str) -> None:
    assert message in docker(*words, fails=code)


def test_a_push_that_ecr_refuses_says_why(docker: Docker, local_aws: LocalAws) -> None:
    _, uri = _repository(local_aws)
    docker("build", "-t", f"{uri}:1", "-t", f"{uri}-gone:1", "-t", "example.com/x:1", docker.context)
    docker("push", f"{uri}:1")
    assert "already exists" in docker("push", f"{uri}:1", fails=1)
    assert "does not exist" in docker("push", f"{uri}-gone:1", fails=1)
    assert "example.com is no registry of ECR" in docker("push", "example.com/x:1", fails=1)
