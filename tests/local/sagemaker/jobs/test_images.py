from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from modelyard.local.sagemaker.jobs.images import ImageError, register_image, registered_images
from tests.local.sagemaker.lab import Lab, unique

TRAIN = "#!/usr/bin/env python3\nprint('trained by {word}')\n"


def zipped(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o100755 << 16
            archive.writestr(info, text)
    return content.getvalue()


def push(lab: Lab, repository: str, tag: str, source: str) -> str:
    """What deploying an image of ours leaves behind; returns its URI."""
    ecr = lab.aws.client("ecr")
    tags = [{"Key": "modelyard:source", "Value": source}, {"Key": "modelyard:tag", "Value": tag}]
    arn = f"arn:aws:ecr:{lab.aws.region}:{lab.aws.account}:repository/{repository}"
    if repository in [item["repositoryName"] for item in ecr.describe_repositories()["repositories"]]:
        ecr.tag_resource(resourceArn=arn, tags=tags)
    else:
        ecr.create_repository(repositoryName=repository, tags=tags)
    return f"{lab.aws.account}.dkr.ecr.{lab.aws.region}.amazonaws.com/{repository}:{tag}"


def train_in(lab: Lab, image: str) -> tuple[dict[str, Any], list[str]]:
    arguments = lab.training("")
    arguments["AlgorithmSpecification"]["TrainingImage"] = image
    job = lab.run_training(**arguments)
    return job, lab.log("Training", job["TrainingJobName"])


def test_an_image_is_the_asset_that_its_repository_names_and_old_tags_keep_working(lab: Lab) -> None:
    repository = unique("modelyard/tabular")
    images = []
    for word in ("one", "two"):
        key = f"{unique('asset')}.zip"
        lab.s3.put_object(Bucket=lab.bucket, Key=key, Body=zipped(train=TRAIN.format(word=word)))
        images.append(push(lab, repository, word, f"s3://{lab.bucket}/{key}"))
        assert train_in(lab, images[-1])[1][-1] == f"trained by {word}"

    assert train_in(lab, images[0])[1] == ["trained by one"]


def test_an_image_that_was_never_pushed_fails_with_its_uri_and_the_remedy(lab: Lab) -> None:
    image = f"{lab.aws.account}.dkr.ecr.{lab.aws.region}.amazonaws.com/{unique('nowhere')}:1"

    job, _ = train_in(lab, image)

    assert job["FailureReason"].startswith(f"ClientError: Image {image} is not known to the local AWS: ")
    assert job["FailureReason"].endswith(
        f"register the folder it is built from with: modelyard local image {image} FOLDER"
    )


def test_a_tag_that_the_repository_does_not_hold_fails_with_the_one_it_holds(lab: Lab) -> None:
    image = push(lab, unique("modelyard/other"), "abc", "s3://bucket/key.zip")

    job, _ = train_in(lab, image.replace(":abc", ":xyz"))

    assert "its repository now holds the tag 'abc'" in job["FailureReason"]


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
