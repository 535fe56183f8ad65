"""The roles of the approval hook, held against the calls that its functions make in every scenario of a crash."""

from collections.abc import Callable
from typing import Any

import pytest

from modelyard.constructs.handler import WRITE_LOG
from modelyard.lambdas.serving import lifetime, reconcile, wake
from tests.lambdas.serving.crashes import DECLARATIONS, SCENARIOS, finish, prepared
from tests.lambdas.serving.fake.world import World
from tests.synthesis import Templates

ROLES = {"wake": ("Wake",), "reconcile": ("Reconcile",), "lifetime": ("LifetimeHandler",)}
# What AWS asks for besides the call itself: to tag what is made, to pass a role, to encrypt, to poll the queue.
ON_BEHALF = {
    "AddTags",
    "ChangeMessageVisibility",
    "CreateGrant",
    "CreateServiceLinkedRole",
    "Decrypt",
    "DeleteMessage",
    "DescribeKey",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GetQueueAttributes",
    "PassRole",
    "ReceiveMessage",
    "TagResource",
}


@pytest.fixture(scope="module")
def calls() -> dict[str, set[str]]:
    """The operations that each function calls, over all scenarios."""
    made: dict[str, set[str]] = {name: set() for name in ROLES}
    running: list[str] = []

    def told(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            running.append(name)
            try:
                return function(*arguments)
            finally:
                running.pop()

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name, module, attribute in (
            ("wake", wake, "handle"),
            ("reconcile", reconcile, "handle"),
            ("lifetime", lifetime, "begin"),
            ("lifetime", lifetime, "ended"),
        ):
            patch.setattr(module, attribute, told(name, getattr(module, attribute)))
        for scenario in SCENARIOS:
            for declaration in DECLARATIONS:
                world = prepared(scenario, declaration)
                world.wire.before = lambda operation: made[running[-1]].add(_camel_case(operation))
                finish(world, scenario)
                if SCENARIOS[scenario].expected is not None:
                    _approve_more(world)
    return made


def _approve_more(world: World) -> None:
    """So many versions that configs with alarms are old enough to be collected."""
    for _ in range(5):
        world.approve(world.register())
        world.settle()
        world.heartbeat()
        world.settle()


def _camel_case(operation: str) -> str:
    return "".join(word.capitalize() for word in operation.split("_"))


def _allowed(templates: Templates, role: str) -> set[str]:
    statements = templates.statements("Modelyard-prod-Serving", f"ApprovalHook{role}Role")
    lists = [statement["Action"] for statement in statements]
    actions = [action for item in lists for action in ([item] if isinstance(item, str) else item)]
    return {action.partition(":")[2] for action in actions if action not in WRITE_LOG}


@pytest.mark.parametrize("function", ROLES)
def test_a_role_allows_what_its_function_calls_and_no_more(
    function: str, calls: dict[str, set[str]], templates: Templates
) -> None:
    assert len(calls[function]) > 2
    for role in ROLES[function]:
        allowed = _allowed(templates, role)
        assert calls[function] - allowed == set()
        assert allowed - calls[function] - ON_BEHALF == set()
