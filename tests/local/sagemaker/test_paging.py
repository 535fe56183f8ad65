"""The filters, the order and the pages that all lists share."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.paging import listed

RECORDS = [
    {"Name": "beta", "CreationTime": 2, "LastModifiedTime": 9, "Status": "Done"},
    {"Name": "Alpha", "CreationTime": 1, "LastModifiedTime": 8, "Status": "Done"},
    {"Name": "gamma", "CreationTime": 3, "LastModifiedTime": 7, "Status": "Failed"},
]


def names(**request: Any) -> list[str]:
    page = listed(
        request,
        RECORDS,
        answer="Items",
        name="Name",
        filters={"StatusEquals": lambda record, status: record["Status"] == status},
        sort_fields={"Modified": "LastModifiedTime"},
    )
    return [record["Name"] for record in page["Items"]]


CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["gamma", "beta", "Alpha"]),
    ({"SortOrder": "Ascending"}, ["Alpha", "beta", "gamma"]),
    ({"SortBy": "Name", "SortOrder": "Ascending"}, ["Alpha", "beta", "gamma"]),
    ({"SortBy": "Modified"}, ["beta", "Alpha", "gamma"]),
    ({"NameContains": "A"}, ["gamma", "beta", "Alpha"]),
    ({"NameContains": "LPH"}, ["Alpha"]),
    ({"StatusEquals": "Failed"}, ["gamma"]),
    ({"CreationTimeAfter": 1}, ["gamma", "beta"]),
    ({"CreationTimeBefore": 2}, ["Alpha"]),
    ({"LastModifiedTimeAfter": 7, "LastModifiedTimeBefore": 9}, ["Alpha"]),
    ({"NameContains": "none"}, []),
]


@pytest.mark.parametrize(("request_", "expected"), CASES)
def test_a_list_is_filtered_and_sorted_as_asked(request_: dict[str, Any], expected: list[str]) -> None:
    assert names(**request_) == expected


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_pages_together_are_the_whole_list(size: int) -> None:
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = listed({"MaxResults": size, **token}, RECORDS, answer="Items", name="Name")
        assert len(page["Items"]) <= size
        found += [record["Name"] for record in page["Items"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == ["gamma", "beta", "Alpha"]


def test_a_page_has_the_operations_size_when_none_is_asked_for() -> None:
    many = [{"Name": f"n{number:03}", "CreationTime": number, "LastModifiedTime": number} for number in range(101)]
    page = listed({}, many, answer="Items", name="Name")
    assert len(page["Items"]) == 100
    rest = listed({"NextToken": page["NextToken"]}, many, answer="Items", name="Name")
    assert [record["Name"] for record in rest["Items"]] == ["n000"]


@pytest.mark.parametrize("token", ["?", "bm90IGpzb24", "WyJhIl0", "e30"])
def test_a_token_that_no_list_gave_is_refused(token: str) -> None:
    with pytest.raises(ValidationException) as refused:
        listed({"NextToken": token}, RECORDS, answer="Items", name="Name")
    assert refused.value.message == f"Invalid NextToken '{token}'"
