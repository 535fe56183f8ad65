"""From the approval of a version to the endpoint in service with it, beyond what the model itself takes to load.

The reference app is deployed by the real CDK command line, with updates all at once instead of its canary, whose waits
are not the platform's. The approval is the API call that a reviewer makes.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from typing import Any

from botocore.exceptions import ClientError

from benchmarks.local import ACCOUNT, REGION, Local, local_aws
from benchmarks.measure import ROUNDS, Times, report
from benchmarks.stub import load_seconds, make_image, register_version
from modelyard import names

__all__ = ["main"]

TARGET = 1.0
NAME = names.resource_name("dev", "abalone")
PATIENCE_SECONDS = 60


def main() -> None:
    with local_aws() as local, tempfile.TemporaryDirectory() as assembly:
        folder = make_image(local)
        deploy(local, assembly)
        sagemaker = local.client("sagemaker")
        versions = [register_version(sagemaker, NAME) for _ in range(ROUNDS + 1)]
        first = approve(sagemaker, versions[0])
        updates = Times(tuple(approve(sagemaker, version) for version in versions[1:]))
        loads = Times(tuple(load_seconds(folder) for _ in range(ROUNDS)))
        sides = {"approve to InService, endpoint updated": updates, "the model server alone": loads}
        print(f"First approval, which creates the endpoint: {first:.3f} s")
        report("Approval, wall", sides, updates.median - loads.median, "s beyond the model's load", TARGET)


def deploy(local: Local, assembly: str) -> None:
    """Bootstrap and deploy the app."""
    environ = {**os.environ, "CDK_OUTDIR": assembly, "CDK_VALIDATION": "false"}
    local.run("cdk", "bootstrap", f"aws://{ACCOUNT}/{REGION}", environ=environ)
    words = ("cdk", "deploy", "--all", "--require-approval", "never", "--output", assembly)
    local.run(*words, "--app", f"{sys.executable} -m benchmarks.plain_app", environ=environ)


def approve(sagemaker: Any, arn: str) -> float:
    """Approve a version; the seconds until the endpoint is in service with it."""
    start = time.perf_counter()
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    while not serves(sagemaker, arn):
        if time.perf_counter() - start > PATIENCE_SECONDS:
            raise SystemExit(f"{arn} does not serve after {PATIENCE_SECONDS} s")
        time.sleep(0.01)
    return time.perf_counter() - start


def serves(sagemaker: Any, arn: str) -> bool:
    """Whether the endpoint is in service with exactly that version."""
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=NAME)
        if endpoint["EndpointStatus"] != "InService":
            return False
        config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    except ClientError:
        return False
    return bool(model["Containers"][0]["ModelPackageName"] == arn)


if __name__ == "__main__":
    main()
