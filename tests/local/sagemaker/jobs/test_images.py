from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from modelyard.local.docker.store import Built, keep_context
from modelyard.local.sagemaker.jobs.images import ImageError, register_image, registered_images
from tests.local.sagemaker.lab import Lab, unique
from tests.local_aws import LocalAws

TRAIN = "#!/usr/bin/env python3\nprint('trained by {word}')\n"


def push(lab: Lab, folder: Path, repository: str, tag: str) -> tuple[str, str]:
    """What building and pushing ``folder`` leaves behind; the image's URIs by tag and by digest."""
    ecr = lab.aws.client("ecr")
    if repository not in [item["repositoryName"] for item in ecr.describe_repositories()["repositories"]]:
        ecr.create_repository(repositoryName=repository, imageTagMutability="IMMUTABLE")
    image = Built(keep_context(lab.aws.paths.sagemaker, folder), {})
    pushed = ecr.put_image(repositoryName=repository, imageTag=tag, imageManifest=image.manifest())["image"]
    uri = f"{lab.aws.account}.dkr.ecr.{lab.aws.region}.amazonaws.com/{repository}"
    return f"{uri}:{tag}", f"{uri}@{pushed['imageId']['imageDigest']}"


def image_folder(path: Path, word: str) -> Path:
    """The folder of an image whose training says ``word``."""
    path.mkdir()
    (path / "train").write_text(TRAIN.format(word=word))
    (path / "train").chmod(0o755)
    return path


def train_in(lab: Lab, image: str) -> tuple[dict[str, Any], list[str]]:
    arguments = lab.training("")
    arguments["AlgorithmSpecification"]["TrainingImage"] = image
    job = lab.run_training(**arguments)
    return job, lab.log("Training", job["TrainingJobName"])


def test_an_image_is_what_was_pushed_by_tag_and_digest_and_older_ones_keep_working(lab: Lab, tmp_path: Path) -> None:
    repository = unique("modelyard/tabular")
    first, first_digest = push(lab, image_folder(tmp_path / "one", "one"), repository, "one")
    second, second_digest = push(lab, image_folder(tmp_path / "two", "two"), repository, "two")
    # What was pushed is what it was then.
    shutil.rmtree(tmp_path / "one")
    for image, word in ((first, "one"), (second, "two"), (first_digest, "one"), (second_digest, "two")):
        assert train_in(lab, image)[1] == [f"trained by {word}"]


def test_images_are_there_after_the_local_aws_was_down(own_local_aws: LocalAws, tmp_path: Path) -> None:
    lab = Lab(own_local_aws, tmp_path)
    _, image = push(lab, image_folder(tmp_path / "kept", "kept"), "kept", "1")
    own_local_aws.down()
    own_local_aws.up()
    assert train_in(lab.reconnected(), image)[1] == ["trained by kept"]


def test_an_image_that_was_never_pushed_fails_with_its_uri_and_the_remedy(lab: Lab) -> None:
    image = f"{lab.aws.account}.dkr.ecr.{lab.aws.region}.amazonaws.com/{unique('nowhere')}:1"

    job, _ = train_in(lab, image)

    assert job["FailureReason"].startswith(f"ClientError: Image {image} is not known to the local AWS: ")
    assert job["FailureReason"].endswith(
        f"register the folder it is built from with: modelyard local image {image} FOLDER"
    )


def test_a_tag_or_a_digest_that_was_not_pushed_is_not_known(lab: Lab, tmp_path: Path) -> None:
    image, _ = push(lab, image_folder(tmp_path / "image", "x"), unique("modelyard/other"), "abc")
    for unknown in (image.replace(":abc", ":xyz"), image.replace(":abc", f"@sha256:{'0' * 64}")):
        reason = train_in(lab, unknown)[0]["FailureReason"]
        assert f"Image {unknown} is not known to the local AWS: Requested image not found; register" in reason


def test_an_image_of_layers_is_not_taken_for_one_of_ours(lab: Lab) -> None:
    ecr, repository = lab.aws.client("ecr"), unique("modelyard/docker")
    ecr.create_repository(repositoryName=repository)
    digests = {"short": "sha256:12", "above": "sha256:..", "elsewhere": "/tmp"}
    layers = [(tag, json.dumps({"layers": [{"digest": digest}]})) for tag, digest in digests.items()]
    for tag, manifest in [("empty", "{}"), ("text", "x"), *layers]:
        ecr.put_image(repositoryName=repository, imageTag=tag, imageManifest=manifest)
        image = f"{lab.aws.account}.dkr.ecr.{lab.aws.region}.amazonaws.com/{repository}:{tag}"
        assert f"Image {image} was not built by the local AWS" in train_in(lab, image)[0]["FailureReason"]


def test_an_image_outside_of_ecr_runs_once_its_folder_is_registered(lab: Lab, tmp_path: Path) -> None:
    image = f"example.com/{unique('image')}"
    job, _ = train_in(lab, image)
    assert job["FailureReason"] == (
        f"ClientError: Image {image} is not in ECR; "
        f"register the folder it is built from with: modelyard local image {image} FOLDER"
    )
    (tmp_path / "train").write_text(TRAIN.format(word="hand"))
    (tmp_path / "train").chmod(0o755)

    register_image(lab.aws.paths.root / "sagemaker", image, tmp_path)

    assert train_in(lab, image)[1] == ["trained by hand"]
    # Without a tag it stands for every tag.
    assert train_in(lab, f"{image}:latest")[1] == ["trained by hand"]


def test_a_registered_folder_that_is_gone_is_an_error_that_names_it(lab: Lab, tmp_path: Path) -> None:
    image, folder = f"example.com/{unique('image')}", tmp_path / "folder"
    folder.mkdir()
    register_image(lab.aws.paths.root / "sagemaker", image, folder)
    folder.rmdir()

    job, _ = train_in(lab, image)

    assert f"The folder {folder} registered for image {image} is gone" in job["FailureReason"]


def test_only_a_folder_can_be_registered_and_a_refusal_changes_nothing(tmp_path: Path) -> None:
    register_image(tmp_path / "state", "example.com/a", tmp_path)

    with pytest.raises(ImageError, match="is not a folder: give the folder that holds the image's Dockerfile"):
        register_image(tmp_path / "state", "example.com/b", tmp_path / "missing")

    assert registered_images(tmp_path / "state") == {"example.com/a": str(tmp_path)}
