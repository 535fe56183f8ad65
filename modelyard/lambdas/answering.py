"""Answers CloudFormation for a custom resource, at once or when what was begun has ended.

The variable `RESOURCE` names the module that deals with the resource, such as `serving.lifetime`. Its `handle(event,
context)` is given CloudFormation's event and answers with `PhysicalResourceId` and `Data`. Where there is a
`WAITING_QUEUE_URL` it is then asked, with what it answered added to the event, whether it is done (`IsComplete`), until
it is or `TOTAL_TIMEOUT_SECONDS` have passed; in between the event waits in that queue. What it raises fails the
resource. The CDK's Provider framework would ask it the same, as both its handlers.

The queue is also where Lambda puts an event after three invocations that ended without an answer. Its resource fails.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import time
import traceback
import urllib.error
import urllib.request
from typing import Any

import boto3

ASK_EVERY = 5  # seconds
NEVER_MADE = "modelyard:never-made"
_MAX_BYTES = 4096  # of an answer
_PAUSES = (1, 2)  # seconds between attempts to hand over an answer
_PATIENCE = 3  # seconds an attempt
_SPARE = 15  # seconds, in which a module cleans up and an answer is handed over
_DEADLINE = "Deadline"


class _TimeIsOver(BaseException):
    """Raised wherever the module is at; no `except Exception` on the way, such as that of a retry, takes it."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any] | None:
    """Deal with an event of CloudFormation, or with those that have waited.

    Returns:
        Of those that have waited, which are to wait on.

    Raises:
        OSError: the answer could not be handed over; Lambda tries again.
    """
    if "Records" in event:
        return {"batchItemFailures": [_wait_on(each) for each in event["Records"] if not _go_on(each, context)]}
    if event["RequestType"] == "Delete" and event["PhysicalResourceId"] == NEVER_MADE:
        # CloudFormation deletes also what it could not create.
        _answer(event, "SUCCESS")
    else:
        _begin(event, context)
    return None


def _begin(event: dict[str, Any], context: Any) -> None:
    try:
        begun = _handle(event, context)
    except (Exception, _TimeIsOver) as error:
        _fail({"PhysicalResourceId": NEVER_MADE, **event}, error)
        return
    physical_id = begun.get("PhysicalResourceId") or event.get("PhysicalResourceId") or event["RequestId"]
    request = {**event, "PhysicalResourceId": physical_id, "Data": begun.get("Data", {})}
    if not (queue := _queue_url()):
        _answer(request, "SUCCESS", request["Data"])
        return
    request[_DEADLINE] = time.time() + float(os.environ["TOTAL_TIMEOUT_SECONDS"])
    if _ask(request, context):
        return
    try:
        boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(request), DelaySeconds=ASK_EVERY)
    except Exception as error:
        _fail(request, error)


def _go_on(record: dict[str, Any], context: Any) -> bool:
    """Whether the request in a message has its answer."""
    request = json.loads(record["body"])
    if _DEADLINE not in request:
        problem = "the function ended three times without an answer; its log says why"
        _fail({"PhysicalResourceId": NEVER_MADE, **request}, RuntimeError(problem))
    elif time.time() > request[_DEADLINE]:
        # Nobody waits for it any more, and by now another request may want the contrary: the module is not asked.
        _fail(request, TimeoutError(f"not complete after {os.environ['TOTAL_TIMEOUT_SECONDS']} seconds"))
    else:
        return _ask(request, context)
    return True


def _ask(request: dict[str, Any], context: Any) -> bool:
    """Whether the request has its answer."""
    try:
        found = _handle(request, context)
    except _TimeIsOver as error:
        # Of what has begun, a look that takes too long says nothing.
        _log(request, error)
        return False
    except Exception as error:
        _fail(request, error)
        return True
    if found["IsComplete"]:
        _answer(request, "SUCCESS", {**request["Data"], **found.get("Data", {})})
    return bool(found["IsComplete"])


def _wait_on(record: dict[str, Any]) -> dict[str, str]:
    """Let a message come again. A new one each time would be a loop to Lambda, which breaks it after some rounds.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    """
    boto3.client("sqs").change_message_visibility(
        QueueUrl=_queue_url(), ReceiptHandle=record["receiptHandle"], VisibilityTimeout=ASK_EVERY
    )
    return {"itemIdentifier": record["messageId"]}


def _log(request: dict[str, Any], error: BaseException) -> None:
    # In one line: Lambda makes an event of each.
    trace = "".join(traceback.format_exception(error))
    print(json.dumps({"message": "failed", "resource": request["LogicalResourceId"], "trace": trace}), flush=True)


def _fail(request: dict[str, Any], error: BaseException) -> None:
    _log(request, error)
    log = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "none")
    reason = str(error) or type(error).__name__
    _answer(request, "FAILED", reason=f"{reason} (log group {log})")


def _answer(request: dict[str, Any], status: str, data: dict[str, Any] | None = None, reason: str = "") -> None:
    known = {name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId")}
    body = {**known, "Status": status, "Reason": reason, "Data": data or {}}
    while len(text := json.dumps(body, ensure_ascii=False).encode()) > _MAX_BYTES and body["Reason"]:
        # What went wrong stands at the beginning, where to read on at the end.
        kept = len(body["Reason"]) * 3 // 8
        body["Reason"] = f"{body['Reason'][:kept]}…{body['Reason'][-kept:]}" if kept else ""
    print(json.dumps({"message": "answered", "request_type": request["RequestType"], **body}), flush=True)
    _put(request["ResponseURL"], text)


def _put(url: str, body: bytes) -> None:
    # The URL is signed for no content type, and without the header urllib would send one of its own.
    request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})
    for pause in (*_PAUSES, None):
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE):
                return
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                print(json.dumps({"message": "not taken", "status": error.code}), flush=True)
                return  # The URL has expired, so nobody waits for the answer.
            if pause is None:
                raise
            time.sleep(pause)


def _queue_url() -> str:
    return os.environ.get("WAITING_QUEUE_URL", "")


def _handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What the resource's module answers; whatever it is at, it is interrupted before Lambda would end the process."""
    seconds = context.get_remaining_time_in_millis() / 1000 - _SPARE
    signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.1))
    try:
        answer: dict[str, Any] = importlib.import_module(os.environ["RESOURCE"]).handle(event, context)
        return answer
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _interrupt(number: int, frame: Any) -> None:
    raise _TimeIsOver("the function's time is over")
