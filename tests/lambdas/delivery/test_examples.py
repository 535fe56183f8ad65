"""Recorded examples: what is a file of them, and which answers are near enough."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from modelyard.lambdas.delivery.examples import MAX_BYTES, ExamplesError, Tolerance, parse, word_error_rate

CSV, JSON = "text/csv", "application/json"
EXAMPLE = {"name": "a", "content_type": CSV, "accept": CSV, "body": "1", "answer": "2"}
NUMBERS = Tolerance(relative=0.01, absolute=0.001)


def file(**changed: Any) -> bytes:
    return json.dumps({"version": 1, "tolerance": {"relative": 0.1}, "examples": [EXAMPLE], **changed}).encode()


@pytest.mark.parametrize(
    ("expected", "received", "form", "near"),
    [
        ("7.0\n", "7.05", CSV, True),
        ("7.0\n", "7.2\n", CSV, False),
        ("0\n", "0.0009", CSV, True),
        ("7\n8\n", "7\n", CSV, False),
        ("7,a\n", "7.01, a\n", CSV, True),
        ("7,a\n", "7,b\n", CSV, False),
        ("7\n", "nan\n", CSV, False),
        ('{"predictions": [1, [2.0]]}', '{"predictions": [1.001, [2]]}', JSON, True),
        ('{"predictions": [1]}', '{"predictions": [1, 1]}', JSON, False),
        ('{"predictions": [1]}', '{"scores": [1]}', JSON, False),
        ('{"fine": true}', '{"fine": 1.0}', JSON, True),
        ('{"fine": true}', '{"fine": false}', JSON, False),
        ('{"a": 1}', "no JSON", JSON, False),
        ('{"a": 1}', '["a"]', JSON, False),
    ],
)
def test_numbers_are_near_within_the_tolerance_and_all_else_is_equal(
    expected: str, received: str, form: str, near: bool
) -> None:
    assert NUMBERS.allows(expected, received, form) is near


def test_text_is_near_by_its_word_error_rate() -> None:
    quarter = Tolerance(word_error_rate=0.25)
    assert quarter.allows("one two three four", "one two tree four", "text/plain")
    assert not quarter.allows("one two three four", "one two tree for", "text/plain")
    assert quarter.allows("", "", "text/plain")
    assert word_error_rate("a b", "") == 1
    assert word_error_rate("", "a b") == 2


def test_a_file_holds_requests_and_answers() -> None:
    second = {"content_type": "audio/wav", "accept": "text/plain", "body_base64": "/wA=", "answer": ""}
    examples = parse(file(examples=[EXAMPLE, second]))
    assert [(each.name, each.body, each.answer) for each in examples] == [
        ("a", b"1", "2"),
        ("examples[1]", b"\xff\0", ""),
    ]
    assert {str(each.tolerance) for each in examples} == {"relative 0.1, absolute 0"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"[]", "version: received []; allowed: 1"),
        (file(version=2), "version: received 2; allowed: 1"),
        (file(examples=[]), "examples: the list is missing or empty"),
        (file(examples=[1]), "examples[0]: received 1; allowed: an object"),
        (file(examples=[{**EXAMPLE, "answer": 2}]), "examples[0].answer: received 2; allowed: a text"),
        (
            file(examples=[{**EXAMPLE, "body_base64": "AA=="}]),
            "examples[0]: has body and body_base64; allowed: either body or body_base64",
        ),
        (
            file(examples=[{name: EXAMPLE[name] for name in ("content_type", "accept", "answer")}]),
            "examples[0]: has no body; allowed: either body or body_base64",
        ),
        (b" " * (MAX_BYTES + 1), "262145 bytes; at most 262144 are allowed"),
    ],
)
def test_a_file_of_another_form_is_told(content: bytes, told: str) -> None:
    with pytest.raises(ExamplesError) as caught:
        parse(content)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    "tolerance",
    [None, {}, {"relative": -1}, {"relative": True}, {"relative": 1, "word_error_rate": 1}, {"wer": 1}, 0.1],
)
def test_a_tolerance_is_of_numbers_or_of_text(tolerance: Any) -> None:
    with pytest.raises(ExamplesError) as caught:
        parse(file(tolerance=tolerance))
    allowed = "allowed: relative and absolute, or word_error_rate, numbers from 0"
    assert str(caught.value) == f"tolerance: received {json.dumps(tolerance)}; {allowed}"


def test_a_body_in_base64_that_is_none_is_told() -> None:
    bad = {**EXAMPLE, "body_base64": base64.b64encode(b"abc").decode()[:-1]}
    bad.pop("body")
    with pytest.raises(ExamplesError, match=r"examples\[0\]\.body_base64: no base64: "):
        parse(file(examples=[bad]))
