"""What an error from AWS means for an endpoint: try again, wait for capacity, it is not there, or it is poisoned."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError


class Transient(Exception):
    """The message must come again; `delay` is the least number of seconds until then."""

    def __init__(self, reason: str, delay: int = 0) -> None:
        super().__init__(reason)
        self.delay = delay


class Meaning(Enum):
    """The four answers of `meaning`."""

    TRANSIENT = "transient"
    CAPACITY = "capacity"
    ABSENT = "absent"
    POISONED = "poisoned"


_TRANSIENT_CODES = {
    "ConditionalCheckFailedException",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServerException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_CAPACITY_CODES = {"ResourceLimitExceeded"}
_ABSENT_CODES = {"ObjectNotFoundException", "ParameterNotFound", "ResourceNotFound", "ResourceNotFoundException"}
_DENIED_CODES = {"AccessDenied", "AccessDeniedException"}
_ABSENT = re.compile(r"could not find|does not exist|not found", re.IGNORECASE)
# Another caller was first, or CreateEndpoint does not see a fresh endpoint config yet (its API reference says so).
_RACE = re.compile(r"already exist|in-progress endpoint|cannot update in|could not find endpoint conf", re.IGNORECASE)
_CAPACITY = re.compile(
    r"insufficient\s?(instance)?\s?capacity|unable to provision|resourcelimitexceeded|service limit|service quota"
    r"|\binternalservererror\b|we encountered an internal error",
    re.IGNORECASE,
)


def meaning(error: BaseException) -> Meaning:
    """Classify `error`, which may be anything that a handler's code raises.

    Throttling, 5xx answers and failed connections are transient; so are lost races with another writer. A quota, a
    lack of instances and SageMaker's own trouble are capacity: no version is to blame. "Could not find …" is absence.
    The rest is poisoned: asking again cannot help.
    """
    if not isinstance(error, ClientError):
        return Meaning.TRANSIENT if isinstance(error, (ConnectionError, HTTPClientError)) else Meaning.POISONED
    code, message, status = _parts(error)
    if code in _TRANSIENT_CODES or status >= 500:
        return Meaning.TRANSIENT
    if code in _CAPACITY_CODES or is_capacity(message):
        return Meaning.CAPACITY
    if code == "ValidationException" and _RACE.search(message):
        return Meaning.TRANSIENT
    return Meaning.ABSENT if is_absent(error) else Meaning.POISONED


def is_capacity(reason: str) -> bool:
    """Whether a message or FailureReason of SageMaker speaks of missing instances, a quota, or its own trouble."""
    # Further lines of a FailureReason may be a container's log, which says anything.
    return bool(_CAPACITY.search(reason.partition("\n")[0]))


def is_absent(error: BaseException) -> bool:
    """Whether a describe or delete call failed because there is no such thing."""
    if not isinstance(error, ClientError):
        return False
    code, message, _ = _parts(error)
    return code in _ABSENT_CODES or (code == "ValidationException" and bool(_ABSENT.search(message)))


def is_denied(error: BaseException) -> bool:
    """Whether IAM does not allow the call."""
    return isinstance(error, ClientError) and _parts(error)[0] in _DENIED_CODES


def unless_absent(call: Callable[..., Any], **arguments: Any) -> Any:
    """What `call` answers, or None if what it names is not there."""
    try:
        return call(**arguments)
    except ClientError as error:
        if not is_absent(error):
            raise
        return None


def _parts(error: ClientError) -> tuple[str, str, int]:
    """Error code, message and HTTP status of a service's answer."""
    details = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return str(details.get("Code", "")), str(details.get("Message", "")), int(status)
