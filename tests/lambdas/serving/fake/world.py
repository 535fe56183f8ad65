"""A stage with one project on the AWS in memory: its reviewers, its events, and whoever delivers them."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from modelyard.lambdas.serving import lifetime, reconcile, wake
from modelyard.lambdas.serving.artifacts import is_artifact_name
from modelyard.lambdas.serving.errors import Meaning, Transient, meaning
from modelyard.lambdas.serving.instants import instant
from modelyard.lambdas.serving.ledger import Ledger, Records
from modelyard.lambdas.serving.runtime import Runtime
from tests.lambdas.serving.fake.client import Client, Clock, Died, Wire
from tests.lambdas.serving.fake.cloudwatch import CloudWatch
from tests.lambdas.serving.fake.sagemaker import ACCOUNT, MOVING, SageMaker
from tests.lambdas.serving.fake.stores import SNS, SQS, SSM, DynamoDB

NAME = "modelyard-dev-abalone"
PARAMETER = "/modelyard/dev/abalone/endpoint"
_RECEIVES = 10  # as often is a message delivered before it is put aside
_ROUNDS = 200  # a history that has not come to rest by then never will
PLAIN: dict[str, Any] = {
    "version": 1,
    "endpoint_name": NAME,
    "model_package_group_name": NAME,
    "execution_role_arn": "arn:aws:iam::111122223333:role/endpoint",
    "instance_type": "ml.m5.large",
    "instance_count": 1,
    "environment": {},
    "tags": {},
    "rollout": {"type": "all_at_once"},
}
WATCHED: dict[str, Any] = {
    "rollout": {"type": "canary", "percent": 10, "wait_seconds": 300, "bake_seconds": 300},
    "alarms": [
        {
            "name": name,
            "metric": metric,
            "namespace": "AWS/SageMaker",
            "statistic": "Average",
            "threshold": 0.05,
            "period_seconds": 60,
            "evaluation_periods": 1,
            "comparison": "GreaterThanThreshold",
        }
        for name, metric in (("5xx", "Invocation5XXErrors"), ("4xx", "Invocation4XXErrors"))
    ],
    "scaling": {"min": 1, "max": 4, "invocations_per_instance": 100},
}


@dataclass
class World:
    declared: dict[str, Any] = field(default_factory=dict)
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
        self.runtime = Runtime("ledger", "/modelyard/dev/", "queue", "topic", self.client, self.now)

    def client(self, service: str) -> Client:
        return self._clients[service]

    def now(self) -> str:
        return instant(self.clock.time)

    # People and CloudFormation

    def declare(self, **changes: Any) -> None:
        self.declared = {**self.declared, **changes}
        self._sent += 1
        text = json.dumps({key: item for key, item in {**PLAIN, **self.declared}.items() if item is not None})
        properties = {"Declaration": text, "ParameterName": PARAMETER}
        event = {"RequestType": "Create", "RequestId": f"r{self._sent}", "ResourceProperties": properties}
        self._again(lambda: lifetime.begin(event, self.runtime))

    def destroy(self) -> None:
        properties = {"Declaration": "", "ParameterName": PARAMETER}
        event = {"RequestType": "Delete", "PhysicalResourceId": NAME, "ResourceProperties": properties}
        self._again(lambda: lifetime.begin(event, self.runtime))
        for _ in range(_ROUNDS):
            if self._again(lambda: lifetime.ended(event, self.runtime)):
                return
            self.sagemaker.advance()
            self.clock.pass_(10)
        raise AssertionError("the deletion did not end")

    def register(self, behaviour: str = "good") -> int:
        version = len(self.sagemaker.packages) + 1
        arn = self.arn(version)
        self.clock.pass_(1)
        self.sagemaker.behaviour[arn] = behaviour
        self.sagemaker.packages[arn] = {
            "ModelPackageArn": arn,
            "ModelPackageVersion": version,
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": "PendingManualApproval",
            "CreationTime": self.clock.time,
            "LastModifiedTime": self.clock.time,
            "InferenceSpecification": {"Containers": [{"Environment": {"VERSION": str(version)}}]},
        }
        return version

    def arn(self, version: int) -> str:
        return f"{ACCOUNT}:model-package/{NAME}/{version}"

    def review(self, version: int, status: str) -> None:
        self.clock.pass_(1)
        package = self.sagemaker.packages[self.arn(version)]
        package.update(ModelApprovalStatus=status, LastModifiedTime=self.clock.time)
        detail = {
            "ModelPackageGroupName": NAME,
            "ModelPackageArn": self.arn(version),
            "ModelPackageVersion": version,
            "ModelApprovalStatus": status,
            "CreationTime": instant(package["CreationTime"]),
            "UpdatedModelPackageFields": ["ModelApprovalStatus"],
        }
        self._emit("SageMaker Model Package State Change", detail)

    def approve(self, version: int) -> None:
        self.review(version, "Approved")

    def reject(self, version: int) -> None:
        self.review(version, "Rejected")

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

    def settle(self) -> int | None:
        """Let events, messages and endpoints go on until nothing moves; the version that is served then."""
        for _ in range(_ROUNDS):
            if not (self.run() or self.sagemaker.advance()):
                return self.served()
        raise AssertionError("did not come to rest")

    # What there is to see

    def served(self) -> int | None:
        arn = self.sagemaker.served(NAME)
        return int(arn.rpartition("/")[2]) if arn else None

    @property
    def ledger(self) -> Ledger:
        """The ledger as an operator's machine reads and writes it."""
        return Ledger(Client(Wire(self.clock), self.dynamodb), "ledger")

    def records(self) -> Records:
        return self.ledger.read(NAME)

    def outcomes(self) -> list[tuple[int, str]]:
        return [(attempt.version, attempt.outcome) for attempt in self.records().attempts]

    def problems(self) -> list[str]:
        """What a stage at rest must not have: parts that belong to nothing, and work that was given up."""
        found = [*self.sagemaker.wrongs, *(f"given up: {body}" for body in self.dead)]
        configs, models = set(self.sagemaker.configs), set(self.sagemaker.models)
        if configs != models:
            found.append(f"configs and models without each other: {sorted(configs ^ models)}")
        for name, alarm in self.cloudwatch.alarms.items():
            config = alarm["Dimensions"][2]["Value"]
            if config not in configs or not is_artifact_name(NAME, config):
                found.append(f"alarm {name} of no config")
        there = self.sagemaker.endpoints.get(NAME, {}).get("status") == "InService" and PARAMETER in self.ssm.parameters
        hold = self.records().hold
        paused = hold is not None and not hold.package_arn
        if not paused and bool(self.sagemaker.scaling.targets) != bool(there and self.declared.get("scaling")):
            found.append(f"scalable targets: {list(self.sagemaker.scaling.targets)}")
        if PARAMETER in self.ssm.parameters and self.records().open_attempt:
            found.append("an attempt is open")
        if PARAMETER not in self.ssm.parameters and (configs or self.sagemaker.endpoints or self.cloudwatch.alarms):
            found.append("something is left of a destroyed endpoint")
        return found

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


__all__ = ["MOVING", "NAME", "PARAMETER", "PLAIN", "WATCHED", "World"]
