"""What a new repository pins is what this one is tested with."""

import json
import re
import tarfile
from pathlib import Path

import aws_cdk

from tests.starter.pins import COMMON, ROOT, written

# What makes a synthesis faster, and changes no template.
FASTER = {
    "aws:cdk:disable-creation-stack-traces": True,
    "aws:cdk:disable-stack-trace": True,
    "@aws-cdk/core:enableAdditionalMetadataCollection": False,
}
CONTEXT = json.loads((COMMON / "cdk.json").read_text())["context"]


def test_its_files_of_the_cdk_and_of_npm_are_this_repositorys() -> None:
    for name, content in written().items():
        assert json.loads((COMMON / name).read_text()) == content, f"{name}: run make lock"


def test_its_feature_flags_are_those_that_the_cdk_recommends_and_what_makes_it_faster() -> None:
    (archive,) = Path(aws_cdk.__path__[0], "_jsii").glob("aws-cdk-lib@*.jsii.tgz")
    with tarfile.open(archive) as packed:
        file = packed.extractfile("package/recommended-feature-flags.json")
        assert file
        assert {**json.load(file), **FASTER} == CONTEXT


def test_its_packages_are_at_this_repositorys_versions() -> None:
    def versions(path: Path) -> set[str]:
        return {line.partition(" ;")[0] for line in path.read_text().splitlines()}

    own = versions(COMMON / "requirements.txt.in")
    assert own - versions(ROOT / "requirements-dev.txt") == {"modelyard==@VERSION@"}, "run make lock"
    names = {re.split("==", line)[0] for line in own}
    assert {"aws-cdk-lib", "cdk-nag", "sagemaker", "ministack", "awscli", "uv", "pytest", "ruff"} <= names
