"""A `PipelineSession` that cannot reach AWS: the only place where the SDK's sessions are touched."""

import logging
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from modelyard.pipeline_defs.compiler.errors import PipelineDefinitionError

# In place of the user's own configuration, which must not decide what a definition looks like.
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
    """No network, none of the user's AWS configuration, no log lines of the SDK; all is put back afterwards."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
    environment = {**own, **ENVIRONMENT, "AWS_DEFAULT_REGION": region, "AWS_REGION": region}
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, environment, clear=True))
        stack.enter_context(patch.object(socket.socket, "connect", lambda _, address: _refuse(address)))
        stack.enter_context(patch.object(socket, "getaddrinfo", lambda host, *_, **__: _refuse(host)))
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(_quiet())
        for trusted in _trusted_config():
            stack.enter_context(trusted)
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Undo what the SDK does to the root logger."""
    root, disabled = logging.getLogger(), logging.root.manager.disable
    handlers, level = list(root.handlers), root.level
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)


def _trusted_config() -> Iterator[Any]:
    """Without these the SDK checks TELEMETRY_OPT_OUT at each look-up: 47 times for one pipeline, 0.1 s each."""
    from sagemaker.core.config import config, config_manager

    yield patch.object(config, "validate_sagemaker_config")
    yield patch.object(config_manager.SageMakerConfig, "validate_sagemaker_config")


def _refuse(address: Any) -> Any:
    raise PipelineDefinitionError(
        f"compiling a pipeline must not open connections, and tried {address}; give every SDK object "
        "sagemaker_session=context.session"
    )


def _refuse_call(request: Any, **_: Any) -> None:
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
            raise PipelineDefinitionError(f"compiling a pipeline must not upload, and tried {path}; {UPLOAD_REMEDY}")

        def upload_string_as_file_body(self, body: str, bucket: str, key: str, kms_key: str | None = None) -> str:
            raise PipelineDefinitionError(f"compiling a pipeline must not upload, and tried {key}; {UPLOAD_REMEDY}")

    boto_session = boto3.Session(region_name=region)
    boto_session.events.register("before-send.*.*", _refuse_call)
    return OfflineSession(boto_session=boto_session, default_bucket=bucket, sagemaker_config=TELEMETRY_OPT_OUT)
