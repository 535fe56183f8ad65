"""Answers to CloudFormation: each is handed over once it is due, whatever the resource's module does."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any

import pytest

from modelyard.lambdas import answering
from tests.lambdas.function import Context, deploy
from tests.local_aws import LocalAws

RESOURCE = "sample.resource"


class CloudFormation:
    """Takes answers at an URL, after refusing some."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.content_types: list[str | None] = []
        self.refuses = 0
        self.refusal = 503
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.content_types.append(self.headers["Content-Type"])
                if outer.refuses:
                    outer.refuses -= 1
                    self.send_error(outer.refusal)
                    return
                outer.answers.append(json.loads(body))
                assert len(body) <= 4096
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def event(self, request: str = "Create", **more: Any) -> dict[str, Any]:
        return {
            "RequestType": request,
            "RequestId": "request-1",
            "StackId": "stack",
            "LogicalResourceId": "Sample",
            "ResourceProperties": {},
            "ResponseURL": f"http://127.0.0.1:{self._server.server_port}/secret-signature",
            **more,
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    server = CloudFormation()
    yield server
    server.close()


class Module:
    """Deals with the resource: gives the answers that it is told, one a call.

    Attributes:
        asked: the events that it was given.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self._answers: list[dict[str, Any] | Exception | Callable[[], Any]] = []

    def answers(self, *answers: dict[str, Any] | Exception | Callable[[], Any]) -> None:
        self._answers = list(answers)

    def handle(self, event: dict[str, Any], context: Any) -> Any:
        self.asked.append(event)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Module:
    """The function's module, without a queue."""
    monkeypatch.setenv("RESOURCE", RESOURCE)
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/sample")
    monkeypatch.delenv("WAITING_QUEUE_URL", raising=False)
    monkeypatch.setattr(answering, "_PAUSES", (0, 0))
    module, imported = Module(), ModuleType(RESOURCE)
    imported.__dict__["handle"] = module.handle
    monkeypatch.setitem(sys.modules, "sample", ModuleType("sample"))
    monkeypatch.setitem(sys.modules, RESOURCE, imported)
    return module


@pytest.fixture
def waiting(local_aws: LocalAws, module: Module, monkeypatch: pytest.MonkeyPatch) -> str:
    """A queue in which events wait, not for long."""
    deploy(local_aws, monkeypatch)
    url = str(local_aws.client("sqs").create_queue(QueueName="waiting")["QueueUrl"])
    local_aws.client("sqs").purge_queue(QueueUrl=url)
    monkeypatch.setenv("WAITING_QUEUE_URL", url)
    monkeypatch.setenv("TOTAL_TIMEOUT_SECONDS", "60")
    monkeypatch.setattr(answering, "ASK_EVERY", 0)
    return url


def messages(aws: LocalAws, queue: str) -> list[dict[str, Any]]:
    found = aws.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])
    return [
        {"messageId": each["MessageId"], "receiptHandle": each["ReceiptHandle"], "body": each["Body"]} for each in found
    ]


def test_what_is_done_at_once_is_answered_at_once(
    cloudformation: CloudFormation,
    module: Module,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module.answers({"PhysicalResourceId": "mine", "Data": {"Colour": "red"}})
    answering.handler(cloudformation.event(), Context())
    assert cloudformation.answers == [
        {
            "StackId": "stack",
            "RequestId": "request-1",
            "LogicalResourceId": "Sample",
            "PhysicalResourceId": "mine",
            "Status": "SUCCESS",
            "Reason": "",
            "Data": {"Colour": "red"},
        }
    ]
    assert cloudformation.content_types == [""], "the URL is signed for none"
    assert "secret-signature" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("request_type", "known", "expected"),
    [("Create", {}, "request-1"), ("Delete", {"PhysicalResourceId": "old"}, "old")],
)
def test_a_module_that_names_no_physical_id_keeps_it_or_has_that_of_the_request(
    cloudformation: CloudFormation,
    module: Module,
    request_type: str,
    known: dict[str, str],
    expected: str,
) -> None:
    module.answers({})
    answering.handler(cloudformation.event(request_type, **known), Context())
    assert cloudformation.answers[0]["PhysicalResourceId"] == expected


def test_what_could_not_be_made_is_deleted_without_asking_the_module(
    cloudformation: CloudFormation, module: Module
) -> None:
    module.answers(ValueError("no such colour: rde!" + "ü" * 5000))
    answering.handler(cloudformation.event(), Context())
    failed = cloudformation.answers[0]
    assert failed["Status"] == "FAILED"
    assert failed["Reason"].startswith("no such colour: rde!")
    assert failed["Reason"].endswith("(log group /aws/lambda/sample)"), "where to read on"
    answering.handler(cloudformation.event("Delete", PhysicalResourceId=failed["PhysicalResourceId"]), Context())
    assert [answer["Status"] for answer in cloudformation.answers] == ["FAILED", "SUCCESS"]
    assert len(module.asked) == 1


def test_an_update_that_fails_keeps_what_there_was(cloudformation: CloudFormation, module: Module) -> None:
    module.answers(ValueError("no"))
    answering.handler(cloudformation.event("Update", PhysicalResourceId="mine"), Context())
    assert (cloudformation.answers[0]["Status"], cloudformation.answers[0]["PhysicalResourceId"]) == ("FAILED", "mine")


def test_what_is_not_complete_waits_and_is_asked_again_with_what_it_answered(
    cloudformation: CloudFormation,
    module: Module,
    waiting: str,
    local_aws: LocalAws,
) -> None:
    begun = {"PhysicalResourceId": "mine", "Data": {"Build": "7", "Colour": "grey"}}
    done = {"IsComplete": True, "Data": {"Colour": "red"}}
    module.answers(begun, {"IsComplete": False}, {"IsComplete": False}, done)
    answering.handler(cloudformation.event(), Context())
    for goes_on in (True, False):
        assert cloudformation.answers == []
        records = messages(local_aws, waiting)
        answer = answering.handler({"Records": records}, Context())
        left = [{"itemIdentifier": record["messageId"]} for record in records] if goes_on else []
        assert answer == {"batchItemFailures": left}
    assert [event.get("Data") for event in module.asked] == [None, *[begun["Data"]] * 3]
    (told,) = cloudformation.answers
    assert (told["Status"], told["PhysicalResourceId"]) == ("SUCCESS", "mine")
    assert told["Data"] == {"Build": "7", "Colour": "red"}


def test_what_is_complete_when_it_is_first_asked_does_not_wait(
    cloudformation: CloudFormation,
    module: Module,
    waiting: str,
    local_aws: LocalAws,
) -> None:
    module.answers({}, {"IsComplete": True})
    answering.handler(cloudformation.event("Update", PhysicalResourceId="mine"), Context())
    assert [answer["Status"] for answer in cloudformation.answers] == ["SUCCESS"]
    assert messages(local_aws, waiting) == []


def test_what_was_begun_and_fails_later_is_deleted_by_its_own_id(
    cloudformation: CloudFormation, module: Module, waiting: str
) -> None:
    module.answers({"PhysicalResourceId": "mine"}, RuntimeError("the build failed"))
    answering.handler(cloudformation.event(), Context())
    assert (cloudformation.answers[0]["Status"], cloudformation.answers[0]["PhysicalResourceId"]) == ("FAILED", "mine")


def test_what_is_never_complete_fails_in_time_and_is_not_asked_again(
    cloudformation: CloudFormation,
    module: Module,
    waiting: str,
    local_aws: LocalAws,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By then another request may want the contrary."""
    monkeypatch.setenv("TOTAL_TIMEOUT_SECONDS", "-1")
    module.answers({}, {"IsComplete": False})
    answering.handler(cloudformation.event("Delete", PhysicalResourceId="mine"), Context())
    assert cloudformation.answers == []
    answer = answering.handler({"Records": messages(local_aws, waiting)}, Context())
    assert answer == {"batchItemFailures": []}
    assert cloudformation.answers[0]["Reason"].startswith("not complete after -1 seconds")
    assert len(module.asked) == 2


def test_what_lambda_gave_up_fails_without_asking_the_module(
    cloudformation: CloudFormation, module: Module, waiting: str
) -> None:
    """Lambda puts an event after three invocations without an end into the queue as it is."""
    module.answers()
    body = json.dumps(cloudformation.event("Update", PhysicalResourceId="mine"))
    answering.handler({"Records": [{"messageId": "1", "receiptHandle": "1", "body": body}]}, Context())
    assert (cloudformation.answers[0]["Status"], cloudformation.answers[0]["PhysicalResourceId"]) == ("FAILED", "mine")
    assert "ended three times" in cloudformation.answers[0]["Reason"]
    assert module.asked == []


def test_what_cannot_wait_fails_at_once(
    cloudformation: CloudFormation, module: Module, waiting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAITING_QUEUE_URL", f"{waiting}-none")
    module.answers({"PhysicalResourceId": "mine"}, {"IsComplete": False})
    answering.handler(cloudformation.event(), Context())
    assert (cloudformation.answers[0]["Status"], cloudformation.answers[0]["PhysicalResourceId"]) == ("FAILED", "mine")
    assert "NonExistentQueue" in cloudformation.answers[0]["Reason"]


def test_an_answer_that_is_not_taken_is_handed_over_again(cloudformation: CloudFormation, module: Module) -> None:
    cloudformation.refuses = 2
    module.answers({})
    answering.handler(cloudformation.event(), Context())
    assert len(cloudformation.answers) == 1


def test_an_answer_that_is_never_taken_is_an_error_after_which_lambda_tries_again(
    cloudformation: CloudFormation, module: Module
) -> None:
    cloudformation.refuses = 99
    module.answers({})
    with pytest.raises(OSError, match="503"):
        answering.handler(cloudformation.event(), Context())


def test_an_answer_that_comes_too_late_is_let_go(
    cloudformation: CloudFormation,
    module: Module,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cloudformation.refuses, cloudformation.refusal = 99, 403
    module.answers({})
    answering.handler(cloudformation.event(), Context())
    assert cloudformation.refuses == 98
    assert '{"message": "not taken", "status": 403}' in capsys.readouterr().out


def test_only_a_deletion_of_what_was_never_made_is_not_asked_for(
    cloudformation: CloudFormation, module: Module
) -> None:
    module.answers({"PhysicalResourceId": "made"})
    answering.handler(cloudformation.event("Update", PhysicalResourceId=answering.NEVER_MADE), Context())
    assert cloudformation.answers[0]["PhysicalResourceId"] == "made"
    assert len(module.asked) == 1


def test_a_module_that_takes_too_long_fails_before_lambda_ends_it(
    cloudformation: CloudFormation, module: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "_SPARE", 0.1)

    def patient() -> None:
        while True:
            with contextlib.suppress(Exception):
                time.sleep(30)

    module.answers(patient)
    answering.handler(cloudformation.event(), Context(milliseconds=300))
    assert cloudformation.answers[0]["Reason"].startswith("the function's time is over")


def test_a_look_that_takes_too_long_is_taken_again(
    cloudformation: CloudFormation,
    module: Module,
    waiting: str,
    local_aws: LocalAws,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answering, "_SPARE", 0.1)
    module.answers({}, lambda: time.sleep(30), lambda: time.sleep(30), {"IsComplete": True})
    answering.handler(cloudformation.event(), Context(milliseconds=300))
    for expected in (1, 0):
        assert cloudformation.answers == []
        answer = answering.handler({"Records": messages(local_aws, waiting)}, Context(milliseconds=300))
        assert answer is not None
        assert len(answer["batchItemFailures"]) == expected
    assert cloudformation.answers[0]["Status"] == "SUCCESS"
