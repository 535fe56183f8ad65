"""Promotion: a version of one stage's model package group becomes a version of another stage's.

Everything that the version is made of comes to the target stage: its artefacts, its metrics and the whole folder of its
evaluation are copied under a prefix that is named by their content, its images are pinned by digest, and what it says
of itself is carried over. The new version awaits its approval there.

Doing it again does nothing, and doing it after it was cut off goes on: objects have names by their content, the group
is searched for a version that came from this one, and CreateModelPackage gets a token that says what is registered.

The source's credentials need `sagemaker:DescribeModelPackage`, `ecr:DescribeImages` on the images' repositories where
an image is known by a tag only, and those of `copying` with `kms:Decrypt`; the target's `sagemaker:ListModelPackages`,
`sagemaker:DescribeModelPackage`, `sagemaker:CreateModelPackage` with `ecr:BatchGetImage` and `ecr:DescribeImages`, by
which it looks for the images, and those of `copying` with `kms:Decrypt` and `kms:GenerateDataKey`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from .access import StageAccess
from .copying import S3Object, below, copy, find, split
from .job import JobFailed
from .versions import APPROVED, PENDING, number, versions

__all__ = ["SOURCE", "NotApproved", "Promoted", "PromotionError", "evaluation_folder", "promote", "promoted"]

SOURCE = "modelyard:source"
"""The property of a version that names the version it came from; `modelyard:source-2` names that one's, and so on."""

# Members of DescribeModelPackage that are the same in every stage. SourceUri is none of them: SageMaker makes a clone
# of the model package that it names, artefacts in the source's bucket included, and takes no InferenceSpecification
# beside it (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html).
_CARRIED = (
    "ModelPackageDescription",
    "InferenceSpecification",
    "AdditionalInferenceSpecifications",
    "ModelMetrics",
    "DriftCheckBaselines",
    "MetadataProperties",
    "CustomerMetadataProperties",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "SkipModelValidation",
    "ModelCard",
)
# Members of a container that SageMaker finds out itself.
_FOUND_OUT = ("ImageDigest", "ModelDataETag")
_ELSEWHERE = ("ModelDataSource", "AdditionalModelDataSources", "AdditionalS3DataSource", "ProductId")
_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[^:@]+)"
    r"(:(?P<tag>[^@]+))?"
)
_TOKEN_LENGTH = 36
MAX_FILES = 1000
MAX_EVALUATION = 2**30
"""Objects and bytes of an evaluation."""
# Registered, or about to be.
_THERE = frozenset({"Completed", "InProgress", "Pending"})


class PromotionError(JobFailed):
    """A version that cannot be promoted; the message says why and what to do."""


class NotApproved(PromotionError):
    """A version that is not, or no longer, Approved."""


@dataclass(frozen=True)
class Promoted:
    """A version in the target stage, and the one that it came from.

    Attributes:
        arn: the version in the target stage.
        approval: its approval status.
        source: ARN of the version that it came from.
        created: whether it was registered now; it was there already otherwise.
    """

    arn: str
    approval: str
    source: str
    created: bool


def promote(
    source: StageAccess,
    target: StageAccess,
    version: str,
    group: str,
    bucket: str,
    enough_time: Callable[[], bool] = lambda: True,
) -> Promoted:
    """Register a version of the source stage in the target stage, if it is not there yet.

    Args:
        source: the stage of the version.
        target: the stage that it comes to.
        version: ARN of the version.
        group: model package group of the target stage.
        bucket: the target stage's bucket for artefacts.
        enough_time: asked between the parts of a copy. By default there is time for everything.

    Raises:
        NotApproved: the version is not Approved.
        PromotionError: the version holds what cannot be promoted.
        CopyError: an object that it names is not there.
        OutOfTime: `enough_time` said no; promote again, and it goes on.
    """
    there = promoted(target, version, group)
    if there:
        return there
    package = source.client("sagemaker").describe_model_package(ModelPackageName=version)
    _require_approved(source, package)
    request = _carried(package)
    for container in _containers(request):
        _pin(source, container)
    moved = _Moved.of(source.client("s3"), request, version, group, bucket)
    for item, key in moved.keys.items():
        copy(source.client("s3"), item, target.client("s3"), bucket, key, enough_time)
    request = moved.rewritten(request)
    request["CustomerMetadataProperties"] = _properties(request.get("CustomerMetadataProperties", {}), version)
    request |= {"ModelPackageGroupName": group, "ModelApprovalStatus": PENDING}
    token = _digest(request)[:_TOKEN_LENGTH]
    created = target.client("sagemaker").create_model_package(**request, ClientToken=token)
    return Promoted(created["ModelPackageArn"], PENDING, version, created=True)


def promoted(target: StageAccess, version: str, group: str) -> Promoted | None:
    """The version of the target stage's group that came from `version`, if there is one."""
    sagemaker = target.client("sagemaker")
    for item in versions(sagemaker, group, _THERE):
        package = sagemaker.describe_model_package(ModelPackageName=item["ModelPackageArn"])
        if package.get("CustomerMetadataProperties", {}).get(SOURCE) == version:
            return Promoted(package["ModelPackageArn"], package["ModelApprovalStatus"], version, created=False)
    return None


def evaluation_folder(package: dict[str, Any]) -> str:
    """The folder of a version's evaluation, `s3://bucket/prefix/`; empty where it has none."""
    statistics = package.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {}).get("S3Uri", "")
    folder = str(statistics).rpartition("/")[0]
    # A file at the top of its bucket has no folder of its own.
    return f"{folder}/" if folder.count("/") > 2 else ""


def _require_approved(source: StageAccess, package: dict[str, Any]) -> None:
    status, arn = package["ModelApprovalStatus"], package["ModelPackageArn"]
    if status != APPROVED or package["ModelPackageStatus"] != "Completed":
        told = status if status != APPROVED else f"{package['ModelPackageStatus']} in its registration"
        raise NotApproved(
            f"{arn} is {told}: only an Approved version of stage {source.name} can be promoted; "
            f"approve it there first: modelyard approve {package['ModelPackageGroupName']} {number(arn)}"
        )


def _carried(package: dict[str, Any]) -> dict[str, Any]:
    refused = [name for name in ("SourceAlgorithmSpecification",) if package.get(name)]
    if refused or not package.get("InferenceSpecification"):
        what = f"it has {refused[0]}" if refused else "it has no InferenceSpecification"
        raise PromotionError(
            f"{package['ModelPackageArn']} cannot be promoted: {what}; register a model with containers"
        )
    carried: dict[str, Any] = json.loads(json.dumps({name: package[name] for name in _CARRIED if package.get(name)}))
    return carried


def _containers(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for specification in (request["InferenceSpecification"], *request.get("AdditionalInferenceSpecifications", ())):
        yield from specification["Containers"]


def _pin(source: StageAccess, container: dict[str, Any]) -> None:
    """Name the container's image by its digest: the one that was registered, or what its tag means now."""
    elsewhere = next((name for name in _ELSEWHERE if container.get(name)), None)
    if elsewhere:
        raise PromotionError(f"container {container.get('Image')} has {elsewhere}: only a ModelDataUrl can be promoted")
    image, digest = container["Image"], container.get("ImageDigest", "")
    for name in _FOUND_OUT:
        container.pop(name, None)
    if "@" in image:
        return
    match = _ECR.fullmatch(image)
    if match is None:
        raise PromotionError(f"image {image} is neither named by a digest nor in ECR; register it by its digest")
    digest = digest or _digest_of_tag(source, image, match)
    container["Image"] = f"{image[: match.end('repository')]}@{digest}"


def _digest_of_tag(source: StageAccess, image: str, match: re.Match[str]) -> str:
    if match["region"] != source.region:
        raise PromotionError(
            f"image {image} is in region {match['region']}, stage {source.name} in {source.region}: "
            "register it by its digest"
        )
    wanted = {"imageTag": match["tag"] or "latest"}
    try:
        answer = source.client("ecr").describe_images(
            registryId=match["account"], repositoryName=match["repository"], imageIds=[wanted]
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ImageNotFoundException", "RepositoryNotFoundException"):
            raise
        answer = {"imageDetails": []}
    if not answer["imageDetails"]:
        raise PromotionError(f"image {image} is not in ECR any more: push it again, or train anew")
    return str(answer["imageDetails"][0]["imageDigest"])


@dataclass(frozen=True)
class _Moved:
    """Where each object goes to, and what an S3 URI becomes: the longest one that it begins with counts."""

    keys: dict[S3Object, str]
    uris: dict[str, str]

    @staticmethod
    def of(s3: Any, request: dict[str, Any], version: str, group: str, bucket: str) -> _Moved:
        """Look for everything that the request names."""
        artefacts = [container["ModelDataUrl"] for container in _containers(request) if container.get("ModelDataUrl")]
        artefacts = list(dict.fromkeys(artefacts))
        folder = evaluation_folder(request)
        files = sorted(uri for uri in _uris(request) if not (folder and uri.startswith(folder)))
        models, others = [find(s3, uri) for uri in artefacts], [find(s3, uri) for uri in files]
        evaluation = _evaluation(s3, folder) if folder else []
        content = [[item.uri, item.etag] for item in (*models, *others, *evaluation)]
        prefix = f"promoted/{group}/{_digest([version, content])}"
        keys: dict[S3Object, str] = {}
        uris: dict[str, str] = {}
        for index, item in enumerate(models):
            keys[item] = f"{prefix}/{f'{index}/' if index else ''}model.tar.gz"
        for index, item in enumerate(others):
            keys[item] = f"{prefix}/metrics/{index}/{item.key.rpartition('/')[2]}"
        for item in evaluation:
            keys[item] = f"{prefix}/evaluation/{item.key.removeprefix(split(folder)[1])}"
        uris.update({item.uri: f"s3://{bucket}/{key}" for item, key in keys.items()})
        if folder:
            # With and without a slash at its end.
            uris[folder.rstrip("/")] = f"s3://{bucket}/{prefix}/evaluation"
            uris[folder] = f"s3://{bucket}/{prefix}/evaluation/"
        return _Moved(keys, uris)

    def rewritten(self, value: Any) -> Any:
        """`value` with every string that is one of the URIs in the words of the target stage."""
        if isinstance(value, dict):
            return {name: self.rewritten(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.rewritten(item) for item in value]
        return self.uris.get(value, value) if isinstance(value, str) else value


def _evaluation(s3: Any, folder: str) -> list[S3Object]:
    """The files of an evaluation; refuses a folder that surely holds something else too."""
    found = below(s3, folder, MAX_FILES + 1)
    size = sum(item.size for item in found)
    if len(found) > MAX_FILES or size > MAX_EVALUATION:
        held = f"more than {MAX_FILES} objects" if len(found) > MAX_FILES else f"{size / 2**30:.1f} GiB"
        raise PromotionError(
            f"{folder}, the folder of the version's statistics, holds {held}; {MAX_FILES} objects and "
            f"{MAX_EVALUATION // 2**30} GiB can be promoted: "
            "let the pipeline write the evaluation into a folder of its own"
        )
    return found


def _uris(request: dict[str, Any]) -> set[str]:
    """The files that metrics, baselines and a sample payload name."""
    found: set[str] = set()

    def look(value: Any) -> None:
        for name, item in value.items() if isinstance(value, dict) else ():
            if name == "S3Uri":
                found.add(item)
            look(item)

    look(request.get("ModelMetrics"))
    look(request.get("DriftCheckBaselines"))
    return found | ({request["SamplePayloadUrl"]} if request.get("SamplePayloadUrl") else set())


def _properties(properties: dict[str, str], version: str) -> dict[str, str]:
    """The version's own, and the chain of the versions that it came from: the last one is its origin."""
    keys = [SOURCE, *(f"{SOURCE}-{number}" for number in range(2, len(properties) + 3))]
    chain = [version, *(properties[key] for key in keys if key in properties)]
    own = {key: value for key, value in properties.items() if key not in keys}
    return {**own, **dict(zip(keys, chain, strict=False))}


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
