"""A function may die before and after each of its AWS calls, and everything still ends as it should."""

from __future__ import annotations

import pytest

from tests.lambdas.serving.crashes import DECLARATIONS, SCENARIOS, wrongs


@pytest.mark.parametrize("declaration", DECLARATIONS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_death_before_or_after_any_call_ends_at_the_right_version_with_nothing_left_over(
    scenario: str, declaration: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deaths, found = wrongs(scenario, declaration)
    with capsys.disabled():
        print(f"\n{scenario}, {declaration}: {deaths} deaths")
    assert deaths > 50
    assert not found, "\n".join(found)
