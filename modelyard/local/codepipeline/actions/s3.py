"""The source action of S3, see
https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-S3.html.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from modelyard.local.codepipeline.action import Action, ActionFailed, ActionType, Outcome

__all__ = ["S3_SOURCE", "current_version"]

_SUMMARY = "codepipeline-artifact-revision-summary"


def run(action: Action) -> Outcome:
    bucket, key = action.configuration["S3Bucket"], action.configuration["S3ObjectKey"]
    s3 = action.client("s3")
    version = action.execution["_revisions"].get(action.declaration["name"])
    try:
        if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
            raise ActionFailed(
                "ConfigurationError",
                f"The bucket {bucket} does not have versioning enabled, which CodePipeline needs of a source bucket",
            )
        found = s3.get_object(Bucket=bucket, Key=key, **({"VersionId": version} if version else {}))
        content = found["Body"].read()
    except ClientError as error:
        wanted = f"s3://{bucket}/{key}" + (f" (version {version})" if version else "")
        raise ActionFailed("ConfigurationError", f"The source {wanted} cannot be read: {error}") from None
    (output,) = action.outputs
    place = output["s3location"]
    action.client("s3").put_object(Bucket=place["bucket"], Key=place["key"], Body=content, **action.encryption())
    summary = found["Metadata"].get(_SUMMARY) or f"Amazon S3 version id: {found['VersionId']}"
    url = f"https://console.aws.amazon.com/s3/object/{bucket}?prefix={key}&versionId={found['VersionId']}"
    return Outcome(
        variables={
            "BucketName": bucket,
            "ETag": found["ETag"].strip('"'),
            "ObjectKey": key,
            "VersionId": found["VersionId"],
        },
        summary=summary,
        revision={
            "revisionId": found["VersionId"],
            "revisionSummary": summary,
            "revisionUrl": url,
            "created": found["LastModified"].timestamp(),
        },
    )


def current_version(s3: Any, bucket: str, key: str) -> str | None:
    """The version of a source object as it is; None where there is none that can be read."""
    try:
        return str(s3.head_object(Bucket=bucket, Key=key).get("VersionId") or "") or None
    except ClientError:
        return None


S3_SOURCE = ActionType(
    categories=("Source",),
    provider="S3",
    keys={"S3Bucket": (), "S3ObjectKey": (), "PollForSourceChanges": ("true", "false")},
    required=("S3Bucket", "S3ObjectKey"),
    inputs=(0, 0),
    outputs=(1, 1),
    run=run,
    refused={"AllowOverrideForS3ObjectKey": "leave it out: an execution can override the version alone"},
)
