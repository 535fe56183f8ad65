"""What the caller can put right, in one line each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ApprovalError", "explained"]

_LOGIN = 'log in to AWS (AWS_PROFILE, aws sso login), or for the local AWS: eval "$(modelyard local env)"'
_REFUSED_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_NOT_ALLOWED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


class ApprovalError(Exception):
    """A command that cannot be carried out; the text names the value and what to do instead."""


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the functions of this package raise over a caller's mistake into an ApprovalError of one line."""
    from botocore.exceptions import BotoCoreError, ClientError

    from modelyard.lambdas.serving.declaration import DeclarationError
    from modelyard.lambdas.serving.ledger import LedgerError
    from modelyard.parameters import ParameterError
    from modelyard.settings import SettingsError

    try:
        yield
    except (DeclarationError, LedgerError, ParameterError, SettingsError) as error:
        raise ApprovalError(str(error)) from error
    except ClientError as error:
        raise ApprovalError(_refusal(error)) from error
    except BotoCoreError as error:
        raise ApprovalError(_failure(error)) from error


def _refusal(error: Exception) -> str:
    """What AWS answered; `error` is botocore's ClientError."""
    response, operation = getattr(error, "response", {}), getattr(error, "operation_name", "")
    code, message = (str(response.get("Error", {}).get(part, "")) for part in ("Code", "Message"))
    if code in _REFUSED_CREDENTIALS:
        return f"AWS does not accept the credentials ({code}): {_LOGIN}"
    if code in _NOT_ALLOWED:
        return f"{operation} is not allowed: {_one_line(message)}; docs/cli.md lists what each command needs"
    return f"{operation}: {code}: {_one_line(message)}"


def _failure(error: Exception) -> str:
    """What kept a request from being answered; `error` is one of botocore's own."""
    from botocore import exceptions as aws

    if isinstance(error, (aws.NoCredentialsError, aws.PartialCredentialsError)):
        return f"no AWS credentials: {_LOGIN}"
    if isinstance(error, aws.NoRegionError):
        return "no AWS region: set AWS_REGION, or run in the folder of platform.yaml"
    if isinstance(error, (aws.ConnectionError, aws.HTTPClientError)):
        where = getattr(error, "kwargs", {}).get("endpoint_url") or _one_line(str(error))
        return f"cannot reach {where}: is this machine online, and the local AWS up (`modelyard local up`)?"
    return f"{_one_line(str(error)).rstrip('.')}: {_LOGIN}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
