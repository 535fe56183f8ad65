"""lifetime: the custom resource that owns an endpoint's declaration, and takes the endpoint away with it.

Properties: `Declaration` (the JSON text) and `ParameterName`. The physical id is the endpoint's name, so that another
name is a replacement: CloudFormation declares the new endpoint and then deletes the old one.
"""

from __future__ import annotations

import json
from typing import Any

from . import endpoints
from .collect import delete_all
from .declaration import parse
from .errors import Meaning, meaning, unless_absent
from .instants import seconds_between
from .places import Place
from .runtime import Runtime, from_environment, log
from .scaling import deregister
from .steps import Endpoint
from .wake import DECLARED, OWN_SOURCE, cause, send

PATIENCE = 50 * 60  # seconds; CloudFormation gives a custom resource one hour, and a rollout may take eight
_MOVING = {"Creating", "Updating", "SystemUpdating", "RollingBack"}
_BEGAN = "Began"


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Begin; with the `Data` that it answered first, say whether that has ended. See `answering`."""
    if _BEGAN in event.get("Data", {}):
        return {"IsComplete": ended(event, from_environment())}
    return begin(event, from_environment())


def begin(event: dict[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Create and update write the declaration and wake the endpoint; delete removes it before anything else."""
    properties, began = event["ResourceProperties"], {_BEGAN: runtime.now()}
    if event["RequestType"] == "Delete":
        name = event["PhysicalResourceId"]
        _withdraw(runtime, properties["ParameterName"], name)
        return {"PhysicalResourceId": name, "Data": began}
    declaration = parse(properties["Declaration"], "property Declaration")
    name, group = declaration.endpoint_name, declaration.model_package_group_name
    _declare(runtime, event, Place(name, group, properties["ParameterName"]))
    return {"PhysicalResourceId": name, "Data": began}


def ended(event: dict[str, Any], runtime: Runtime) -> bool:
    """Whether the event is dealt with. A declaration is at once: a stack does not wait for a model.

    A deletion is when endpoint, configs, models, alarms and scalable target are gone. SageMaker lets nobody delete an
    endpoint that is being created or updated; after 50 minutes of that the deletion fails and names what to await.
    """
    if event["RequestType"] != "Delete":
        return True
    name, sagemaker = event["PhysicalResourceId"], runtime.client("sagemaker")
    endpoint = endpoints.describe(sagemaker, name)
    if endpoint is None:
        removed = delete_all(runtime, name)
        log("deleted", endpoint=name, artifacts=removed)
        # A reconciliation that began before the declaration went may have created it just now.
        return endpoints.describe(sagemaker, name) is None
    if endpoint.status not in _MOVING and endpoint.status != "Deleting":
        # While it is registered its policy could begin to scale the endpoint, which then cannot be deleted.
        deregister(runtime.client("application-autoscaling"), name)
        _delete(sagemaker, name)
    _be_patient(event, runtime, name, endpoint)
    return False


def _declare(runtime: Runtime, event: dict[str, Any], place: Place) -> None:
    name, text = place.parameter_name, event["ResourceProperties"]["Declaration"]
    wake = {"id": event["RequestId"], "time": runtime.now(), "source": OWN_SOURCE, "detail-type": DECLARED}
    try:
        # The place first: what is declared must be found by every event from then on.
        runtime.places.put(place)
        runtime.client("ssm").put_parameter(Name=name, Value=text, Type="String", Overwrite=True)
        send(runtime, place.endpoint_name, name, cause(wake))
    except BaseException:
        # CloudFormation does not delete what it could not create, not even what was interrupted.
        if event["RequestType"] == "Create":
            _withdraw(runtime, name, place.endpoint_name)
        raise


def _withdraw(runtime: Runtime, parameter_name: str, endpoint_name: str) -> None:
    """Remove the declaration, unless it is of the endpoint that replaces this one, and then its place."""
    ssm = runtime.client("ssm")
    answer = unless_absent(ssm.get_parameter, Name=parameter_name)
    if answer and _endpoint_of(answer["Parameter"]["Value"]) in (endpoint_name, ""):
        unless_absent(ssm.delete_parameter, Name=parameter_name)
    runtime.places.remove(endpoint_name)


def _endpoint_of(text: str) -> str:
    try:
        return str(json.loads(text)["endpoint_name"])
    except (ValueError, TypeError, KeyError):
        return ""


def _delete(sagemaker: Any, name: str) -> None:
    try:
        unless_absent(sagemaker.delete_endpoint, EndpointName=name)
    except Exception as error:
        if meaning(error) is not Meaning.TRANSIENT:  # it began to move just now
            raise


def _be_patient(event: dict[str, Any], runtime: Runtime, name: str, endpoint: Endpoint) -> None:
    began = event.get("Data", {}).get(_BEGAN, runtime.now())
    if seconds_between(began, runtime.now()) < PATIENCE:
        return
    rollout = endpoint.pending_config or endpoint.config_name
    raise TimeoutError(
        f"endpoint {name} is still {endpoint.status} after {PATIENCE // 60} minutes: await its rollout to config "
        f"{rollout} (aws sagemaker wait endpoint-in-service --endpoint-name {name}), then delete the stack again"
    )
