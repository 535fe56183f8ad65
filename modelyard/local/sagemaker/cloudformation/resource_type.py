"""How a CloudFormation resource type maps to operations of SageMaker.

Which properties a type has, which of them can be updated in place and what identifies a resource follow its schema in
the CloudFormation registry, https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SageMaker.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelyard.local.sagemaker.context import Context, Record

__all__ = ["Properties", "ResourceType", "nothing"]

Properties = dict[str, Any]
Request = dict[str, Any]


def nothing(context: Context, name: str, properties: Properties) -> None:
    """A hook that does nothing."""


def _always(properties: Properties) -> bool:
    return True


def _as_they_are(context: Context, properties: Properties) -> Request:
    return properties


@dataclass(frozen=True)
class ResourceType:
    """A resource type, for the most part as data.

    ``properties`` are those that are supported besides Tags; ``in_place`` those whose change needs no replacement.
    ``identifier`` is the member that the operations name a resource by, ``ref`` the member of the description that is
    the physical id. ``to_request`` turns properties into the input of ``create_operation``; ``created`` runs after it,
    ``deleted`` after ``delete_operation``; ``change`` makes an update in place. ``tagged`` says whether a resource with
    such properties has tags of its own.
    """

    name: str
    noun: str
    identifier: str
    ref: str
    arn: str
    properties: frozenset[str]
    in_place: frozenset[str] = frozenset()
    attributes: tuple[str, ...] = ()
    name_length: int = 63
    named: bool = True
    tagged: Callable[[Properties], bool] = _always
    to_request: Callable[[Context, Properties], Request] = _as_they_are
    created: Callable[[Context, str, Properties], None] = nothing
    change: Callable[[Context, str, Properties], None] = nothing
    before_delete: Callable[[Context, str, Properties], None] = nothing
    deleted: Callable[[Context, str, Properties], None] = nothing

    @property
    def create_operation(self) -> str:
        return f"Create{self.noun}"

    @property
    def describe_operation(self) -> str:
        return f"Describe{self.noun}"

    @property
    def delete_operation(self) -> str:
        return f"Delete{self.noun}"

    def physical_id(self, description: Record) -> str:
        return str(description[self.ref])
