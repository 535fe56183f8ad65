"""CloudFormation stacks of a test, made through boto3."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from tests.local_aws import LocalAws

Resources = dict[str, dict[str, Any]]


class Stack:
    """One stack with a name of its own."""

    def __init__(self, aws: LocalAws) -> None:
        self.name = f"stack-{uuid.uuid4().hex[:8]}"
        self._client = aws.client("cloudformation")

    def create(self, resources: Resources, **more: Any) -> str:
        """Create it; returns its status when nothing is under way any more."""
        self._client.create_stack(StackName=self.name, TemplateBody=_template(resources), **more)
        return self.settled()

    def update(self, resources: Resources, **more: Any) -> str:
        """Update it; returns its status when nothing is under way any more."""
        self._client.update_stack(StackName=self.name, TemplateBody=_template(resources), **more)
        return self.settled()

    def delete(self) -> str:
        """Delete it; returns its last status."""
        stack_id = self._client.describe_stacks(StackName=self.name)["Stacks"][0]["StackId"]
        self._client.delete_stack(StackName=self.name)
        return self.settled(stack_id)

    def settled(self, stack_id: str | None = None) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status: str = self._client.describe_stacks(StackName=stack_id or self.name)["Stacks"][0]["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                return status
            time.sleep(0.05)
        raise AssertionError(f"{self.name} is still {status}")

    def physical_ids(self) -> dict[str, str]:
        """Physical ids by logical id."""
        found = self._client.describe_stack_resources(StackName=self.name)["StackResources"]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}

    def outputs(self) -> dict[str, str]:
        found = self._client.describe_stacks(StackName=self.name)["Stacks"][0].get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in found}

    def failure(self) -> str:
        """The reason of the first resource that failed."""
        events = self._client.describe_stack_events(StackName=self.name)["StackEvents"]
        failed = [event for event in reversed(events) if event["ResourceStatus"].endswith("_FAILED")]
        reason: str = failed[0]["ResourceStatusReason"]
        return reason


def _template(resources: Resources) -> str:
    outputs = {
        f"{name}{attribute}": {"Value": {"Fn::GetAtt": [name, attribute]}}
        for name, resource in resources.items()
        for attribute in resource.get("Metadata", {}).get("outputs", [])
    }
    return json.dumps({"Resources": resources, **({"Outputs": outputs} if outputs else {})})
