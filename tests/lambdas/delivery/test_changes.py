"""What a gate is shown of change sets."""

from typing import Any

from modelyard.lambdas.delivery.changes import Changes, summary


def _change(action: str, id: str, replacement: str | None = None) -> dict[str, Any]:
    return {"Action": action, "LogicalResourceId": id, **({"Replacement": replacement} if replacement else {})}


def test_what_is_lost_is_named_and_what_changes_is_counted() -> None:
    changes = Changes.of(
        [
            _change("Modify", "Policy", "False"),
            _change("Modify", "Role", "False"),
            _change("Modify", "Endpoint", "True"),
            _change("Modify", "Queue", "Conditional"),
            _change("Remove", "Topic"),
            _change("Add", "Alarm"),
        ],
        "stack",
        "change-set",
    )
    assert changes.note == "1 added, 2 changed, 1 replaced (Endpoint), 1 perhaps replaced (Queue), 1 removed (Topic)"
    assert (changes.stack, changes.change_set) == ("stack", "change-set")


def test_of_many_that_are_lost_three_are_named() -> None:
    changes = Changes.of([_change("Remove", id) for id in "ABCDE"], "stack", "change-set")
    assert changes.note == "5 removed (A, B, C and 2 more)"


def test_a_change_set_without_changes_is_none() -> None:
    assert Changes.of([], "stack", "change-set") == Changes()


def test_the_gravest_stack_comes_first_and_those_without_changes_are_counted() -> None:
    found = [
        ("Foundation", Changes()),
        ("Serving", Changes("1 changed", 3)),
        ("Abalone", Changes("1 replaced (Endpoint)", 1000)),
    ]
    assert summary(found, 490) == "Abalone: 1 replaced (Endpoint); Serving: 1 changed; no changes: 1"
    assert summary(found[:1], 490) == "no changes"


def test_a_summary_that_is_too_long_says_how_many_stacks_it_leaves_out() -> None:
    found = [(f"Project{index}", Changes("2 changed", 6)) for index in range(100)]
    text = summary(found, 100)
    assert len(text) <= 100
    assert text.endswith("; and 96 more")
    assert text.startswith("Project0: 2 changed; Project1")
