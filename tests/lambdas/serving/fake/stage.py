"""A stage on the AWS in memory: its services, its events, and whoever delivers them."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from modelyard.lambdas.serving import lifetime, reconcile, wake
from modelyard.lambdas.serving.errors import Meaning, Transient, meaning
from modelyard.lambdas.serving.instants import instant
from modelyard.lambdas.serving.ledger import Ledger
from modelyard.lambdas.serving.runtime import Runtime
from tests.lambdas.serving.fake.client import Client, Clock, Died, Wire
from tests.lambdas.serving.fake.cloudwatch import CloudWatch
from tests.lambdas.serving.fake.sagemaker import ACCOUNT, SageMaker
from tests.lambdas.serving.fake.stores import SNS, SQS, SSM, DynamoDB

PATH = "/modelyard/dev/"
_RECEIVES = 10  # as often is a message delivered before it is put aside


def arn(group: str, version: int) -> str:
    """Of a model package."""
    return f"{ACCOUNT}:model-package/{group}/{version}"


def parameter(project: str) -> str:
    """Where the declaration of a project's endpoint stands."""
    return f"{PATH}{project}/endpoint"


@dataclass(kw_only=True)
class Stage:
    clock: Clock = field(default_factory=Clock)
    events: list[dict[str, Any]] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)  # messages that came ten times
    deaths: int = 0
    late: bool = False  # what died is delivered again only when the endpoint has come to rest
    _sent: int = 0

    def __post_init__(self) -> None:
        self.wire = Wire(self.clock)
        self.cloudwatch = CloudWatch(self.clock)
        self.sagemaker = SageMaker(self.clock, self._emit, self.cloudwatch)
        self.dynamodb, self.ssm, self.sqs, self.sns = DynamoDB(), SSM(self.clock), SQS(self.clock), SNS()
        services = {
            "application-autoscaling": self.sagemaker.scaling,
            "cloudwatch": self.cloudwatch,
            "dynamodb": self.dynamodb,
            "sagemaker": self.sagemaker,
            "sns": self.sns,
            "sqs": self.sqs,
            "ssm": self.ssm,
        }
        self._clients = {name: Client(self.wire, service) for name, service in services.items()}
        self.runtime = Runtime("ledger", PATH, "queue", "topic", self.client, self.now)

    def client(self, service: str) -> Client:
        return self._clients[service]

    def now(self) -> str:
        return instant(self.clock.time)

    @property
    def ledger(self) -> Ledger:
        """The ledger as an operator's machine reads and writes it."""
        return Ledger(Client(Wire(self.clock), self.dynamodb), "ledger")

    # People and CloudFormation

    def declare_endpoint(self, project: str, declaration: dict[str, Any]) -> None:
        self._sent += 1
        properties = {"Declaration": json.dumps(declaration), "ParameterName": parameter(project)}
        event = {"RequestType": "Create", "RequestId": f"r{self._sent}", "ResourceProperties": properties}
        self._again(lambda: lifetime.begin(event, self.runtime))

    def register_version(self, group: str, version: int, behaviour: str) -> None:
        self.clock.pass_(1)
        self.sagemaker.behaviour[arn(group, version)] = behaviour
        self.sagemaker.packages[arn(group, version)] = {
            "ModelPackageArn": arn(group, version),
            "ModelPackageVersion": version,
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": "PendingManualApproval",
            "CreationTime": self.clock.time,
            "LastModifiedTime": self.clock.time,
            "InferenceSpecification": {"Containers": [{"Environment": {"VERSION": str(version)}}]},
        }

    def review_version(self, group: str, version: int, status: str) -> None:
        self.clock.pass_(1)
        package = self.sagemaker.packages[arn(group, version)]
        package.update(ModelApprovalStatus=status, LastModifiedTime=self.clock.time)
        detail = {
            "ModelPackageGroupName": group,
            "ModelPackageArn": arn(group, version),
            "ModelPackageVersion": version,
            "ModelApprovalStatus": status,
            "CreationTime": instant(package["CreationTime"]),
            "UpdatedModelPackageFields": ["ModelApprovalStatus"],
        }
        self._emit("SageMaker Model Package State Change", detail)

    def served_version(self, endpoint_name: str) -> int | None:
        package = self.sagemaker.served(endpoint_name)
        return int(package.rpartition("/")[2]) if package else None

    # Delivery

    def heartbeat(self) -> None:
        self._sent += 1
        event = {"id": f"h{self._sent}", "source": "aws.events", "detail-type": "Scheduled Event", "time": self.now()}
        self.deliver(event)

    def deliver(self, event: dict[str, Any]) -> None:
        self._again(lambda: wake.handle(event, self.runtime))

    def run(self) -> bool:
        """Deliver every waiting event, then one message; whether there was any."""
        events, self.events = self.events, []
        for event in events:
            self.deliver(event)
        if self.sqs.messages:
            self._receive(self.sqs.messages[0])
            return True
        return bool(events)

    def rest(self, rounds: int = 200) -> None:
        """Let events, messages and endpoints go on until nothing moves; what has not by then never will."""
        for _ in range(rounds):
            if not (self.run() or self.sagemaker.advance()):
                return
        raise AssertionError("did not come to rest")

    def _receive(self, message: dict[str, Any]) -> None:
        message["receives"] += 1
        attributes = {"ApproximateReceiveCount": str(message["receives"])}
        record = {"body": message["body"], "receiptHandle": "r", "attributes": attributes}
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                reconcile.handle({"Records": [record]}, self.runtime)
        except (Transient, ClientError):  # throttled even when it asked for a delay
            if message["receives"] > 1:  # the delay was long enough for what goes on
                self.sagemaker.advance()
            if message["receives"] < _RECEIVES:
                return
            self.dead.append(message["body"])
        except Died:
            self._died()
            return
        self.sqs.messages.remove(message)

    def _again(self, function: Any) -> Any:
        """What the function answers; again if it dies or fails for a while, as Lambda does, and whoever deploys."""
        for _ in range(_RECEIVES):
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    return function()
            except Died:
                self._died()
            except ClientError as error:
                if meaning(error) is not Meaning.TRANSIENT:
                    raise
        raise AssertionError("a function failed ten times")

    def _died(self) -> None:
        self.deaths += 1
        if self.late:
            while self.sagemaker.advance():
                pass

    def _emit(self, kind: str, detail: dict[str, Any]) -> None:
        self._sent += 1
        event = {"id": f"e{self._sent}", "source": "aws.sagemaker", "detail-type": kind, "detail": detail}
        self.events.append({**event, "time": self.now()})
