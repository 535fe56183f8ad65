"""Creating, updating and deleting one resource of any of the types, by SageMaker's operations."""

from __future__ import annotations

import secrets
from typing import Any

from modelyard.local.sagemaker.cloudformation.coercion import coerced
from modelyard.local.sagemaker.cloudformation.resource_type import Properties, ResourceType
from modelyard.local.sagemaker.context import Context, Record, SageMaker
from modelyard.local.sagemaker.errors import SageMakerError
from modelyard.local.sagemaker.protocol import call
from modelyard.shapes import operation_input

__all__ = ["Provisioner", "ProvisioningError"]

Provisioned = tuple[str, dict[str, Any]]


class ProvisioningError(Exception):
    """The reason of a resource's …_FAILED event."""


class Provisioner:
    """Provisions resources of ``resource_type``; its methods are called on worker threads."""

    def __init__(self, service: SageMaker, resource_type: ResourceType) -> None:
        self._service = service
        self._type = resource_type

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
        """Make the resource; leaves none behind when it fails."""
        self._check(properties)
        context, given = self._context(), self._coerced(properties)
        request = self._type.to_request(context, {name: value for name, value in given.items() if name != "Tags"})
        if self._type.named and not request.get(self._type.identifier):
            request[self._type.identifier] = self._generated(f"{stack_name}-{logical_id}")
        if given.get("Tags") and self._type.tagged(given):
            request["Tags"] = given["Tags"]
        answer = call(context, self._type.create_operation, request)
        name = request[self._type.identifier] if self._type.named else answer[self._type.arn]
        try:
            self._type.created(context, name, given)
        except Exception:
            self._delete(context, name, given)
            raise
        return self._provisioned(context, name)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Provisioned:
        """Change the resource in place, or make another one where a changed property needs that.

        The other one has another physical id, by which CloudFormation knows that the first is to be deleted.
        """
        self._check(new)
        changed = {name for name in {*old, *new} if old.get(name) != new.get(name)} - {"Tags"}
        if changed - self._type.in_place:
            return self._replace(physical_id, old, new, stack_name)
        context, name = self._context(), self._name(physical_id)
        if changed:
            self._type.change(context, name, self._coerced(new))
        provisioned = self._provisioned(context, name)
        if self._type.tagged(new):
            self._retag(context, self._describe(context, name)[self._type.arn], old.get("Tags"), new.get("Tags"))
        return provisioned

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Delete the resource; one that is gone already counts as deleted."""
        self._delete(self._context(), self._name(physical_id), self._coerced(properties))

    def _replace(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Provisioned:
        identifier, name = self._type.identifier, self._name(physical_id)
        if self._type.named and new.get(identifier) and new.get(identifier) == old.get(identifier):
            raise ProvisioningError(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {name} and update the stack again."
            )
        logical_id = name.rpartition("-")[0].removeprefix(f"{stack_name}-")
        return self.create(logical_id, new, stack_name)

    def _delete(self, context: Context, name: str, properties: Properties) -> None:
        try:
            self._describe(context, name)
        except SageMakerError:
            return
        self._type.before_delete(context, name, properties)
        extra = {"ClientRequestToken": secrets.token_hex(16)} if self._takes_token() else {}
        call(context, self._type.delete_operation, {self._type.identifier: name, **extra})
        self._type.deleted(context, name, properties)

    def _takes_token(self) -> bool:
        return "ClientRequestToken" in operation_input("sagemaker", self._type.delete_operation).required_members

    def _describe(self, context: Context, name: str) -> Record:
        return call(context, self._type.describe_operation, {self._type.identifier: name})

    def _provisioned(self, context: Context, name: str) -> Provisioned:
        description = self._describe(context, name)
        attributes = {member: description[member] for member in self._type.attributes if member in description}
        return self._type.physical_id(description), attributes

    def _retag(self, context: Context, arn: str, old: Any, new: Any) -> None:
        before, after = _tags(old), _tags(new)
        gone = [key for key in before if key not in after]
        added = [{"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value]
        if gone:
            call(context, "DeleteTags", {"ResourceArn": arn, "TagKeys": gone})
        if added:
            call(context, "AddTags", {"ResourceArn": arn, "Tags": added})

    def _check(self, properties: Properties) -> None:
        for name in properties:
            if name != "Tags" and name not in self._type.properties:
                raise ProvisioningError(f"{self._type.name}: the property {name} is not supported by the local AWS.")

    def _coerced(self, properties: Properties) -> Properties:
        shape = operation_input("sagemaker", self._type.create_operation)
        result: Properties = coerced(shape, properties)
        return result

    def _name(self, physical_id: str) -> str:
        return physical_id.rpartition("/")[2] if self._type.named else physical_id

    def _generated(self, base: str) -> str:
        suffix = secrets.token_hex(6)
        return f"{base[: self._type.name_length - len(suffix) - 1].rstrip('-')}-{suffix}"

    def _context(self) -> Context:
        return self._service.context(*self._service.emulator.account_and_region())


def _tags(tags: Any) -> dict[str, str]:
    return {tag["Key"]: str(tag["Value"]) for tag in tags or []}
