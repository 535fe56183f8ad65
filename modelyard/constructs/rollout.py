"""How an update moves an endpoint to another version."""

from dataclasses import dataclass, fields

from aws_cdk import Duration

from modelyard.settings import EndpointSettings
from modelyard.settings.rollouts import RolloutPlan


@dataclass(frozen=True)
class Rollout(RolloutPlan):
    """A rollout; made by `all_at_once`, `canary`, `linear` or `rolling`.

    Instances are shifted in parts, hence all but `all_at_once` want at least two. While an alarm watches, a version
    that sets it off is taken back. https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html

    Example:
        >>> Rollout.canary(percent=10, wait=Duration.minutes(5), bake=Duration.minutes(10)).timeout(4)
        2700
    """

    @staticmethod
    def all_at_once(*, bake: Duration | None = None) -> "Rollout":
        """A new fleet takes all traffic at once.

        Args:
            bake: how long the old fleet stands by after that, at most an hour. Default: not at all.

        Raises:
            FieldError: a time is out of bounds.
        """
        return Rollout("all_at_once", bake_seconds=_seconds(bake))

    @staticmethod
    def canary(
        *, percent: int, wait: Duration, bake: Duration | None = None, timeout: Duration | None = None
    ) -> "Rollout":
        """A part of a new fleet takes its share of the traffic first, and the rest follows.

        Args:
            percent: of the capacity, 1 to 50.
            wait: how long the part is watched, at most an hour.
            bake: how long the old fleet stands by in the end, at most an hour. Default: not at all.
            timeout: for all of it, 10 minutes to 8 hours. Default: half an hour more than it waits in all.

        Raises:
            FieldError: a value is out of bounds.
        """
        return _blue_green("canary", percent, wait, bake, timeout)

    @staticmethod
    def linear(
        *, percent: int, wait: Duration, bake: Duration | None = None, timeout: Duration | None = None
    ) -> "Rollout":
        """A new fleet takes over the traffic in equal steps.

        Args:
            percent: of the capacity at a time, 10 to 50.
            wait: how long each step is watched, at most an hour.
            bake: how long the old fleet stands by in the end, at most an hour. Default: not at all.
            timeout: for all of it, 10 minutes to 8 hours. Default: half an hour more than it waits in all.

        Raises:
            FieldError: a value is out of bounds.
        """
        return _blue_green("linear", percent, wait, bake, timeout)

    @staticmethod
    def rolling(
        *, percent: int, wait: Duration, rollback_percent: int | None = None, timeout: Duration | None = None
    ) -> "Rollout":
        """Instances are replaced batch by batch, which needs the least capacity besides what serves.

        Args:
            percent: of the capacity at a time, 5 to 50.
            wait: how long each batch is watched, at most an hour.
            rollback_percent: of the capacity that is taken back at a time, 5 to 100. Default: all of it.
            timeout: for all of it, 10 minutes to 8 hours. Default: half an hour for each batch more than it waits.

        Raises:
            FieldError: a value is out of bounds.
        """
        return Rollout(
            "rolling",
            percent,
            _seconds(wait),
            rollback_percent=rollback_percent,
            timeout_seconds=_seconds(timeout),
        )

    @staticmethod
    def of(endpoint: EndpointSettings) -> "Rollout | None":
        """The rollout that the settings of an endpoint ask for; None where they say nothing."""
        return Rollout(**endpoint.rollout.model_dump()) if endpoint.rollout else None

    def declared(self, instances: int) -> dict[str, str | int]:
        """What the declaration of an endpoint of so many instances says of it."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["timeout_seconds"] = self.timeout(instances)
        return {name: value for name, value in values.items() if value is not None}


def _blue_green(type: str, percent: int, wait: Duration, bake: Duration | None, timeout: Duration | None) -> Rollout:
    return Rollout(type, percent, _seconds(wait), _seconds(bake), timeout_seconds=_seconds(timeout))


def _seconds(duration: Duration | None) -> int | None:
    return None if duration is None else int(duration.to_seconds())
