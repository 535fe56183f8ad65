"""A `PipelineSession` that cannot reach AWS: the only place where the SDK's sessions are touched."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from modelyard.pipeline_defs.compiler.errors import PipelineDefinitionError

# The SDK reads these at import or construction; the values hold only while a definition is compiled.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "offline",
    "AWS_SECRET_ACCESS_KEY": "offline",
    "AWS_EC2_METADATA_DISABLED": "true",
    "SAGEMAKER_VALIDATE_ROLE": "false",
    "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": os.devnull,
    "SAGEMAKER_USER_CONFIG_OVERRIDE": os.devnull,
}
TELEMETRY_OPT_OUT = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
UPLOAD_REMEDY = "name the files with context.source(…) instead of giving the SDK local code"


@contextmanager
def offline(region: str) -> Iterator[None]:
    """The SDK without the user's AWS configuration and without its log lines; all is put back afterwards."""
    before, root, disabled = dict(os.environ), logging.getLogger(), logging.root.manager.disable
    handlers, level = list(root.handlers), root.level
    logging.disable(logging.WARNING)
    for name in [name for name in before if name.startswith(("AWS_", "SAGEMAKER_"))]:
        del os.environ[name]
    os.environ.update(ENVIRONMENT, AWS_DEFAULT_REGION=region, AWS_REGION=region)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.disable(disabled)


def refuse_call(request: Any, **_: Any) -> None:
    """botocore `before-send` handler."""
    raise PipelineDefinitionError(f"compiling a pipeline must not call AWS, and tried {request.method} {request.url}")


def offline_session(region: str, bucket: str, role: str) -> Any:
    """A session whose every AWS call and upload raises `PipelineDefinitionError`. `bucket` is its default bucket."""
    import boto3
    from sagemaker.core.workflow.pipeline_context import PipelineSession

    class OfflineSession(PipelineSession):  # type: ignore[misc]
        def default_bucket(self) -> str:
            return bucket

        def account_id(self) -> str:
            return role.split(":")[4]

        def get_caller_identity_arn(self) -> str:
            return role

        def upload_data(self, path: str, *_: Any, **__: Any) -> str:
            raise PipelineDefinitionError(f"compiling a pipeline must not upload, and tried {path}: {UPLOAD_REMEDY}")

        def upload_string_as_file_body(self, body: str, bucket: str, key: str, kms_key: str | None = None) -> str:
            raise PipelineDefinitionError(f"compiling a pipeline must not upload, and tried {key}: {UPLOAD_REMEDY}")

    boto_session = boto3.Session(region_name=region)
    boto_session.events.register("before-send.*.*", refuse_call)
    return OfflineSession(boto_session=boto_session, default_bucket=bucket, sagemaker_config=TELEMETRY_OPT_OUT)
