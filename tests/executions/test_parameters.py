"""Values of pipeline parameters."""

from __future__ import annotations

import pytest

from modelyard.executions.parameters import Parameter, given


@pytest.mark.parametrize(
    ("type", "good", "bad"),
    [
        ("Integer", ["3", "-3", "007"], ["3.0", "1e3", "", "three", "3 "]),
        ("Float", ["3", "2.5", ".5", "-1e-3"], ["", ".", "2,5", "nan", "x"]),
        ("Boolean", ["true", "false"], ["True", "yes", "1", ""]),
        ("String", ["", "two\nlines", "a=b"], []),
    ],
)
def test_a_parameter_takes_what_sagemaker_reads_as_its_type(type: str, good: list[str], bad: list[str]) -> None:
    parameter = Parameter("P", type)
    assert [text for text in good + bad if parameter.takes(text)] == good


def test_a_number_in_other_letters_is_the_default_still() -> None:
    assert Parameter("P", "Float", 2.5).is_default("2.50")
    assert Parameter("P", "Boolean", False).is_default("false")
    assert not Parameter("P", "Float", 2.5).is_default("2.6")
    assert not Parameter("P", "String").is_default("")


def test_a_value_may_hold_what_parts_it_from_its_name() -> None:
    assert given(["Query=a=b", "Empty="]) == {"Query": "a=b", "Empty": ""}
