"""The keys of a project's endpoint: what it runs on, how it is updated, what watches an update, how it scales."""

import re
from typing import Annotated, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from modelyard import names
from modelyard.settings.errors import ConfigurationError, FieldError
from modelyard.settings.instances import InstanceType
from modelyard.settings.rollouts import RULES, RolloutPlan
from modelyard.settings.scaling import Scaling
from modelyard.settings.section import Section, rule

_WHOLE = "a whole number"
_SECONDS = "a whole number of seconds"
_Rate = Annotated[float | None, Field(strict=True, gt=0, lt=1, description="a part of all requests, between 0 and 1")]
_MoreThan0 = Annotated[float | None, Field(strict=True, gt=0, description="a number of more than 0")]


class RolloutKeys(Section):
    """How an update moves the endpoint to another version."""

    type: Annotated[str, Field(description=", ".join(RULES))]
    percent: Annotated[StrictInt | None, Field(description=_WHOLE)] = None
    wait_seconds: Annotated[StrictInt | None, Field(description=_SECONDS)] = None
    bake_seconds: Annotated[StrictInt | None, Field(description=_SECONDS)] = None
    rollback_percent: Annotated[StrictInt | None, Field(description=_WHOLE)] = None
    timeout_seconds: Annotated[StrictInt | None, Field(description=_SECONDS)] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            self.plan()
        except FieldError as error:
            raise rule(error.problem, error.field) from error
        return self

    def plan(self) -> RolloutPlan:
        """The rollout that the keys ask for."""
        return RolloutPlan(**self.model_dump())


class AlarmKeys(Section):
    """From which values on an alarm takes a rollout back."""

    invocation_5xx_rate: _Rate = None
    invocation_4xx_rate: _Rate = None
    model_latency_p99_ms: _MoreThan0 = None
    gpu_memory_percent: _MoreThan0 = None


class ScalingKeys(Section):
    """How the number of instances follows the traffic."""

    min: Annotated[StrictInt, Field(description=_WHOLE)]
    max: Annotated[StrictInt, Field(description=_WHOLE)]
    invocations_per_instance: Annotated[float, Field(strict=True, description="a number")]
    scale_in_cooldown_seconds: Annotated[StrictInt, Field(description=_SECONDS)] = 300
    scale_out_cooldown_seconds: Annotated[StrictInt, Field(description=_SECONDS)] = 300

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            self.value()
        except FieldError as error:
            raise rule(error.problem, error.field) from error
        return self

    def value(self) -> Scaling:
        """The scaling that the keys ask for."""
        return Scaling(**self.model_dump())


class EndpointSettings(Section):
    """A project's endpoint."""

    instance_type: Annotated[str, Field(description="an instance type, such as ml.m5.large")]
    instance_count: Annotated[StrictInt | None, Field(ge=1, le=100, description="a whole number from 1 to 100")] = None
    local_storage: Annotated[StrictBool | None, Field(description="true or false")] = None
    environment: Annotated[dict[str, str], Field(description="names and values, both text in quotes")] = {}
    rollout: Annotated[RolloutKeys | None, Field(description="type with what it takes")] = None
    alarms: Annotated[AlarmKeys | None, Field(description="names of alarms with their thresholds")] = None
    scaling: Annotated[ScalingKeys | None, Field(description="min, max and invocations_per_instance")] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            instance = self.instance()
        except ConfigurationError as error:
            raise rule(str(error), "instance_type") from error
        for name in self.environment:
            if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]{0,1023}", name):
                raise rule("received this name; allowed: letters, digits and _, no digit first", "environment", name)
            if name == names.VERSION_VARIABLE:
                problem = "received this name, which tells the container its version; choose another"
                raise rule(problem, "environment", name)
        self._check_alarms(instance)
        self._check_scaling()
        self._check_rollout(instance)
        return self

    def _check_alarms(self, instance: InstanceType) -> None:
        if self.alarms is None:
            return
        if not self.alarms.model_fields_set:
            names = ", ".join(AlarmKeys.model_fields)
            raise rule(f"received no alarm; allowed: one or more of {names}", "alarms")
        if self.alarms.gpu_memory_percent is not None and not instance.has_gpu:
            problem = f"received a threshold for {instance.name}, which has no GPU; leave it out"
            raise rule(problem, "alarms", "gpu_memory_percent")

    def _check_scaling(self) -> None:
        try:
            if self.scaling:
                self.scaling.value().check(self.count)
        except FieldError as error:
            raise rule(error.problem, error.field) from error

    def _check_rollout(self, instance: InstanceType) -> None:
        fewest, most = (self.scaling.min, self.scaling.max) if self.scaling else (self.count, self.count)
        plan = self.rollout.plan() if self.rollout else RolloutPlan.default(instance, fewest)
        try:
            plan.check(instance, fewest, most, watched=self.alarms is not None)
        except FieldError as error:
            raise rule(error.problem, *(("rollout", error.field) if self.rollout else ("alarms",))) from error

    @property
    def count(self) -> int:
        """How many instances it starts with: as many as said, or the fewest that it scales to, or 1."""
        return self.instance_count or (self.scaling.min if self.scaling else 1)

    def instance(self) -> InstanceType:
        """The instance type with what is known of it."""
        return InstanceType(self.instance_type, self.local_storage)
