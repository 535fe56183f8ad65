"""What builds put out."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from modelyard.local.codebuild.artifacts import ArtifactError, files_of
from modelyard.local.codebuild.buildspec import Artifact
from tests.local.codebuild.workshop import Workshop, states
from tests.local.sagemaker.lab import unique


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("top.txt", ".hidden", "out-1/a.txt", "out-2/a.txt", "out-2/deep/er/b.json", "out-2/deep/c.txt"):
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "src"


@pytest.mark.parametrize(
    ("artifact", "names"),
    [
        (
            Artifact(["**/*"]),
            [".hidden", "out-1/a.txt", "out-2/a.txt", "out-2/deep/c.txt", "out-2/deep/er/b.json", "top.txt"],
        ),
        (Artifact(["*"]), [".hidden", "top.txt"]),
        (Artifact(["./top.txt", "out-1/*"]), ["out-1/a.txt", "top.txt"]),
        (Artifact(["out-2/**/*"]), ["out-2/a.txt", "out-2/deep/c.txt", "out-2/deep/er/b.json"]),
        (Artifact(["**/*.txt"], base_directory="out-2"), ["a.txt", "deep/c.txt"]),
        (Artifact(["deep/*.txt"], base_directory="./out-2/"), ["deep/c.txt"]),
        (Artifact(["**/*"], base_directory="out-2/deep"), ["c.txt", "er/b.json"]),
        (Artifact(["**/*"], base_directory="out-*", discard_paths=True), ["a.txt", "b.json", "c.txt"]),
        (Artifact(["**/*"], base_directory="out-2", exclude_paths=["deep/**/*"]), ["a.txt"]),
    ],
)
def test_files_are_those_that_the_patterns_name(tree: Path, artifact: Artifact, names: list[str]) -> None:
    assert sorted(files_of(artifact, tree)) == names


@pytest.mark.parametrize(
    ("artifact", "message"),
    [
        (Artifact(["*.md"]), "no matching artifact paths found"),
        (Artifact(["../*"]), "no matching artifact paths found"),
        (Artifact(["*"], base_directory="dist"), "no matching base directory path found for dist"),
        (Artifact(["*"], base_directory="../other"), "no matching base directory path found for ../other"),
    ],
)
def test_nothing_found_is_an_error(tree: Path, artifact: Artifact, message: str) -> None:
    (tree.parent / "other").mkdir()
    with pytest.raises(ArtifactError, match=message):
        files_of(artifact, tree)


def buildspec(commands: list[str], artifacts: dict[str, Any], **env: Any) -> str:
    phases = {"build": {"commands": commands}}
    return json.dumps({"version": 0.2, "env": env, "phases": phases, "artifacts": artifacts}, indent=1)


def place(workshop: Workshop, **given: Any) -> dict[str, Any]:
    return {"type": "S3", "location": workshop.bucket, **given}


def archive(workshop: Workshop, location: str) -> zipfile.ZipFile:
    bucket, _, key = location.removeprefix("arn:aws:s3:::").partition("/")
    body = workshop.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return zipfile.ZipFile(io.BytesIO(body))


def test_a_zip_has_the_files_with_their_modes_and_links_followed(workshop: Workshop) -> None:
    commands = ["mkdir -p out/bin", "echo x > out/bin/run", "chmod 755 out/bin/run", "ln -s bin/run out/link"]
    name = f"{unique('build')}.zip"
    build, _ = workshop.run(
        buildspec(commands, {"files": "**/*", "base-directory": "out"}),
        artifactsOverride=place(workshop, path="a/b", name=name, packaging="ZIP", namespaceType="NONE"),
    )
    assert build["artifacts"]["location"] == f"arn:aws:s3:::{workshop.bucket}/a/b/{name}"
    assert len(build["artifacts"]["sha256sum"]) == 64
    content = archive(workshop, build["artifacts"]["location"])
    assert sorted(content.namelist()) == ["bin/run", "link"]
    assert {info.external_attr >> 16 for info in content.infolist()} == {0o100755}
    assert content.read("link") == b"x\n"


def test_what_is_not_packaged_lies_below_the_builds_own_name(workshop: Workshop) -> None:
    artifacts = place(workshop, namespaceType="BUILD_ID", overrideArtifactName=True)
    project = workshop.project(
        buildspec(
            ["mkdir d", "echo 1 > d/one"], {"files": ["d/*"], "name": "named-$(echo $KIND)"}, variables={"KIND": "x"}
        ),
        artifacts=artifacts,
    )
    build = workshop.ended(workshop.start(project))
    own = build["id"].partition(":")[2]
    assert build["artifacts"]["location"].endswith(f"/{own}/named-x")
    body = workshop.aws.client("s3").get_object(Bucket=workshop.bucket, Key=f"{own}/named-x/d/one")["Body"]
    assert body.read() == b"1\n"


def test_secondary_artifacts_go_where_the_project_says(workshop: Workshop) -> None:
    names = {name: unique(name) for name in ("first", "second")}
    spec = buildspec(
        ["echo 1 > one", "echo 2 > two"],
        {"secondary-artifacts": {"first": {"files": ["one"]}, "second": {"files": ["two"]}}},
    )
    secondary = [place(workshop, artifactIdentifier=name, name=key, packaging="ZIP") for name, key in names.items()]
    build, _ = workshop.run(spec, secondaryArtifactsOverride=secondary)
    assert build["buildStatus"] == "SUCCEEDED"
    found = {item["artifactIdentifier"]: archive(workshop, item["location"]) for item in build["secondaryArtifacts"]}
    assert {name: content.namelist() for name, content in found.items()} == {"first": ["one"], "second": ["two"]}
    failed, _ = workshop.run(spec, secondaryArtifactsOverride=secondary[:1])
    assert states(failed)["UPLOAD_ARTIFACTS"] == "FAILED"


def test_artifacts_of_a_build_that_failed_are_kept(workshop: Workshop) -> None:
    build, _ = workshop.run(
        buildspec(["echo 1 > report", "false"], {"files": ["report"]}),
        artifactsOverride=place(workshop, name=unique("failed"), packaging="ZIP"),
    )
    assert (build["buildStatus"], states(build)["UPLOAD_ARTIFACTS"]) == ("FAILED", "SUCCEEDED")
    assert archive(workshop, build["artifacts"]["location"]).namelist() == ["report"]


def test_artifacts_that_are_not_there_fail_the_build(workshop: Workshop) -> None:
    build, _ = workshop.run(buildspec(["true"], {"files": ["nothing"]}), artifactsOverride=place(workshop, name="n"))
    (failed,) = [phase for phase in build["phases"] if phase.get("phaseStatus") == "FAILED"]
    assert failed["phaseType"] == "UPLOAD_ARTIFACTS"
    assert failed["contexts"][0]["message"] == "no matching artifact paths found"
