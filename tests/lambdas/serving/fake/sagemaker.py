"""SageMaker's registry and endpoints, as far as the functions see them. An endpoint moves when `advance` says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.lambdas.serving.fake.client import Clock, error
from tests.lambdas.serving.fake.cloudwatch import AutoScaling, CloudWatch

ACCOUNT = "arn:aws:sagemaker:eu-west-1:111122223333"
MOVING = {"Creating", "Updating", "Deleting"}
NO_CAPACITY = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error."
NO_PING = "The primary container for production variant AllTraffic did not pass the ping health check."
_SHOWN = {"InService": "IN_SERVICE"}

Emit = Callable[[str, dict[str, Any]], None]


@dataclass
class SageMaker:
    clock: Clock
    emit: Emit
    cloudwatch: CloudWatch
    packages: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    behaviour: dict[str, str] = field(default_factory=dict)  # of a package: good, broken, alarming
    scarce: int = 0  # deployments that will find no capacity
    wrongs: list[str] = field(default_factory=list)  # what SageMaker allows and nobody should do
    scaling: AutoScaling = field(init=False)

    def __post_init__(self) -> None:
        self.scaling = AutoScaling(self.endpoints)

    # Registry

    def describe_model_package(self, **request: Any) -> dict[str, Any]:
        return _find(self.packages, request["ModelPackageName"])

    def list_model_packages(self, **request: Any) -> dict[str, Any]:
        group = f":model-package/{request['ModelPackageGroupName']}/"
        return {"ModelPackageSummaryList": [item for arn, item in self.packages.items() if group in arn][::-1]}

    # Models and configs

    def create_model(self, **request: Any) -> dict[str, Any]:
        return self._create(self.models, "Model", request)

    def describe_model(self, **request: Any) -> dict[str, Any]:
        return _find(self.models, request["ModelName"])

    def delete_model(self, **request: Any) -> dict[str, Any]:
        del self.models[_find(self.models, request["ModelName"])["ModelName"]]
        return {}

    def list_models(self, **request: Any) -> dict[str, Any]:
        return {"Models": [item for name, item in self.models.items() if request["NameContains"] in name]}

    def create_endpoint_config(self, **request: Any) -> dict[str, Any]:
        return self._create(self.configs, "EndpointConfig", request)

    def describe_endpoint_config(self, **request: Any) -> dict[str, Any]:
        return _find(self.configs, request["EndpointConfigName"])

    def delete_endpoint_config(self, **request: Any) -> dict[str, Any]:
        name = _find(self.configs, request["EndpointConfigName"])["EndpointConfigName"]
        if any(name in (endpoint["config"], endpoint["pending"]) for endpoint in self.endpoints.values()):
            self.wrongs.append(f"config {name} was deleted while it was in use")
        del self.configs[name]
        return {}

    def list_endpoint_configs(self, **request: Any) -> dict[str, Any]:
        found = [item for name, item in self.configs.items() if request["NameContains"] in name]
        return {"EndpointConfigs": found}

    def list_tags(self, **request: Any) -> dict[str, Any]:
        for item in [*self.models.values(), *self.configs.values()]:
            if request["ResourceArn"] in item.values():
                return {"Tags": item["Tags"]}
        raise error("ValidationException", "Could not find it")

    # Endpoints

    def describe_endpoint(self, **request: Any) -> dict[str, Any]:
        endpoint = _find(self.endpoints, request["EndpointName"])
        pending = {"PendingDeploymentSummary": {"EndpointConfigName": endpoint["pending"]}}
        return {
            "EndpointStatus": endpoint["status"],
            "EndpointConfigName": endpoint["config"],
            "LastModifiedTime": endpoint["modified"],
            "ProductionVariants": [{"VariantName": "AllTraffic", "DesiredInstanceCount": endpoint["count"]}],
            **(pending if endpoint["pending"] and endpoint["status"] != "Creating" else {}),
            **({"FailureReason": endpoint["reason"]} if endpoint["reason"] else {}),
        }

    def create_endpoint(self, **request: Any) -> dict[str, Any]:
        name, config = request["EndpointName"], request["EndpointConfigName"]
        if name in self.endpoints:
            raise error("ValidationException", f'Cannot create already existing endpoint "{name}".')
        _find(self.configs, config)
        self.endpoints[name] = {"config": config, "pending": config, "count": self._variant(config)["count"]}
        self._move(name, "Creating")
        return {}

    def update_endpoint(self, **request: Any) -> dict[str, Any]:
        name, config = request["EndpointName"], request["EndpointConfigName"]
        endpoint = self._at_rest(name)
        new, old = self._variant(config), self._variant(endpoint["config"])
        if new["type"] != old["type"] and any(f"/{name}/" in resource for resource in self.scaling.targets):
            raise error("ValidationException", "The variant must be deregistered as a scalable target first.")
        alarms = request.get("DeploymentConfig", {}).get("AutoRollbackConfiguration", {}).get("Alarms", [])
        missing = [alarm["AlarmName"] for alarm in alarms if alarm["AlarmName"] not in self.cloudwatch.alarms]
        if missing:
            raise error("ValidationException", f"Alarms {missing} are not there.")
        kept = request.get("RetainAllVariantProperties")
        count = endpoint["count"] if kept else new["count"]
        endpoint.update(pending=config, alarms=[alarm["AlarmName"] for alarm in alarms], coming=count)
        self._move(name, "Updating")
        return {}

    def update_endpoint_weights_and_capacities(self, **request: Any) -> dict[str, Any]:
        endpoint = self._at_rest(request["EndpointName"])
        endpoint["count"] = request["DesiredWeightsAndCapacities"][0]["DesiredInstanceCount"]
        self._move(request["EndpointName"], "Updating")
        return {}

    def delete_endpoint(self, **request: Any) -> dict[str, Any]:
        name = request["EndpointName"]
        if _find(self.endpoints, name)["status"] in MOVING:
            raise error("ValidationException", f'Cannot update in-progress endpoint "{name}".')
        self._move(name, "Deleting")
        return {}

    # What goes on by itself

    def advance(self) -> bool:
        """Let everything that moves arrive; whether anything did."""
        moving = [name for name, endpoint in self.endpoints.items() if endpoint["status"] in MOVING]
        for name in moving:
            self._arrive(name, self.endpoints[name])
        return bool(moving)

    def served(self, name: str) -> str:
        """ARN of the package that answers, empty if none does."""
        endpoint = self.endpoints.get(name)
        return self._package(endpoint["config"]) if endpoint and endpoint["status"] in ("InService", "Updating") else ""

    def _arrive(self, name: str, endpoint: dict[str, Any]) -> None:
        status, pending = endpoint["status"], endpoint["pending"]
        if status == "Deleting":
            del self.endpoints[name]
            return
        trouble = self._trouble(endpoint) if pending else None
        if trouble is None and pending:
            endpoint.update(config=pending, count=endpoint.get("coming", endpoint["count"]))
        endpoint["pending"] = ""
        self._move(name, "Failed" if trouble is not None and status == "Creating" else "InService", trouble or "")

    def _trouble(self, endpoint: dict[str, Any]) -> str | None:
        """Why the pending config does not come up; SageMaker need not say that an alarm was it."""
        if self.scarce:
            self.scarce -= 1
            return NO_CAPACITY
        behaviour = self.behaviour.get(self._package(endpoint["pending"]), "good")
        alarms = endpoint.get("alarms") or []
        if behaviour == "alarming" and alarms:
            self.cloudwatch.trip(alarms[0], 0.5)
            return ""
        return None if behaviour == "good" else NO_PING

    def _move(self, name: str, status: str, reason: str = "") -> None:
        self.clock.pass_(0.01)
        self.endpoints[name].update(status=status, modified=self.clock.time, reason=reason)
        detail = {"EndpointName": name, "EndpointStatus": _SHOWN.get(status, status.upper())}
        self.emit("SageMaker Endpoint State Change", detail)

    def _at_rest(self, name: str) -> dict[str, Any]:
        endpoint = _find(self.endpoints, name)
        if endpoint["status"] not in ("InService", "UpdateRollbackFailed"):
            raise error("ValidationException", f'Cannot update in-progress endpoint "{name}".')
        return endpoint

    def _variant(self, config: str) -> dict[str, Any]:
        variant = _find(self.configs, config)["ProductionVariants"][0]
        return {"type": variant["InstanceType"], "count": variant["InitialInstanceCount"]}

    def _package(self, config: str) -> str:
        if config not in self.configs:  # the instances go on without it
            return ""
        model = self.models[self.configs[config]["ProductionVariants"][0]["ModelName"]]
        return str(model["Containers"][0]["ModelPackageName"])

    def _create(self, table: dict[str, dict[str, Any]], kind: str, request: dict[str, Any]) -> dict[str, Any]:
        name = request[f"{kind}Name"]
        if name in table:
            raise error("ValidationException", f'Cannot create already existing {kind} "{name}".')
        arn = f"{ACCOUNT}:{kind.lower()}/{name}"
        table[name] = {**request, "CreationTime": self.clock.time, f"{kind}Arn": arn}
        return {}


def _find(table: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    if name not in table:
        raise error("ValidationException", f'Could not find "{name}".')
    return table[name]
