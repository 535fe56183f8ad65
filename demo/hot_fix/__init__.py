"""A version that should never have been approved: made by hand out of one that was."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

from demo.objects import read_object, write_object

__all__ = ["register_hot_fix"]

SCRIPT = Path(__file__).with_name("inference.py")


def register_hot_fix(sagemaker: Any, s3: Any, package_arn: str) -> str:
    """Register the version ``package_arn`` again with another inference script; the ARN of the new version."""
    package = sagemaker.describe_model_package(ModelPackageName=package_arn)
    specification = package["InferenceSpecification"]
    (container,) = specification["Containers"]
    uri = container["ModelDataUrl"].rpartition("/")[0] + "/hot-fix/model.tar.gz"
    write_object(s3, uri, patched(read_object(s3, container["ModelDataUrl"])))
    registered = sagemaker.create_model_package(
        ModelPackageGroupName=package["ModelPackageGroupName"],
        ModelPackageDescription="hot fix by hand: correct the predictions by sex",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={**specification, "Containers": [{**container, "ModelDataUrl": uri}]},
    )
    return str(registered["ModelPackageArn"])


def patched(model: bytes) -> bytes:
    """A model.tar.gz whose inference script is the hot fix; the one that it builds upon is called ``original``."""
    result = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(model)) as old, tarfile.open(fileobj=result, mode="w:gz") as new:
        for member in old.getmembers():
            member.name = member.name.replace("code/inference.py", "code/original.py")
            new.addfile(member, old.extractfile(member))
        new.add(SCRIPT, arcname="code/inference.py")
    return result.getvalue()
