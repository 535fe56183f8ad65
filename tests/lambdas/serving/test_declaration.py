"""A declaration is read whole or refused with the key, its value and what is expected."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.lambdas.serving.declaration import Declaration, DeclarationError, Network, parse

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


BAD = {
    "not JSON: Expecting value: line 1 column 1 (char 0)": "nonsense",
    "expected an object with version, endpoint_name, model_package_group_name, execution_role_arn, instance_type, "
    "instance_count, kms_key_arn, network, environment, tags, health_check_timeout_seconds, download_timeout_seconds, "
    "rollout; got []": "[]",
    "unknown keys ['scaling'], missing keys []": with_(scaling={}),
    "unknown keys [], missing keys ['tags']": without("tags"),
    "version is 2; this hook reads version 1": with_(version=2),
    "instance_count is '2'; expected int": with_(instance_count="2"),
    "instance_count is True; expected int": with_(instance_count=True),
    "instance_count is 0; expected at least 1": with_(instance_count=0),
    "kms_key_arn is 7; expected str or null": with_(kms_key_arn=7),
    "network: unknown keys ['vpc'], missing keys ['isolation', 'security_group_ids', 'subnet_ids']": with_(
        network={"vpc": "v"}
    ),
    "network: isolation is 1; expected bool": with_(network={**GOOD["network"], "isolation": 1}),
    "rollout is {'type': 'canary'}; expected a type of ['all_at_once']": with_(rollout={"type": "canary"}),
}


@pytest.mark.parametrize("expected", BAD)
def test_a_bad_declaration_is_refused_with_one_clear_line(expected: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        parse(BAD[expected], "/modelyard/dev/abalone/endpoint")
    assert str(raised.value).removeprefix("/modelyard/dev/abalone/endpoint: ") == expected


def test_a_declaration_that_no_parameter_holds_is_refused_with_its_size() -> None:
    with pytest.raises(DeclarationError, match=r"\d{4} bytes; an SSM parameter holds 4096"):
        parse(with_(environment={"A": "x" * 4096}))
