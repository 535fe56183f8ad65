"""A stage with one project on the AWS in memory, and its reviewers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modelyard.lambdas.serving import lifetime
from modelyard.lambdas.serving.artifacts import is_artifact_name
from modelyard.lambdas.serving.ledger import Records
from tests.lambdas.serving.fake.stage import Stage, arn, parameter

NAME = "modelyard-dev-abalone"
PROJECT = "abalone"
PARAMETER = parameter(PROJECT)
_PATIENCE = 200  # looks at a deletion; one that has not ended by then never will
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
class World(Stage):
    declared: dict[str, Any] = field(default_factory=dict)

    # People and CloudFormation

    def declare(self, **changes: Any) -> None:
        self.declared = {**self.declared, **changes}
        declaration = {key: item for key, item in {**PLAIN, **self.declared}.items() if item is not None}
        self.declare_endpoint(PROJECT, declaration)

    def destroy(self) -> None:
        properties = {"Declaration": "", "ParameterName": PARAMETER}
        event = {"RequestType": "Delete", "PhysicalResourceId": NAME, "ResourceProperties": properties}
        self._again(lambda: lifetime.begin(event, self.runtime))
        for _ in range(_PATIENCE):
            if self._again(lambda: lifetime.ended(event, self.runtime)):
                return
            self.sagemaker.advance()
            self.clock.pass_(10)
        raise AssertionError("the deletion did not end")

    def register(self, behaviour: str = "good") -> int:
        version = len(self.sagemaker.packages) + 1
        self.register_version(NAME, version, behaviour)
        return version

    def arn(self, version: int) -> str:
        return arn(NAME, version)

    def review(self, version: int, status: str) -> None:
        self.review_version(NAME, version, status)

    def approve(self, version: int) -> None:
        self.review(version, "Approved")

    def reject(self, version: int) -> None:
        self.review(version, "Rejected")

    def settle(self) -> int | None:
        """Let events, messages and endpoints go on until nothing moves; the version that is served then."""
        self.rest()
        return self.served()

    # What there is to see

    def served(self) -> int | None:
        return self.served_version(NAME)

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
        places = {name for name, items in self.dynamodb.partitions.items() if items and name.startswith("place#")}
        if PARAMETER in self.ssm.parameters:
            expected = {f"place#endpoint#{NAME}", f"place#group#{self.declared.get('model_package_group_name', NAME)}"}
            if places != expected:
                found.append(f"places: {sorted(places)}")
        elif configs or self.sagemaker.endpoints or self.cloudwatch.alarms or places:
            found.append("something is left of a destroyed endpoint")
        return found


__all__ = ["NAME", "PARAMETER", "PLAIN", "WATCHED", "World"]
