"""Reading and writing what the stacks tell the outside world."""

import itertools

import pytest

from modelyard.parameters import ParameterError, ParameterStore
from tests.local_aws import LocalAws

_projects = itertools.count()


@pytest.fixture
def store(local_aws: LocalAws) -> ParameterStore:
    """The parameters of a project that no other test has."""
    return ParameterStore("dev", f"parameters-{next(_projects)}", client=local_aws.client("ssm"))


@pytest.mark.parametrize(
    ("value", "stored"), [("text", "text"), (7, "7"), (2.25, "2.25"), (True, "true"), (False, "false")]
)
def test_a_value_comes_back_as_its_type(store: ParameterStore, value: str | int | float | bool, stored: str) -> None:
    store.put("key", value)
    assert store.get("key", type(value)) == value
    assert store.get("key") == stored


def test_a_parameter_stands_under_stage_and_project(store: ParameterStore, local_aws: LocalAws) -> None:
    store.put("key", "value")
    name = f"/modelyard/dev/{store.project}/key"
    assert local_aws.client("ssm").get_parameter(Name=name)["Parameter"]["Value"] == "value"


def test_the_stages_own_parameters_are_the_default() -> None:
    assert ParameterStore("dev", client=object()).path == "/modelyard/dev/platform"


def test_put_replaces(store: ParameterStore) -> None:
    store.put("key", 1)
    store.put("key", 2)
    assert store.get("key", int) == 2


def test_list_pages_through_all_keys_in_order(store: ParameterStore) -> None:
    keys = [f"key-{index:02}" for index in range(53)]
    for key in reversed(keys):
        store.put(key, key.upper())
    store.put("below/another", "x")
    assert list(store.list()) == ["below/another", *keys]
    assert store.list()["key-52"] == "KEY-52"


def test_a_missing_key_names_the_path_and_the_keys_that_exist(store: ParameterStore) -> None:
    with pytest.raises(ParameterError) as caught:
        store.get("pipeline")
    assert str(caught.value) == f"no parameter 'pipeline' under {store.path}; there are no keys at all"
    store.put("pipelines", "x")
    store.put("endpoint-name", "x")
    for use in (store.get, store.delete):
        with pytest.raises(ParameterError) as caught:
            use("pipeline")
        assert str(caught.value) == (
            f"no parameter 'pipeline' under {store.path}; the keys there are: endpoint-name, pipelines; "
            "did you mean pipelines?"
        )


@pytest.mark.parametrize("type", [int, float, bool])
def test_a_value_of_another_type_is_refused(store: ParameterStore, type: type[int] | type[float] | type[bool]) -> None:
    store.put("key", "many")
    with pytest.raises(ParameterError) as caught:
        store.get("key", type)
    assert str(caught.value) == f"{store.path}/key holds 'many', which is no {type.__name__}"


@pytest.mark.parametrize(("value", "size"), [("", 0), ("é" * 2049, 4098)])
def test_a_value_that_no_parameter_holds_is_refused_and_not_written(
    store: ParameterStore, value: str, size: int
) -> None:
    with pytest.raises(ParameterError) as caught:
        store.put("key", value)
    assert str(caught.value) == f"{store.path}/key: the value has {size} bytes; a parameter holds 1 to 4096"
    assert store.list() == {}


def test_a_deleted_key_is_gone(store: ParameterStore) -> None:
    store.put("key", "value")
    store.delete("key")
    assert store.list() == {}
