"""Copies objects from one stage's bucket to another's, through this process, as no stage reads another's bucket.

Read with the source's credentials, written with the target's, encrypted as the target's bucket does by itself. What is
larger than a part goes up in parts of one size, so that little memory is taken, a copy that was cut off goes on where
it was, and the checksum does not depend on how often. S3 verifies SHA-256 of everything that it is given, and keeps it
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).

The source's credentials need `s3:GetObject` and `s3:ListBucket`; the target's `s3:GetObject`, `s3:PutObject`,
`s3:ListBucket`, `s3:ListBucketMultipartUploads`, `s3:ListMultipartUploadParts`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from .job import JobFailed

__all__ = ["PART", "CopyError", "OutOfTime", "S3Object", "below", "copy", "find", "split"]

PART = 64 * 2**20
"""Bytes of a part: of at most 10,000 parts, so that 600 GiB can be copied."""


class CopyError(JobFailed):
    """An object that is missing, or that has changed under the copy."""


class OutOfTime(Exception):
    """The copy stopped between two parts; when it is asked for again it goes on there."""


@dataclass(frozen=True)
class S3Object:
    """An object as it was found; `etag` tells it from others that were under its key."""

    bucket: str
    key: str
    size: int
    etag: str

    @property
    def uri(self) -> str:
        """Its S3 URI."""
        return f"s3://{self.bucket}/{self.key}"


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI.

    Raises:
        CopyError: it is none.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not key:
        raise CopyError(f"{uri!r} is not the S3 URI of an object: s3://bucket/key")
    return bucket, key


def find(s3: Any, uri: str) -> S3Object:
    """The object of that URI.

    Raises:
        CopyError: there is none.
    """
    bucket, key = split(uri)
    head = _head(s3, bucket, key)
    if head is None:
        raise CopyError(f"{uri} does not exist; register the version anew from what is there")
    return S3Object(bucket, key, head["ContentLength"], head["ETag"])


def below(s3: Any, folder: str, most: int) -> list[S3Object]:
    """The first objects of a folder, `s3://bucket/prefix/`, by their keys; placeholders of folders are none."""
    bucket, prefix = split(folder)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = (item for page in pages for item in page.get("Contents", []))
    files = (S3Object(bucket, item["Key"], item["Size"], item["ETag"]) for item in found if item["Key"][-1] != "/")
    return list(islice(files, most))


def copy(source: Any, item: S3Object, target: Any, bucket: str, key: str, enough_time: Callable[[], bool]) -> None:
    """Copy an object, unless it is there already.

    Args:
        source: the S3 client that reads.
        item: what is copied.
        target: the S3 client that writes.
        bucket: where to.
        key: a name that no other content is ever given.
        enough_time: asked before every part of a large object.

    Raises:
        CopyError: the object was changed or deleted meanwhile, or came out wrong.
        OutOfTime: there was not enough time; the parts so far are kept.
    """
    there = _head(target, bucket, key)
    if there is not None and there["ContentLength"] == item.size:
        return
    place = {"Bucket": bucket, "Key": key}
    metadata = {"source-etag": item.etag.strip('"')}
    if item.size > PART:
        try:
            _in_parts(source, item, target, place, metadata, enough_time)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise
            # Another promotion of the same version has completed the upload that this one went on with, or aborted it.
            if _head(target, bucket, key) is None:
                raise OutOfTime from error
        return
    if not enough_time():
        raise OutOfTime
    body = _read(source, item, 0, item.size)
    target.put_object(**place, Body=body, Metadata=metadata, ChecksumSHA256=_encoded(hashlib.sha256(body).digest()))


def _in_parts(
    source: Any,
    item: S3Object,
    target: Any,
    place: dict[str, str],
    metadata: dict[str, str],
    enough_time: Callable[[], bool],
) -> None:
    upload = {**place, "UploadId": _begun(target, place, metadata)}
    done = {part["PartNumber"]: part for part in _parts(target, upload)}
    parts = []
    for number, start in enumerate(range(0, item.size, PART), start=1):
        size = min(PART, item.size - start)
        part = done.get(number)
        if part is None or part["Size"] != size or not part.get("ChecksumSHA256"):
            if not enough_time():
                raise OutOfTime
            body = _read(source, item, start, size)
            checksum = _encoded(hashlib.sha256(body).digest())
            answer = target.upload_part(**upload, PartNumber=number, Body=body, ChecksumSHA256=checksum)
            part = {"ETag": answer["ETag"], "ChecksumSHA256": checksum}
        parts.append({"PartNumber": number, **{name: part[name] for name in ("ETag", "ChecksumSHA256")}})
    answer = target.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    digests = b"".join(base64.b64decode(part["ChecksumSHA256"]) for part in parts)
    expected = f"{_encoded(hashlib.sha256(digests).digest())}-{len(parts)}"
    if answer.get("ChecksumSHA256") != expected:
        raise CopyError(
            f"s3://{place['Bucket']}/{place['Key']} has checksum {answer.get('ChecksumSHA256')}, not {expected}: "
            "delete it and promote again"
        )


def _begun(target: Any, place: dict[str, str], metadata: dict[str, str]) -> str:
    """The upload of this very key that was begun, or a new one."""
    pages = target.get_paginator("list_multipart_uploads").paginate(Bucket=place["Bucket"], Prefix=place["Key"])
    begun = [item for page in pages for item in page.get("Uploads", []) if item["Key"] == place["Key"]]
    if begun:
        return str(begun[0]["UploadId"])
    return str(target.create_multipart_upload(**place, Metadata=metadata, ChecksumAlgorithm="SHA256")["UploadId"])


def _parts(target: Any, upload: dict[str, str]) -> Iterator[dict[str, Any]]:
    for page in target.get_paginator("list_parts").paginate(**upload):
        yield from page.get("Parts", [])


def _read(source: Any, item: S3Object, start: int, size: int) -> bytes:
    """Some bytes of an object, if it is still the one that was found."""
    ranged = {"Range": f"bytes={start}-{start + size - 1}"} if size < item.size else {}
    try:
        answer = source.get_object(Bucket=item.bucket, Key=item.key, IfMatch=item.etag, **ranged)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("PreconditionFailed", "412", "NoSuchKey"):
            raise CopyError(f"{item.uri} was changed while it was copied; promote again") from error
        raise
    body: bytes = answer["Body"].read()
    if len(body) != size:
        raise CopyError(f"{item.uri}: {len(body)} bytes came from byte {start} on, not {size}; promote again")
    return body


def _head(s3: Any, bucket: str, key: str) -> dict[str, Any] | None:
    try:
        return dict(s3.head_object(Bucket=bucket, Key=key))
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
            return None
        raise


def _encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
