"""Lambda functions made without a stack."""

from __future__ import annotations

import io
import zipfile

from tests.local_aws import LocalAws

__all__ = ["make_function"]


def make_function(aws: LocalAws, name: str, code: str) -> str:
    """A Python function ``handler`` from source; returns its ARN."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("code_of_function.py", code)
    answer = aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="code_of_function.handler",
        Role=f"arn:aws:iam::{aws.account}:role/{name}",
        Code={"ZipFile": archive.getvalue()},
        Timeout=60,
    )
    return str(answer["FunctionArn"])
