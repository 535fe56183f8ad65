"""A version comes to the next stage with all that it is made of, once, wherever the promotion is cut off."""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import Any

import pytest

from modelyard.lambdas.delivery import copying, promotion
from modelyard.lambdas.delivery.copying import CopyError, OutOfTime
from modelyard.lambdas.delivery.promotion import Promoted, PromotionError, promote
from tests.lambdas.delivery.stages import EXAMPLES, Died, Stage, archive, image

PART = 5 * 2**20  # bytes, the least that S3 takes
MODEL = archive(100_000)
LARGE = archive(PART + 100_000)


def plain(source: Stage) -> str:
    """An approved version with a large artefact and an evaluation; its ARN."""
    model = source.object("abalone/model.tar.gz", LARGE)
    evaluation = source.evaluate(examples=None)
    return source.register(**_specification(Image=image(source.aws), ModelDataUrl=model), **evaluation)


def whole(source: Stage, **more: Any) -> str:
    """An approved version with everything that a version can have; its ARN."""
    model = source.object("abalone/model.tar.gz", MODEL)
    baseline = source.object("monitoring/constraints.json", b"{}")
    types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    container = {"Image": image(source.aws), "ModelDataUrl": model, "Environment": {"VERSION": "7.0"}}
    request = {
        **source.evaluate(),
        "InferenceSpecification": {
            "Containers": [container],
            **types,
            "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
        },
        "DriftCheckBaselines": {
            "ModelQuality": {"Constraints": {"ContentType": "application/json", "S3Uri": baseline}}
        },
        "SamplePayloadUrl": source.object("samples/payload.tar.gz", b"sample"),
        "MetadataProperties": {"CommitId": "abc", "Repository": "r", "GeneratedBy": "g", "ProjectId": "p"},
        "ModelPackageDescription": "the good one",
        "Domain": "MACHINE_LEARNING",
        "Task": "REGRESSION",
        "SkipModelValidation": "All",
        **more,
    }
    return source.register(**request)


def go(source: Stage, target: Stage, version: str, **more: Any) -> Promoted:
    return promote(source.access, target.access, version, target.group, target.bucket, **more)


def test_a_version_comes_with_its_artefact_evaluation_metrics_and_lineage(
    source: Stage, target: Stage, digest: str
) -> None:
    version = whole(source)
    done = go(source, target, version)
    assert done == Promoted(target.versions()[0], "PendingManualApproval", version, created=True)
    before, after = source.describe(version), target.describe(done.arn)
    same = ("MetadataProperties", "ModelPackageDescription", "Domain", "Task", "SkipModelValidation")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    specification = after["InferenceSpecification"]
    container = specification["Containers"][0]
    assert container["Image"] == f"{image(source.aws).removesuffix(':1')}@{digest}"
    assert container["Environment"] == {"VERSION": "7.0"}
    assert specification["SupportedRealtimeInferenceInstanceTypes"] == ["ml.m5.large"]
    prefix = container["ModelDataUrl"].removesuffix("/model.tar.gz")
    assert prefix.startswith(f"s3://{target.bucket}/promoted/{target.group}/")
    assert target.read(container["ModelDataUrl"]) == MODEL
    properties = after["CustomerMetadataProperties"]
    assert properties == {"evaluation": f"{prefix}/evaluation", "run": "7", "modelyard:source": version}
    assert after["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] == f"{prefix}/evaluation/evaluation.json"
    assert json.loads(target.read(f"{prefix}/evaluation/examples.json")) == EXAMPLES
    assert target.read(f"{prefix}/evaluation/plots/residuals.png") == b"\x89PNG"
    assert target.read(after["DriftCheckBaselines"]["ModelQuality"]["Constraints"]["S3Uri"]) == b"{}"
    assert target.read(after["SamplePayloadUrl"]) == b"sample"
    assert source.bucket not in json.dumps(after, default=str)


def test_no_stage_reads_the_others_bucket(source: Stage, target: Stage) -> None:
    go(source, target, whole(source))
    assert not {call for call in source.calls if call.startswith(("Put", "Upload", "Create", "Complete"))}
    assert "GetObject" not in target.calls


def test_a_small_artefact_is_kept_with_its_sha256(source: Stage, target: Stage) -> None:
    go(source, target, whole(source))
    listed = target.s3.list_objects_v2(Bucket=target.bucket)["Contents"]
    (key,) = [item["Key"] for item in listed if item["Key"].endswith("model.tar.gz")]
    head = target.s3.head_object(Bucket=target.bucket, Key=key, ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == copying._encoded(hashlib.sha256(MODEL).digest())


def test_a_chain_of_promotions_tells_the_origin(source: Stage, target: Stage) -> None:
    production = Stage(source.aws, "prod")
    first = whole(source)
    second = go(source, target, first).arn
    target.review(second, "Approved")
    third = go(target, production, second).arn
    properties = production.describe(third)["CustomerMetadataProperties"]
    assert (properties["modelyard:source"], properties["modelyard:source-2"]) == (second, first)
    assert (
        production.read(production.describe(third)["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]) == MODEL
    )


def test_promoting_again_tells_the_version_that_is_there_and_writes_nothing(source: Stage, target: Stage) -> None:
    version = whole(source)
    first = go(source, target, version)
    target.review(first.arn, "Rejected")
    target.calls.clear()
    assert go(source, target, version) == Promoted(first.arn, "Rejected", version, created=False)
    assert set(target.calls) == {"ListModelPackages", "DescribeModelPackage"}
    assert go(source, target, whole(source)).arn.endswith("/2")


def test_a_death_before_or_after_any_call_ends_with_one_version_and_the_same_artefact(
    source: Stage, target: Stage, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The artefact goes up in parts, the files of the evaluation as they are."""
    monkeypatch.setattr(copying, "PART", PART)
    version = plain(source)
    go(source, target, version)
    calls = len(source.calls) + len(target.calls)
    assert {"UploadPart", "PutObject", "CreateModelPackage"} < set(target.calls)
    for number, moment in itertools.product(range(calls), ("before_call", "after_call")):
        target.group = target.project(f"abalone-{number}-{moment[0]}")
        _kill(source, target, number, moment)
        with pytest.raises(Died):
            go(source, target, version)
        where = f"died {moment} {number}"
        _let_live(source, target)
        arn = go(source, target, version).arn
        assert target.versions() == [arn], where
        container = target.describe(arn)["InferenceSpecification"]["Containers"][0]
        assert container["Image"] == f"{image(source.aws).removesuffix(':1')}@{digest}", where
        assert target.read(container["ModelDataUrl"]) == LARGE, where
    assert not target.s3.list_multipart_uploads(Bucket=target.bucket).get("Uploads")


def test_a_copy_that_ran_out_of_time_goes_on_where_it_was(
    source: Stage, target: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PART", PART)
    version, rounds = plain(source), 0
    while not target.versions():
        left = [1]

        def enough(left: list[int] = left) -> bool:
            left[0] -= 1
            return left[0] >= 0

        rounds += 1
        try:
            go(source, target, version, enough_time=enough)
        except OutOfTime:
            continue
    assert rounds > 3
    assert target.calls.count("UploadPart") == 2
    assert target.calls.count("CreateMultipartUpload") == 1


def test_an_artefact_that_changes_meanwhile_is_not_promoted(source: Stage, target: Stage) -> None:
    version = whole(source)

    def change(call: str) -> None:
        if call == "GetObject":
            source.object("abalone/model.tar.gz", b"another")

    source.before_call = change
    with pytest.raises(CopyError, match=r"abalone/model\.tar\.gz was changed while it was copied; promote again"):
        go(source, target, version)
    assert target.versions() == []


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_only_an_approved_version_is_promoted(source: Stage, target: Stage, status: str) -> None:
    version = source.register(status)
    with pytest.raises(PromotionError) as caught:
        go(source, target, version)
    assert str(caught.value) == (
        f"{version} is {status}: only an Approved version of stage {source.name} can be promoted; "
        f"approve it there first: modelyard approve {source.group} 1"
    )


def test_a_version_that_was_promoted_is_found_also_when_it_is_no_longer_approved(source: Stage, target: Stage) -> None:
    version = source.register()
    first = go(source, target, version)
    source.review(version, "Rejected")
    assert go(source, target, version) == Promoted(first.arn, "PendingManualApproval", version, created=False)


@pytest.mark.parametrize(
    ("limit", "most", "held"), [("MAX_FILES", 2, "more than 2 objects"), ("MAX_EVALUATION", 9, "GiB")]
)
def test_a_folder_that_holds_more_than_an_evaluation_is_refused(
    source: Stage, target: Stage, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, held: str
) -> None:
    monkeypatch.setattr(promotion, limit, most)
    version = source.register(**source.evaluate())
    folder = source.describe(version)["CustomerMetadataProperties"]["evaluation"]
    with pytest.raises(PromotionError) as caught:
        go(source, target, version)
    told = str(caught.value)
    assert told.startswith(f"{folder}/, the folder of the version's statistics, holds ") and held in told
    assert told.endswith("let the pipeline write the evaluation into a folder of its own")
    assert target.versions() == [] and "PutObject" not in target.calls


@pytest.mark.parametrize("completed", [True, False], ids=["completed", "aborted"])
def test_an_upload_that_another_promotion_ended_is_done_or_goes_on_in_the_next_call(
    source: Stage, target: Stage, monkeypatch: pytest.MonkeyPatch, completed: bool
) -> None:
    monkeypatch.setattr(copying, "PART", PART)
    version = plain(source)

    def end(call: str) -> None:
        if call != "CompleteMultipartUpload":
            return
        target.before_call = lambda call: None
        (upload,) = target.s3.list_multipart_uploads(Bucket=target.bucket)["Uploads"]
        place = {"Bucket": target.bucket, "Key": upload["Key"]}
        target.s3.abort_multipart_upload(**place, UploadId=upload["UploadId"])
        if completed:
            target.s3.put_object(**place, Body=LARGE)

    target.before_call = end
    if not completed:
        with pytest.raises(OutOfTime):
            go(source, target, version)
    arn = go(source, target, version).arn
    container = target.describe(arn)["InferenceSpecification"]["Containers"][0]
    assert target.read(container["ModelDataUrl"]) == LARGE


def _specification(**container: Any) -> dict[str, Any]:
    types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    return {"InferenceSpecification": {"Containers": [container], **types}}


def test_an_image_by_digest_is_kept_and_one_whose_digest_is_known_is_pinned_to_that(
    source: Stage, target: Stage
) -> None:
    known = "sha256:" + "ab" * 32
    by_digest = image(source.aws).removesuffix(":1") + "@" + known
    for container in ({"Image": by_digest}, {"Image": image(source.aws), "ImageDigest": known}):
        done = go(source, target, source.register(**_specification(**container)))
        assert target.describe(done.arn)["InferenceSpecification"]["Containers"] == [{"Image": by_digest}]
    assert "DescribeImages" not in source.calls


@pytest.mark.parametrize(
    ("container", "told"),
    [
        ({"Image": "ecr/repository:9"}, "image {image} is not in ECR any more: push it again, or train anew"),
        ({"Image": "docker.io/library/x:1"}, "image {image} is neither named by a digest nor in ECR; "),
        (
            {"Image": "111122223333.dkr.ecr.us-east-2.amazonaws.com/x:1"},
            "image {image} is in region us-east-2, stage {stage} in eu-west-1: register it by its digest",
        ),
        ({"Image": "ecr/repository:1", "ModelDataUrl": "s3://{bucket}/gone"}, "s3://{bucket}/gone does not exist; "),
        (
            {
                "Image": "ecr/repository:1",
                "ModelDataSource": {
                    "S3DataSource": {"S3Uri": "s3://b/k/", "S3DataType": "S3Prefix", "CompressionType": "None"}
                },
            },
            "container {image} has ModelDataSource: only a ModelDataUrl can be promoted",
        ),
    ],
    ids=["tag that is gone", "other registry", "other region", "no artefact", "other kind of artefact"],
)
def test_what_cannot_be_promoted_is_told(source: Stage, target: Stage, container: dict[str, Any], told: str) -> None:
    text = json.dumps(container).replace("ecr/repository:", image(source.aws, "")).replace("{bucket}", source.bucket)
    made = json.loads(text)
    with pytest.raises((PromotionError, CopyError)) as caught:
        go(source, target, source.register(**_specification(**made)))
    expected = told.format(image=made["Image"], bucket=source.bucket, stage=source.name)
    assert str(caught.value).startswith(expected)
    assert target.versions() == []


def _kill(source: Stage, target: Stage, number: int, moment: str) -> None:
    """Let the process die around its call of that number."""
    left = [number]

    def die(call: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Died

    for stage in (source, target):
        stage.calls.clear()
        setattr(stage, moment, die)


def _let_live(*stages: Stage) -> None:
    for stage in stages:
        stage.before_call = stage.after_call = lambda call: None
