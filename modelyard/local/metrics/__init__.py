"""CloudWatch's part of the local AWS: the metrics of endpoints, and alarms that change their state by AWS's rules."""

from __future__ import annotations

from modelyard.local.metrics.emulator import Emulator
from modelyard.local.metrics.invocations import Variant
from modelyard.local.metrics.monitor import Monitor
from modelyard.local.pace import clock_factor
from modelyard.local.sagemaker.context import Context, SageMaker

__all__ = ["install", "record"]

_COMPONENT = "metrics"


def install(emulator: Emulator, service: SageMaker) -> Monitor:
    """Publish the metrics of ``service``'s endpoints and evaluate all alarms, at the pace of the clock factor."""
    monitor = Monitor(emulator, clock_factor(), service.clock)
    monitor.processes = service.components["hosting"].processes
    service.components[_COMPONENT] = monitor
    monitor.start()
    return monitor


def record(
    context: Context,
    endpoint: str,
    variant: str,
    config: str,
    *,
    status: int,
    model_latency_us: float | None,
    overhead_us: float,
    instances: int,
) -> None:
    """Count one invocation of ``variant``; costs microseconds and makes no call.

    ``status`` is what the model answered, 0 where it did not answer (``model_latency_us`` is None then); ``instances``
    is how many instances the variant has at this moment.
    """
    monitor = context.service.components.get(_COMPONENT)
    if monitor is not None:
        monitor.invocations.record(
            Variant(context.account, context.region, endpoint, variant, config),
            status=status,
            model_latency_us=model_latency_us,
            overhead_us=overhead_us,
            instances=instances,
        )
