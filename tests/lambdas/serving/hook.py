"""The hook's functions, run in this process against a local AWS: real table, queues, parameters, events, endpoints."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modelyard.lambdas.serving import lifetime, reconcile, wake
from modelyard.lambdas.serving.errors import Transient
from modelyard.lambdas.serving.ledger import Ledger, Records
from modelyard.lambdas.serving.runtime import Runtime
from modelyard.local import environment
from modelyard.local.sagemaker.jobs.images import register_image
from tests.local_aws import LocalAws

IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/hook/stub:1"
ROLE = "arn:aws:iam::111122223333:role/endpoint"
MOVING = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}
_PATIENCE = 60  # seconds until a test that does not come to rest fails

SERVE = """#!/usr/bin/env python3
import http.server, os, sys, time
time.sleep(float(os.environ.get("LOAD_SECONDS", "0")))
if os.environ.get("BROKEN"):
    sys.exit("this version cannot load")
class Handler(http.server.BaseHTTPRequestHandler):
    def _answer(self):
        asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = os.environ["MODEL_PACKAGE_ARN" if asked == b"which" else "VERSION"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = lambda self: self._answer()
    def log_message(self, *arguments): pass
address = os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


class Died(BaseException):
    """A function's process ended in the middle of its work; no handler can catch it."""


@dataclass
class Stage:
    """Table, queues and rule of one stage, and the clients of the functions that run in it."""

    aws: LocalAws
    name: str
    runtime: Runtime = field(init=False)
    events_url: str = field(init=False)
    calls: list[str] = field(default_factory=list)
    awaited: int = 0  # package events that SageMaker is still to send
    before_call: Callable[[str], None] = field(default=lambda call: None)
    _clients: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        folder = Path(self.aws.project_dir) / "stub"
        folder.mkdir(exist_ok=True)
        (folder / "serve").write_text(SERVE)
        (folder / "serve").chmod(0o755)
        (folder / "requirements.txt").write_text("")
        register_image(self.aws.paths.sagemaker, IMAGE, folder)
        keys = [("pk", "HASH"), ("sk", "RANGE")]
        self.aws.client("dynamodb").create_table(
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        )
        sqs = self.aws.client("sqs")
        fifo = {"FifoQueue": "true", "VisibilityTimeout": "60"}
        self.runtime = Runtime(
            ledger_table=self.name,
            declarations_path=f"/modelyard/{self.name}/",
            queue_url=sqs.create_queue(QueueName=f"{self.name}.fifo", Attributes=fifo)["QueueUrl"],
            topic_arn=self._topic(sqs),
            client=self._client,
        )
        self.events_url = sqs.create_queue(QueueName=f"{self.name}-events")["QueueUrl"]
        events = self.aws.client("events")
        events.put_rule(Name=self.name, EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
        events.put_targets(Rule=self.name, Targets=[{"Id": "queue", "Arn": _queue_arn(sqs, self.events_url)}])

    def endpoint(self, project: str, **declared: Any) -> Project:
        """A declared endpoint and its model package group, new to this stage."""
        made = Project(self, f"{self.name}-{project}", f"/modelyard/{self.name}/{project}/endpoint", declared)
        made.create_group()
        return made

    def wake(self, event: dict[str, Any]) -> list[str]:
        return list(wake.handle(event, self.runtime)["endpoints"])

    def heartbeat(self) -> list[str]:
        return self.wake({"id": str(uuid.uuid4()), "source": "aws.events", "detail-type": "Scheduled Event"})

    def take_events(self) -> list[dict[str, Any]]:
        """Every event that SageMaker has sent and nobody has taken yet."""
        events = [json.loads(message["Body"]) for message in self._receive(self.events_url, delete=True)]
        groups = [str(event["detail"].get("ModelPackageGroupName", "")) for event in events]
        self.awaited -= sum(group.startswith(f"{self.name}-") for group in groups)
        return events

    def close(self) -> None:
        """Take no more events."""
        events = self.aws.client("events")
        events.remove_targets(Rule=self.name, Ids=["queue"])
        events.delete_rule(Name=self.name)

    def await_events(self) -> list[dict[str, Any]]:
        """The events sent so far, with one at least for every registration and review."""
        events = self.take_events()
        while self.awaited > 0:
            time.sleep(0.02)
            events += self.take_events()
        return events

    def notifications(self) -> list[str]:
        """Subjects of the notifications sent since the last call."""
        bodies = [json.loads(message["Body"]) for message in self._receive(self._notifications_url, delete=True)]
        return [str(json.loads(body["Message"])["subject"]) for body in bodies]

    def reconcile(self) -> int:
        """Let reconcile take the messages that are there; one that is to come again does so at once."""
        sqs = self.aws.client("sqs")
        messages = self._receive(self.runtime.queue_url, delete=False)
        for message in messages:
            record = {
                "body": message["Body"],
                "receiptHandle": message["ReceiptHandle"],
                "attributes": {"ApproximateReceiveCount": message["Attributes"]["ApproximateReceiveCount"]},
            }
            where = {"QueueUrl": self.runtime.queue_url, "ReceiptHandle": message["ReceiptHandle"]}
            try:
                reconcile.handle({"Records": [record]}, self.runtime)
            except (Transient, Died):
                sqs.change_message_visibility(**where, VisibilityTimeout=0)
                time.sleep(0.05)
            else:
                sqs.delete_message(**where)
        return len(messages)

    def run(self, times: int = 1) -> int:
        """Deliver each waiting event `times` times and reconcile once; the number of events and messages handled."""
        events = self.await_events()
        for event in events:
            for _ in range(times):
                self.deliver(event)
        return len(events) + self.reconcile()

    def deliver(self, event: dict[str, Any]) -> None:
        """Wake, once more if the function dies."""
        try:
            self.wake(event)
        except Died:
            self.wake(event)

    def counted(self) -> Counter[str]:
        """The AWS calls of the functions since the last time, by name."""
        counted, self.calls[:] = Counter(self.calls), []
        return counted

    def _receive(self, url: str, *, delete: bool) -> list[dict[str, Any]]:
        sqs = self.aws.client("sqs")
        found: list[dict[str, Any]] = []
        while True:
            messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages")
            if not messages:
                return found
            found += messages
            for message in messages if delete else []:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if not delete:
                return found

    def _topic(self, sqs: Any) -> str:
        self._notifications_url = sqs.create_queue(QueueName=f"{self.name}-notifications")["QueueUrl"]
        sns = self.aws.client("sns")
        arn = str(sns.create_topic(Name=self.name)["TopicArn"])
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=_queue_arn(sqs, self._notifications_url))
        return arn

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            client = environment.client(self.aws.instance, service)
            client.meta.events.register("before-call", self._count)
            self._clients[service] = client
        return self._clients[service]

    def _count(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)
        self.before_call(model.name)


@dataclass
class Project:
    """One endpoint with its model package group, both called `name`."""

    stage: Stage
    name: str
    parameter_name: str
    declared: dict[str, Any]

    @property
    def sagemaker(self) -> Any:
        return self.stage.aws.client("sagemaker")

    @property
    def text(self) -> str:
        """The declaration."""
        plain = {
            "version": 1,
            "endpoint_name": self.name,
            "model_package_group_name": self.name,
            "execution_role_arn": ROLE,
            "instance_type": "ml.m5.large",
            "instance_count": 1,
            "kms_key_arn": None,
            "network": None,
            "environment": {},
            "tags": {},
            "health_check_timeout_seconds": None,
            "download_timeout_seconds": None,
            "rollout": {"type": "all_at_once"},
        }
        return json.dumps({**plain, **self.declared})

    def create_group(self) -> None:
        self.sagemaker.create_model_package_group(ModelPackageGroupName=self.name)

    def request(self, kind: str, **fields: Any) -> dict[str, Any]:
        """What CloudFormation would send to the custom resource."""
        properties = {"Declaration": self.text, "ParameterName": self.parameter_name}
        return {"RequestType": kind, "RequestId": str(uuid.uuid4()), "ResourceProperties": properties, **fields}

    def declare(self, kind: str = "Create", **declared: Any) -> None:
        self.declared = {**self.declared, **declared}
        lifetime.begin(self.request(kind), self.stage.runtime)

    def destroy(self) -> None:
        """Delete the custom resource, as CloudFormation and `answering` do."""
        request = self.request("Delete", PhysicalResourceId=self.name)
        request = {**request, **lifetime.begin(request, self.stage.runtime)}
        wait_until(lambda: lifetime.ended(request, self.stage.runtime))

    def register(self, status: str = "PendingManualApproval", *, version: str = "", **environment: str) -> str:
        """Register the next version, of a model that answers its number; its ARN."""
        number = version or str(len(self.versions()) + 1)
        container = {"Image": IMAGE, "Environment": {"VERSION": number, **environment}}
        types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
        answer = self.sagemaker.create_model_package(
            ModelPackageGroupName=self.name,
            ModelApprovalStatus=status,
            InferenceSpecification={"Containers": [container], **types},
        )
        self.stage.awaited += 1
        return str(answer["ModelPackageArn"])

    def versions(self) -> list[dict[str, Any]]:
        pages = self.sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=self.name)
        return [item for page in pages for item in page["ModelPackageSummaryList"]]

    def arn(self, version: int) -> str:
        group = self.sagemaker.describe_model_package_group(ModelPackageGroupName=self.name)["ModelPackageGroupArn"]
        return f"{group}/{version}".replace(":model-package-group/", ":model-package/")

    def review(self, version: int, status: str) -> None:
        self.sagemaker.update_model_package(ModelPackageArn=self.arn(version), ModelApprovalStatus=status)
        self.stage.awaited += 1

    def approve(self, version: int) -> None:
        self.review(version, "Approved")

    def reject(self, version: int) -> None:
        self.review(version, "Rejected")

    def status(self) -> str:
        """The endpoint's status, or Absent."""
        try:
            return str(self.sagemaker.describe_endpoint(EndpointName=self.name)["EndpointStatus"])
        except self.sagemaker.exceptions.ClientError:
            return "Absent"

    def config_name(self) -> str:
        return str(self.sagemaker.describe_endpoint(EndpointName=self.name)["EndpointConfigName"])

    def served(self) -> str:
        """What the endpoint answers: the number of the version that it serves; Absent if there is none."""
        return "Absent" if self.status() == "Absent" else self.invoke(b"1")

    def invoke(self, body: bytes) -> str:
        """The endpoint's answer; to `which` it is the package that its container was told it serves."""
        runtime = self.stage.aws.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(EndpointName=self.name, Body=body, ContentType="text/csv")
        return str(answer["Body"].read().decode())

    def records(self) -> Records:
        """What the ledger holds, read without a call of the functions."""
        return Ledger(self.stage.aws.client("dynamodb"), self.stage.runtime.ledger_table).read(self.name)

    def outcomes(self) -> list[tuple[int, str]]:
        """Version and outcome of each attempt."""
        return [(attempt.version, attempt.outcome) for attempt in self.records().attempts]

    def settle(self, times: int = 1) -> str:
        """Let events and messages flow until nothing moves any more; what is served then."""

        def at_rest() -> bool:
            handled = self.stage.run(times)
            return not handled and self.status() not in MOVING and not self.records().open_attempt

        wait_until(at_rest)
        return self.served()

    def artifacts(self) -> tuple[list[str], list[str]]:
        """Names of the configs and of the models that are there, with names like this endpoint's."""
        configs = self.sagemaker.list_endpoint_configs(NameContains=self.name)["EndpointConfigs"]
        models = self.sagemaker.list_models(NameContains=self.name)["Models"]
        return [item["EndpointConfigName"] for item in configs], [item["ModelName"] for item in models]

    def renamed(self, name: str) -> Project:
        """The same declaration, of an endpoint that is called otherwise."""
        return replace(self, name=name)


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when `condition` holds; a minute without it fails the test."""
    give_up = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < give_up, "did not come to rest"
        time.sleep(0.02)


def _queue_arn(sqs: Any, url: str) -> str:
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
