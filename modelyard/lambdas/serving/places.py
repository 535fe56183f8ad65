"""Where declarations stand: which endpoints an event concerns, told without reading every declaration of the stage.

Two items of the ledger's table for each endpoint, both with sort key `<endpoint>`:

    place#endpoint#<endpoint>   for the events of the endpoint
    place#group#<group>         for the events of the model package group that it serves

lifetime writes them before the declaration and removes them after it; a heartbeat makes good one that is missing, as
after the table was lost. One without a declaration does no harm: who is woken by it finds nothing declared.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """An endpoint, the model package group that it serves, and the parameter that declares it."""

    endpoint_name: str
    group: str
    parameter_name: str


class Places:
    """The places of a stage; `client` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def of_endpoint(self, endpoint_name: str) -> list[Place]:
        """Where the endpoint is declared: one place or none."""
        return self._read(_of_endpoint(endpoint_name))

    def of_group(self, group: str) -> list[Place]:
        """Where the endpoints that serve the group are declared."""
        return self._read(_of_group(group))

    def put(self, place: Place) -> None:
        """Remember where an endpoint is declared, and forget where it was before."""
        for known in self.of_endpoint(place.endpoint_name):
            if known.group != place.group:
                self._delete(_of_group(known.group), known.endpoint_name)
        for partition in _partitions(place):
            self._put(partition, place)

    def restore(self, place: Place) -> None:
        """Remember where an endpoint is declared, as far as that is not known."""
        for partition in _partitions(place):
            if place not in self._read(partition):
                self._put(partition, place)

    def remove(self, endpoint_name: str) -> None:
        """Forget where an endpoint is declared; absent counts as done."""
        for known in self.of_endpoint(endpoint_name):
            for partition in (_of_group(known.group), _of_endpoint(endpoint_name)):
                self._delete(partition, endpoint_name)

    def _read(self, partition: str) -> list[Place]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": partition}},
        )
        names = ("endpoint_name", "group", "parameter_name")
        return [Place(*(item[name]["S"] for name in names)) for page in pages for item in page["Items"]]

    def _put(self, partition: str, place: Place) -> None:
        item = {name: {"S": value} for name, value in asdict(place).items()}
        self._client.put_item(TableName=self._table, Item={**item, **_key(partition, place.endpoint_name)})

    def _delete(self, partition: str, endpoint_name: str) -> None:
        self._client.delete_item(TableName=self._table, Key=_key(partition, endpoint_name))


def _partitions(place: Place) -> tuple[str, str]:
    return _of_group(place.group), _of_endpoint(place.endpoint_name)


def _of_endpoint(endpoint_name: str) -> str:
    return f"place#endpoint#{endpoint_name}"


def _of_group(group: str) -> str:
    return f"place#group#{group}"


def _key(partition: str, endpoint_name: str) -> dict[str, Any]:
    return {"pk": {"S": partition}, "sk": {"S": endpoint_name}}
