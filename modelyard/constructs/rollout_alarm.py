"""What takes a rollout back."""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from modelyard.settings import ConfigurationError, EndpointSettings, FieldError
from modelyard.settings.instances import InstanceType
from modelyard.settings.rollouts import RolloutPlan

_MAX_ALARMS = 10
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_STATISTIC = re.compile(r"Average|Maximum|Minimum|SampleCount|Sum|p(100|\d{1,2}(\.\d{1,10})?)")
_SHORT_PERIODS = (10, 20, 30)
_DAY_SECONDS = 86400
# https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
_INVOCATIONS = "AWS/SageMaker"
_INSTANCES = "/aws/sagemaker/Endpoints"
_MICROSECONDS = 1000
_DEFAULT_5XX_RATE = 0.05
_DEFAULT_4XX_RATE = 0.2
_DEFAULT_GPU_PERCENT = 95


@dataclass(frozen=True)
class RolloutAlarm:
    """The specification of an alarm on a metric of an endpoint; made by one of the factories, or freely.

    The approval hook makes an alarm of it for each update. No data is no alarm. A metric of `AWS/SageMaker` is watched
    for the new fleet alone. Those of `/aws/sagemaker/Endpoints` are published by SageMaker for endpoint and variant
    without the endpoint config, hence an alarm on GPU memory sees both fleets while both stand.

    Args:
        name: ends the alarm's name; letters, digits, dots, hyphens and underscores.
        metric: name of the metric.
        namespace: of the metric.
        statistic: such as `Average` or `p99`.
        threshold: in the metric's unit, above which the alarm goes off.
        period_seconds: how long one data point takes, 10, 20, 30 or a multiple of 60. Default: a minute.
        evaluation_periods: how many data points in a row have to be above, a day's at most. Default: one.

    Raises:
        FieldError: CloudWatch takes no such alarm.

    Example:
        >>> RolloutAlarm.model_latency_p99(milliseconds=200).threshold
        200000
        >>> slow = RolloutAlarm("slow", "OverheadLatency", "AWS/SageMaker", "p99", threshold=50_000)
    """

    name: str
    metric: str
    namespace: str
    statistic: str
    threshold: float
    period_seconds: int = 60
    evaluation_periods: int = 1

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise FieldError("name", f"received {self.name}; allowed: up to 64 letters, digits, dots, hyphens and _")
        if not _STATISTIC.fullmatch(self.statistic):
            allowed = "Average, Maximum, Minimum, SampleCount, Sum, or a percentile, such as p99"
            raise FieldError("statistic", f"received {self.statistic}; allowed: {allowed}")
        if self.period_seconds not in _SHORT_PERIODS and (self.period_seconds < 60 or self.period_seconds % 60):
            raise FieldError("period_seconds", f"received {self.period_seconds}; allowed: 10, 20, 30, a multiple of 60")
        most = max(1, _DAY_SECONDS // self.period_seconds)
        if not 1 <= self.evaluation_periods <= most:
            raise FieldError("evaluation_periods", f"received {self.evaluation_periods}; allowed: 1 to {most}, a day")

    @staticmethod
    def invocation_5xx(rate: float = _DEFAULT_5XX_RATE) -> "RolloutAlarm":
        """The model answered more than `rate` of the requests of a minute with an error. Default: 5 %."""
        return RolloutAlarm("5xx", "Invocation5XXErrors", _INVOCATIONS, "Average", _part("rate", rate))

    @staticmethod
    def invocation_4xx(rate: float = _DEFAULT_4XX_RATE) -> "RolloutAlarm":
        """More than `rate` of the requests of a minute were refused as wrong. Default: 20 %."""
        return RolloutAlarm("4xx", "Invocation4XXErrors", _INVOCATIONS, "Average", _part("rate", rate))

    @staticmethod
    def model_latency_p99(milliseconds: float) -> "RolloutAlarm":
        """The slowest hundredth of the requests of a minute took the model longer than so many milliseconds."""
        threshold = _positive("milliseconds", milliseconds) * _MICROSECONDS
        return RolloutAlarm("latency", "ModelLatency", _INVOCATIONS, "p99", threshold)

    @staticmethod
    def gpu_memory(percent: float = _DEFAULT_GPU_PERCENT) -> "RolloutAlarm":
        """An instance used more than `percent` of GPU memory, its GPUs added up by SageMaker. Default: 95."""
        threshold = _positive("percent", percent)
        return RolloutAlarm("gpu-memory", "GPUMemoryUtilization", _INSTANCES, "Maximum", threshold)

    @staticmethod
    def of(endpoint: EndpointSettings) -> "tuple[RolloutAlarm, ...] | None":
        """The alarms that the settings of an endpoint ask for; None where they say nothing."""
        if endpoint.alarms is None:
            return None
        factories: dict[str, Callable[[float], RolloutAlarm]] = {
            "invocation_5xx_rate": RolloutAlarm.invocation_5xx,
            "invocation_4xx_rate": RolloutAlarm.invocation_4xx,
            "model_latency_p99_ms": RolloutAlarm.model_latency_p99,
            "gpu_memory_percent": RolloutAlarm.gpu_memory,
        }
        thresholds = endpoint.alarms.model_dump(exclude_none=True)
        return tuple(factories[name](threshold) for name, threshold in thresholds.items())

    def declared(self) -> dict[str, str | int | float]:
        """What the declaration says of it."""
        return {**asdict(self), "comparison": "GreaterThanThreshold"}


def watching(
    alarms: "Sequence[RolloutAlarm] | None", rollout: RolloutPlan, instance: InstanceType
) -> tuple[RolloutAlarm, ...]:
    """The alarms of a rollout: those asked for, else one on 5XX errors where the rollout looks back at all.

    Raises:
        ConfigurationError: they are too many, have one name, or watch GPUs that are not there.
    """
    if alarms is None:
        return () if rollout.is_plain else (RolloutAlarm.invocation_5xx(),)
    names = [alarm.name for alarm in alarms]
    if len(alarms) > _MAX_ALARMS:
        raise ConfigurationError(f"alarms: received {len(alarms)}; allowed: at most {_MAX_ALARMS}, says SageMaker")
    if len(set(names)) < len(names):
        raise ConfigurationError(f"alarms: received the names {', '.join(names)}; allowed: each name once")
    if not instance.has_gpu and any(alarm.metric.startswith("GPU") for alarm in alarms):
        raise ConfigurationError(f"alarms: received one on GPUs for {instance.name}, which has none; leave it out")
    return tuple(alarms)


def _part(name: str, value: float) -> float:
    if not 0 < value < 1:
        raise ConfigurationError(f"{name}: received {value}; allowed: a part of all requests, between 0 and 1")
    return value


def _positive(name: str, value: float) -> float:
    if not value > 0:
        raise ConfigurationError(f"{name}: received {value}; allowed: more than 0")
    return value
