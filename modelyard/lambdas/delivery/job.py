"""A job that CodePipeline gives a function, and its result.

See https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-invoke-lambda-function.html. The function's role
needs `codepipeline:PutJobSuccessResult` and `codepipeline:PutJobFailureResult`, which have no resource level.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3

__all__ = ["MAX_SHOWN", "Job", "JobFailed", "Result", "Waiting", "cut", "perform"]

# https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_FailureDetails.html and API_ExecutionDetails.html
MAX_MESSAGE = 5000
MAX_SUMMARY = 2048
# A gate shows an evaluation and a plan in the 1,000 characters of its action's configuration.
MAX_SHOWN = 490
_CUT = " …"


class JobFailed(Exception):
    """The job's action fails; the message is shown as the reason."""


class Waiting(Exception):
    """The job is not done: CodePipeline calls again in some seconds, with what is kept here.

    Args:
        summary: what is waited for, shown meanwhile.
        state: what the next call finds in `Job.state`; JSON of at most 2,000 characters.
    """

    def __init__(self, summary: str, **state: Any) -> None:
        super().__init__(summary)
        self.summary = summary
        self.state = state


@dataclass(frozen=True)
class Result:
    """How a job went well: a line about it, and the action's output variables."""

    summary: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A job: its id, the parameters that the action gives, what an earlier call kept, and its input artifacts by name.

    `inputs` are (bucket, key) by the artifact's name; `credentials` are those that may read them.
    """

    id: str
    parameters: Mapping[str, Any]
    state: Mapping[str, Any]
    inputs: Mapping[str, tuple[str, str]]
    credentials: Mapping[str, str]

    @staticmethod
    def of(event: Mapping[str, Any]) -> Job:
        """The job in the event of an invocation."""
        job = event["CodePipeline.job"]
        data = job["data"]
        given = data["actionConfiguration"]["configuration"].get("UserParameters", "")
        places = {item["name"]: item["location"]["s3Location"] for item in data.get("inputArtifacts", ())}
        return Job(
            id=job["id"],
            parameters=json.loads(given) if given else {},
            state=json.loads(data.get("continuationToken") or "{}"),
            inputs={name: (place["bucketName"], place["objectKey"]) for name, place in places.items()},
            credentials=data.get("artifactCredentials", {}),
        )

    def read_input(self, name: str) -> bytes:
        """The zip file of an input artifact."""
        bucket, key = self.inputs[name]
        client = boto3.client(
            "s3",
            aws_access_key_id=self.credentials["accessKeyId"],
            aws_secret_access_key=self.credentials["secretAccessKey"],
            aws_session_token=self.credentials["sessionToken"],
        )
        content: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content


def perform(event: Mapping[str, Any], work: Callable[[Job], Result]) -> None:
    """Do the work of a job and tell CodePipeline its result; raises only where CodePipeline cannot be told."""
    codepipeline = boto3.client("codepipeline")
    job_id = event["CodePipeline.job"]["id"]
    try:
        result = work(Job.of(event))
    except Waiting as waiting:
        codepipeline.put_job_success_result(
            jobId=job_id,
            continuationToken=json.dumps(waiting.state, separators=(",", ":")),
            executionDetails={"summary": cut(waiting.summary, MAX_SUMMARY)},
        )
    except Exception as error:
        if not isinstance(error, JobFailed):
            traceback.print_exc()
        text = str(error) if isinstance(error, JobFailed) else f"{type(error).__name__}: {error}"
        codepipeline.put_job_failure_result(
            jobId=job_id, failureDetails={"type": "JobFailed", "message": cut(text, MAX_MESSAGE)}
        )
    else:
        codepipeline.put_job_success_result(
            jobId=job_id,
            outputVariables=dict(result.variables),
            **({"executionDetails": {"summary": cut(result.summary, MAX_SUMMARY)}} if result.summary else {}),
        )


def cut(text: str, length: int) -> str:
    """At most so many characters of a text."""
    return text if len(text) <= length else text[: length - len(_CUT)] + _CUT
