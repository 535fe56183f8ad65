"""Builds as a delivery pipeline starts them: its artifacts come from S3 and go there, and variables come back."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.codebuild.workshop import Workshop, states, zipped
from tests.local.sagemaker.lab import unique

SPEC = """
version: 0.2
env:
  shell: bash
  variables: {KIND: from-the-buildspec}
  parameter-store: {TOKEN: %(parameter)s}
  exported-variables: [RESULT, TOLD, NEVER]
phases:
  build:
    commands:
      - export RESULT="$KIND $(cat main) $(cat $CODEBUILD_SRC_DIR_Second/more)"
      - echo "the token is $TOKEN"
      - test "$GIVEN" = "$TOKEN"
      - echo "$TOKEN" | rev > token
artifacts:
  files: [token]
"""
PIPELINE: dict[str, Any] = {"source": {"type": "CODEPIPELINE"}, "artifacts": {"type": "CODEPIPELINE"}}


def test_a_pipelines_build_takes_and_gives_artifacts_and_tells_its_variables(workshop: Workshop) -> None:
    parameter = f"/{unique('token')}"
    workshop.aws.client("ssm").put_parameter(Name=parameter, Value="s3cret", Type="SecureString")
    source = workshop.upload(zipped(**{"ci/spec.yaml": SPEC % {"parameter": parameter}, "main": "first"}))
    second = workshop.upload(zipped(more="second"))
    project = workshop.project(
        "",
        source={"type": "CODEPIPELINE", "buildspec": "ci/spec.yaml"},
        artifacts={"type": "CODEPIPELINE"},
        encryptionKey="alias/aws/s3",
    )
    name = unique("out")
    id = workshop.start(
        project,
        sourceTypeOverride="S3",
        sourceLocationOverride=source,
        secondarySourcesOverride=[{"type": "S3", "location": second, "sourceIdentifier": "Second"}],
        artifactsOverride={
            "type": "S3",
            "location": workshop.bucket,
            "path": "pipe/Out",
            "name": name,
            "packaging": "ZIP",
            "namespaceType": "NONE",
        },
        environmentVariablesOverride=[
            {"name": "TOLD", "value": "by the start", "type": "PLAINTEXT"},
            {"name": "GIVEN", "value": parameter, "type": "PARAMETER_STORE"},
        ],
    )
    build = workshop.ended(id)
    assert build["buildStatus"] == "SUCCEEDED", workshop.log(build)
    assert build["exportedEnvironmentVariables"] == [
        {"name": "RESULT", "value": "from-the-buildspec first second"},
        {"name": "TOLD", "value": "by the start"},
    ]
    assert workshop.printed(build) == ["the token is ***"]
    assert build["artifacts"]["location"] == f"arn:aws:s3:::{workshop.bucket}/pipe/Out/{name}"
    body = workshop.aws.client("s3").get_object(Bucket=workshop.bucket, Key=f"pipe/Out/{name}")["Body"].read()
    assert zipfile.ZipFile(io.BytesIO(body)).read("token") == b"terc3s\n"
    assert build["logs"]["deepLink"].startswith("https://console.aws.amazon.com/cloudwatch/")


def test_variables_are_exported_when_the_build_fails_too(workshop: Workshop) -> None:
    build, _ = workshop.run(
        "version: 0.2\nenv: {exported-variables: [RESULT]}\n"
        "phases:\n  build:\n    commands: ['export RESULT=1', 'false']\n  post_build: {commands: ['export RESULT=2']}\n"
    )
    assert (build["buildStatus"], build["exportedEnvironmentVariables"]) == (
        "FAILED",
        [{"name": "RESULT", "value": "2"}],
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "sourceTypeOverride must be set when using source type CODEPIPELINE"),
        (
            {"sourceTypeOverride": "S3", "sourceLocationOverride": "a/b.zip"},
            "ArtifactsOverride must be set when using artifacts type CodePipelines",
        ),
    ],
)
def test_a_pipelines_project_cannot_be_built_without_what_the_pipeline_gives(
    workshop: Workshop, given: dict[str, Any], message: str
) -> None:
    project = workshop.project("", **PIPELINE)
    with pytest.raises(ClientError, match=message):
        workshop.start(project, **given)


def test_a_parameter_that_is_not_there_fails_the_build(workshop: Workshop) -> None:
    build, _ = workshop.run(
        "version: 0.2\nphases:\n  build: {commands: ['true']}\n",
        environmentVariablesOverride=[{"name": "A", "value": "/not/there", "type": "PARAMETER_STORE"}],
    )
    (failed,) = [phase for phase in build["phases"] if phase.get("phaseStatus") == "FAILED"]
    assert (failed["phaseType"], failed["contexts"]) == (
        "DOWNLOAD_SOURCE",
        [{"statusCode": "Decrypted Variables Error", "message": "parameter does not exist: /not/there"}],
    )


def test_a_local_cache_is_there_for_the_next_build_of_its_project(workshop: Workshop) -> None:
    spec = """
version: 0.2
phases:
  build:
    commands: [ls kept ~/.tool, echo 1 > kept/a, echo 1 > ~/.tool/b, test -d src]
cache: {paths: ['kept/**/*', '/root/.tool/**/*', 'src/*']}
"""
    source = workshop.upload(zipped(**{"buildspec.yml": spec, "src/own": ""}))
    given: dict[str, Any] = {"source": {"type": "S3", "location": source}}
    cached = workshop.project("", **given, cache={"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]})
    first, second = (workshop.ended(workshop.start(cached)) for _ in range(2))
    assert {states(build)["BUILD"] for build in (first, second)} == {"SUCCEEDED"}
    assert "a" not in workshop.printed(first)
    assert {"a", "b"} <= set(workshop.printed(second))
    other = workshop.ended(workshop.start(workshop.project("", **given)))
    assert states(other)["BUILD"] == "FAILED", "without a cache the folders are not there"
