"""A declaration is read whole or refused with the key, its value and what is expected."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.lambdas.serving.alarms import AlarmSpec
from modelyard.lambdas.serving.declaration import Declaration, DeclarationError, Network, parse
from modelyard.lambdas.serving.rollouts import Rollout
from modelyard.lambdas.serving.scaling import Scaling

GOOD: dict[str, Any] = {
    "version": 1,
    "endpoint_name": "modelyard-dev-abalone",
    "model_package_group_name": "modelyard-dev-abalone",
    "execution_role_arn": "arn:aws:iam::111122223333:role/endpoint",
    "instance_type": "ml.m5.large",
    "instance_count": 2,
    "kms_key_arn": None,
    "network": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"], "isolation": True},
    "environment": {"A": "b"},
    "tags": {"team": "x"},
    "health_check_timeout_seconds": 600,
    "download_timeout_seconds": None,
    "rollout": {"type": "all_at_once"},
}


def test_a_declaration_is_read_with_all_its_keys() -> None:
    assert parse(json.dumps(GOOD)) == Declaration(
        endpoint_name="modelyard-dev-abalone",
        model_package_group_name="modelyard-dev-abalone",
        execution_role_arn="arn:aws:iam::111122223333:role/endpoint",
        instance_type="ml.m5.large",
        instance_count=2,
        network=Network(["subnet-1"], ["sg-1"], True),
        environment={"A": "b"},
        tags={"team": "x"},
        health_check_timeout_seconds=600,
    )


def test_what_may_be_null_may_be_left_out() -> None:
    given = {key: value for key, value in GOOD.items() if value is not None}
    assert parse(json.dumps(given)) == parse(json.dumps(GOOD))


def without(key: str) -> str:
    return json.dumps({name: value for name, value in GOOD.items() if name != key})


def with_(**changes: Any) -> str:
    return json.dumps({**GOOD, **changes})


CANARY: dict[str, Any] = {"type": "canary", "percent": 10, "wait_seconds": 300, "bake_seconds": 300}
LINEAR: dict[str, Any] = {"type": "linear", "percent": 25, "wait_seconds": 300, "bake_seconds": 300}
ROLLING: dict[str, Any] = {"type": "rolling", "percent": 25, "wait_seconds": 300, "rollback_percent": 100}
ALARM: dict[str, Any] = {
    "name": "5xx",
    "metric": "Invocation5XXErrors",
    "namespace": "AWS/SageMaker",
    "statistic": "Average",
    "threshold": 0.05,
    "period_seconds": 60,
    "evaluation_periods": 1,
    "comparison": "GreaterThanThreshold",
}
SCALING: dict[str, Any] = {"min": 2, "max": 4, "invocations_per_instance": 100}


def alarm(**changes: Any) -> str:
    return with_(alarms=[{**ALARM, **changes}])


@pytest.mark.parametrize("rollout", [CANARY, LINEAR, ROLLING, {"type": "all_at_once", "bake_seconds": 60}])
def test_rollout_alarms_and_scaling_are_read(rollout: dict[str, Any]) -> None:
    with_nulls = {**rollout, "timeout_seconds": None}
    declaration = parse(with_(rollout=with_nulls, alarms=[ALARM], scaling=SCALING, instance_type="ml.m5.large"))
    assert declaration.rollout == Rollout(**rollout)
    assert declaration.alarms == [AlarmSpec(**ALARM)]
    assert declaration.scaling == Scaling(2, 4, 100, 300, 300)


BAD = {
    "not JSON: Expecting value: line 1 column 1 (char 0)": "nonsense",
    "expected an object with version, endpoint_name, model_package_group_name, execution_role_arn, instance_type, "
    "instance_count, kms_key_arn, network, environment, tags, health_check_timeout_seconds, download_timeout_seconds, "
    "inference_ami, rollout, alarms, scaling; got []": "[]",
    "unknown keys ['colour'], missing keys []": with_(colour="blue"),
    "unknown keys [], missing keys ['tags']": without("tags"),
    "version is 2; this hook reads version 1": with_(version=2),
    "instance_count is '2'; expected int": with_(instance_count="2"),
    "instance_count is True; expected int": with_(instance_count=True),
    "instance_count is 0; expected at least 1": with_(instance_count=0),
    "environment has MODEL_PACKAGE_ARN, which this hook sets; choose another name": with_(
        environment={"MODEL_PACKAGE_ARN": "x"}
    ),
    "kms_key_arn is 7; expected str or null": with_(kms_key_arn=7),
    "network: unknown keys ['vpc'], missing keys ['isolation', 'security_group_ids', 'subnet_ids']": with_(
        network={"vpc": "v"}
    ),
    "network: isolation is 1; expected bool": with_(network={**GOOD["network"], "isolation": 1}),
    "rollout: type is 'magic'; expected one of all_at_once, canary, linear, rolling": with_(rollout={"type": "magic"}),
    "rollout: unknown keys [], missing keys ['percent', 'wait_seconds']": with_(rollout={"type": "canary"}),
    "rollout: unknown keys ['rollback_percent'], missing keys []": with_(rollout={**CANARY, "rollback_percent": 5}),
    "rollout: percent is '10'; expected int": with_(rollout={**CANARY, "percent": "10"}),
    "rollout: canary: percent is 51; expected 1 to 50": with_(rollout={**CANARY, "percent": 51}),
    "rollout: canary: wait_seconds is 3601; expected 0 to 3600": with_(rollout={**CANARY, "wait_seconds": 3601}),
    "rollout: canary: bake_seconds is -1; expected 0 to 3600": with_(rollout={**CANARY, "bake_seconds": -1}),
    "rollout: canary: timeout_seconds is 599; expected 600 to 28800": with_(rollout={**CANARY, "timeout_seconds": 599}),
    "rollout: timeout_seconds is 600; expected more than the 600 that canary waits": with_(
        rollout={**CANARY, "timeout_seconds": 600}
    ),
    "rollout: linear: percent is 9; expected 10 to 50": with_(rollout={**LINEAR, "percent": 9}),
    "rollout: timeout_seconds is 1200; expected more than the 1200 that linear waits": with_(
        rollout={**LINEAR, "timeout_seconds": 1200}
    ),
    "rollout: rolling: percent is 4; expected 5 to 50": with_(rollout={**ROLLING, "percent": 4}),
    "rollout: rolling: rollback_percent is 101; expected 5 to 100": with_(rollout={**ROLLING, "rollback_percent": 101}),
    "rollout: timeout_seconds is 1200; expected more than the 1200 that rolling waits": with_(
        rollout={**ROLLING, "timeout_seconds": 1200}, instance_count=4
    ),
    "rollout: ml.inf1.xlarge has no deployment guardrails; expected all_at_once, no bake_seconds, no alarms": with_(
        rollout={**CANARY}, instance_type="ml.inf1.xlarge"
    ),
    "alarms: 11 alarms; a rollout is watched by 10 at most": with_(alarms=[ALARM] * 11),
    "alarms: names are 5xx, 5xx; expected each name once": with_(alarms=[ALARM] * 2),
    "alarms: 1: unknown keys [], missing keys ['metric']": with_(
        alarms=[ALARM, {key: value for key, value in ALARM.items() if key != "metric"}]
    ),
    "alarms: 0: name is 'a b'; expected up to 64 letters, digits, dots, hyphens and underscores": alarm(name="a b"),
    "alarms: 0: statistic is 'Median'; expected Average, Maximum, Minimum, SampleCount, Sum or a percentile as p99": (
        alarm(statistic="Median")
    ),
    "alarms: 0: comparison is '>'; expected GreaterThanThreshold, GreaterThanOrEqualToThreshold, LessThanThreshold, "
    "LessThanOrEqualToThreshold": alarm(comparison=">"),
    "alarms: 0: period_seconds is 90; expected 10, 20, 30 or a multiple of 60": alarm(period_seconds=90),
    "alarms: 0: evaluation_periods is 0; expected 1 to 1440": alarm(evaluation_periods=0),
    "alarms: 0: threshold is '5'; expected int or float": alarm(threshold="5"),
    "scaling: unknown keys [], missing keys ['max']": with_(scaling={"min": 1, "invocations_per_instance": 9}),
    "scaling: min is 0; expected 1 to 1000": with_(scaling={**SCALING, "min": 0}),
    "scaling: max is 1; expected 2 to 1000": with_(scaling={**SCALING, "max": 1}),
    "scaling: invocations_per_instance is 0; expected more than 0": with_(
        scaling={**SCALING, "invocations_per_instance": 0}
    ),
    "scaling: scale_in_cooldown_seconds is 3601; expected 0 to 3600": with_(
        scaling={**SCALING, "scale_in_cooldown_seconds": 3601}
    ),
}


@pytest.mark.parametrize("expected", BAD)
def test_a_bad_declaration_is_refused_with_one_clear_line(expected: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        parse(BAD[expected], "/modelyard/dev/abalone/endpoint")
    assert str(raised.value).removeprefix("/modelyard/dev/abalone/endpoint: ") == expected


def test_a_declaration_that_no_parameter_holds_is_refused_with_its_size() -> None:
    with pytest.raises(DeclarationError, match=r"\d{4} bytes; an SSM parameter holds 4096"):
        parse(with_(environment={"A": "x" * 4096}))
