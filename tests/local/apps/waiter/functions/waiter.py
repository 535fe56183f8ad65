"""A custom resource that is not complete at once: it counts up in a parameter, and tells what it was asked."""

from typing import Any

import boto3

ssm = boto3.client("ssm")
READY_AFTER = 2


def on_event(event: dict[str, Any], context: object) -> dict[str, Any]:
    name = event["ResourceProperties"]["Name"]
    ssm.put_parameter(Name=name, Value="0", Type="String", Overwrite=True)
    ssm.put_parameter(Name=f"{name}-asked", Value=event["RequestType"], Type="String", Overwrite=True)
    return {"PhysicalResourceId": name}


def is_complete(event: dict[str, Any], context: object) -> dict[str, Any]:
    name = event["PhysicalResourceId"]
    asked = int(ssm.get_parameter(Name=name)["Parameter"]["Value"]) + 1
    ssm.put_parameter(Name=name, Value=str(asked), Type="String", Overwrite=True)
    done = asked >= READY_AFTER
    return {"IsComplete": done, "Data": {"Asked": asked}} if done else {"IsComplete": False}
