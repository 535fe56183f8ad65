"""DynamoDB, SSM, SQS and SNS, as far as the functions ask them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.lambdas.serving.fake.client import Clock, error

_DEDUPLICATION = 300  # seconds


@dataclass
class DynamoDB:
    partitions: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def put_item(self, **request: Any) -> dict[str, Any]:
        item = request["Item"]
        partition, key = self.partitions.setdefault(item["pk"]["S"], {}), item["sk"]["S"]
        there = partition.get(key)
        conditions = {
            "attribute_not_exists(pk)": there is None,
            "outcome = :open": there is not None and there.get("outcome") == {"S": "open"},
        }
        if not conditions.get(request.get("ConditionExpression", ""), True):
            raise error("ConditionalCheckFailedException")
        partition[key] = item
        return {}

    def delete_item(self, **request: Any) -> dict[str, Any]:
        self.partitions.get(request["Key"]["pk"]["S"], {}).pop(request["Key"]["sk"]["S"], None)
        return {}

    def query(self, **request: Any) -> dict[str, Any]:
        partition = self.partitions.get(request["ExpressionAttributeValues"][":pk"]["S"], {})
        return {"Items": [partition[key] for key in sorted(partition)]}


@dataclass
class SSM:
    clock: Clock
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put_parameter(self, **request: Any) -> dict[str, Any]:
        name = request["Name"]
        version = self.parameters.get(name, {}).get("Version", 0) + 1
        kept = {"Name": name, "Value": request["Value"], "Version": version, "LastModifiedDate": self.clock.time}
        self.parameters[name] = kept
        return {"Version": version}

    def get_parameter(self, **request: Any) -> dict[str, Any]:
        return {"Parameter": self._find(request["Name"])}

    def delete_parameter(self, **request: Any) -> dict[str, Any]:
        del self.parameters[self._find(request["Name"])["Name"]]
        return {}

    def get_parameters_by_path(self, **request: Any) -> dict[str, Any]:
        found = [item for name, item in sorted(self.parameters.items()) if name.startswith(request["Path"])]
        return {"Parameters": found}

    def _find(self, name: str) -> dict[str, Any]:
        if name not in self.parameters:
            raise error("ParameterNotFound")
        return self.parameters[name]


@dataclass
class SQS:
    """One FIFO queue."""

    clock: Clock
    messages: list[dict[str, Any]] = field(default_factory=list)
    seen: dict[str, float] = field(default_factory=dict)

    def send_message(self, **request: Any) -> dict[str, Any]:
        identity = request["MessageDeduplicationId"]
        last = self.seen.get(identity)
        if last is None or self.clock.seconds - last >= _DEDUPLICATION:
            self.seen[identity] = self.clock.seconds
            self.messages.append({"body": request["MessageBody"], "receives": 0})
        return {}

    def change_message_visibility(self, **request: Any) -> dict[str, Any]:
        self.clock.pass_(request["VisibilityTimeout"])
        return {}


@dataclass
class SNS:
    subjects: list[str] = field(default_factory=list)

    def publish(self, **request: Any) -> dict[str, Any]:
        self.subjects.append(request["Subject"].partition(": ")[2])
        return {}
