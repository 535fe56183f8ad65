"""Step caching: an earlier step with the same inputs stands for a new run.

See https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-caching.html and, for the attributes that count,
https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-default-keys.html.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.pipelines.definition import Step
from modelyard.local.sagemaker.pipelines.durations import seconds
from modelyard.local.sagemaker.pipelines.records import executions_of

__all__ = ["cache_key", "cached"]

_ATTRIBUTES = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
}


def cache_key(step: Step, arguments: dict[str, Any]) -> str | None:
    """What ``step`` with its evaluated ``arguments`` is known by in the cache; None where it is not to be cached."""
    if step.type not in _ATTRIBUTES or not (step.declared.get("CacheConfig") or {}).get("Enabled"):
        return None
    counted = {name: arguments.get(name) for name in _ATTRIBUTES[step.type]}
    text = json.dumps([step.name, step.type, counted], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def cached(context: Context, pipeline_arn: str, step: Step, key: str | None) -> Record | None:
    """The last successful run of ``step`` under ``key`` in the pipeline that is not too old; the lock is held."""
    if key is None:
        return None
    since = context.now() - seconds(step.declared["CacheConfig"]["ExpireAfter"])
    runs = [
        record
        for execution in executions_of(context, pipeline_arn)
        for record in execution["_Steps"].values()
        if record.get("_CacheKey") == key and record["StepStatus"] == "Succeeded" and "CacheHitResult" not in record
    ]
    runs = [record for record in runs if record["EndTime"] >= since]
    return max(runs, key=lambda record: float(record["EndTime"]), default=None)
