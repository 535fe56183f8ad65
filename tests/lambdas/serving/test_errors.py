"""What an answer of AWS means for an endpoint, in the services' own words."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from modelyard.lambdas.serving.errors import Meaning, is_absent, is_capacity, meaning, unless_absent

NO_ENDPOINT = 'Could not find endpoint "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/e".'
NO_CONFIG = 'Could not find endpoint configuration "arn:aws:sagemaker:eu-west-1:111122223333:endpoint-config/c".'
IN_PROGRESS = 'Cannot update in-progress endpoint "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/e".'
EXISTS = 'Cannot create already existing endpoint "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/e".'
LIMIT = (
    "The account-level service limit 'ml.g5.xlarge for endpoint usage' is 0 Instances, with current utilization of 0."
)
NO_CAPACITY = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error."


def error(code: str, message: str = "", status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Operation"
    )


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (error("ThrottlingException", "Rate exceeded"), Meaning.TRANSIENT),
        (error("InternalFailure", status=500), Meaning.TRANSIENT),
        (error("AnythingElse", status=503), Meaning.TRANSIENT),
        (error("ConditionalCheckFailedException"), Meaning.TRANSIENT),
        (error("ValidationException", IN_PROGRESS), Meaning.TRANSIENT),
        (error("ValidationException", EXISTS), Meaning.TRANSIENT),
        (error("ValidationException", NO_CONFIG), Meaning.TRANSIENT),
        (EndpointConnectionError(endpoint_url="https://api.sagemaker"), Meaning.TRANSIENT),
        (ReadTimeoutError(endpoint_url="https://api.sagemaker"), Meaning.TRANSIENT),
        (error("ResourceLimitExceeded", LIMIT), Meaning.CAPACITY),
        (error("ValidationException", NO_CAPACITY), Meaning.CAPACITY),
        (error("ValidationException", NO_ENDPOINT), Meaning.ABSENT),
        (error("ParameterNotFound"), Meaning.ABSENT),
        (error("AccessDeniedException", "not authorized to perform: iam:PassRole"), Meaning.POISONED),
        (error("ValidationException", "Could not access model data at s3://b/k"), Meaning.POISONED),
        (KeyError("Parameter"), Meaning.POISONED),
    ],
)
def test_each_answer_has_one_meaning(raised: Exception, expected: Meaning) -> None:
    assert meaning(raised) is expected


@pytest.mark.parametrize("reason", [LIMIT, NO_CAPACITY, "Insufficient capacity", "InternalServerError: again"])
def test_a_lack_of_capacity_is_known_by_its_words(reason: str) -> None:
    assert is_capacity(reason)


PING = "The primary container for production variant AllTraffic did not pass the ping health check."


@pytest.mark.parametrize(
    "reason", ["", PING, f"{PING} Last lines of its log:\n500 InternalServerError\nResourceLimitExceeded"]
)
def test_other_reasons_are_no_lack_of_capacity_whatever_a_container_logs(reason: str) -> None:
    assert not is_capacity(reason)


def test_a_config_that_is_not_seen_yet_is_absent_when_described() -> None:
    assert is_absent(error("ValidationException", NO_CONFIG))


def test_what_is_absent_is_none_and_other_errors_are_raised() -> None:
    def fails(code: str) -> None:
        raise error(code)

    assert unless_absent(fails, code="ResourceNotFound") is None
    with pytest.raises(ClientError):
        unless_absent(fails, code="AccessDeniedException")
