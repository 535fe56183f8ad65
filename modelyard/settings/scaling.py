"""How the number of an endpoint's instances follows its traffic: the rules, without the CDK."""

from dataclasses import dataclass

from modelyard.settings.errors import FieldError

_MAX_INSTANCES = 100
_COOLDOWN = (0, 3600)


@dataclass(frozen=True)
class Scaling:
    """Target tracking on the invocations of each instance, by Application Auto Scaling.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html

    Args:
        min: fewest instances, at least 1.
        max: most instances.
        invocations_per_instance: how many requests a minute one instance is to answer.
        scale_in_cooldown_seconds: after instances were taken away, until more are. Default: 300.
        scale_out_cooldown_seconds: after instances were added, until more are. Default: 300.

    Raises:
        FieldError: Application Auto Scaling takes no such bounds.

    Example:
        >>> Scaling(min=1, max=4, invocations_per_instance=600).max
        4
    """

    min: int
    max: int
    invocations_per_instance: float
    scale_in_cooldown_seconds: int = 300
    scale_out_cooldown_seconds: int = 300

    def __post_init__(self) -> None:
        if not 1 <= self.min <= _MAX_INSTANCES:
            raise FieldError("min", f"received {self.min}; allowed: 1 to {_MAX_INSTANCES} instances")
        if not self.min <= self.max <= _MAX_INSTANCES:
            raise FieldError(
                "max", f"received {self.max}; allowed: {self.min}, which min is, to {_MAX_INSTANCES} instances"
            )
        if not self.invocations_per_instance > 0:
            raise FieldError(
                "invocations_per_instance", f"received {self.invocations_per_instance}; allowed: more than 0 a minute"
            )
        for name in ("scale_in_cooldown_seconds", "scale_out_cooldown_seconds"):
            if not _COOLDOWN[0] <= getattr(self, name) <= _COOLDOWN[1]:
                raise FieldError(name, f"received {getattr(self, name)}; allowed: 0 to {_COOLDOWN[1]} seconds")

    def check(self, instances: int) -> None:
        """Refuse a number of instances to start with that is out of bounds.

        Raises:
            FieldError: it is.
        """
        if not self.min <= instances <= self.max:
            raise FieldError(
                "instance_count", f"received {instances}; allowed: {self.min} to {self.max}, the bounds of scaling"
            )
