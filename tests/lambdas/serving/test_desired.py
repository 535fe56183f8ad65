"""Which version should serve: the eligible one that was approved last."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.lambdas.serving.desired import Target, choose
from modelyard.lambdas.serving.ledger import (
    APPROVED,
    CAPACITY,
    FAILED,
    PENDING,
    REJECTED,
    SUCCEEDED,
    SUPERSEDED,
    Approval,
    Hold,
    Records,
)
from modelyard.lambdas.serving.registry import Package
from tests.lambdas.serving.review import Review
from tests.lambdas.serving.samples import (
    CREATED,
    DECLARATION,
    DECLARED,
    FakePackages,
    approval,
    arn,
    at,
    attempt,
    config,
    package,
)

AGAIN = "2@2026-11-22T12:00:00.000Z"


def chosen(records: Records, *packages: Package, live: str | None = None) -> int | None:
    """The version that is chosen, or None."""
    target = choose(DECLARED, records, FakePackages(packages), live)
    return target.approval.version if target else None


def test_the_version_approved_last_is_chosen_not_the_highest_number() -> None:
    records = Records([approval(1, 30), approval(2, 10), approval(3, 20)])
    assert chosen(records, package(1), package(2), package(3)) == 1


def test_the_order_in_which_approvals_were_recorded_does_not_matter() -> None:
    records = Records([approval(2, 20), approval(1, 10)])
    assert chosen(records, package(1), package(2)) == 2


def test_approving_an_older_version_again_takes_the_endpoint_back() -> None:
    records = Records([approval(1, 10), approval(2, 20), approval(1, 30)])
    assert chosen(records, package(1), package(2)) == 1


def test_a_rejected_version_gives_way_to_the_one_before() -> None:
    records = Records([approval(1, 10), approval(2, 20), approval(2, 30, REJECTED)])
    assert chosen(records, package(1), package(2, REJECTED)) == 1


def test_the_registry_has_the_last_word_where_the_ledger_missed_a_rejection() -> None:
    records = Records([approval(1, 10), approval(2, 20)])
    assert chosen(records, package(1), package(2, REJECTED)) == 1


def test_the_best_candidate_is_described_even_if_the_listing_does_not_show_it_approved_yet() -> None:
    packages = FakePackages([package(1), package(2)])
    packages.is_approved = lambda arn: False  # type: ignore[method-assign]
    target = choose(DECLARED, Records([approval(1, 10), approval(2, 20)]), packages, None)
    assert target and target.approval.version == 2


def test_the_usual_choice_describes_one_package() -> None:
    packages = FakePackages([package(1), package(2), package(3)])
    choose(DECLARED, Records([approval(1, 10), approval(2, 20), approval(3, 30)]), packages, None)
    assert packages.described == [arn(3)]


@pytest.mark.parametrize("status", ["Pending", "InProgress", "Failed", "Deleting"])
def test_a_version_that_is_not_registered_completely_is_not_eligible(status: str) -> None:
    records = Records([approval(1, 10), approval(2, 20)])
    assert chosen(records, package(1), package(2, status=status)) == 1


def test_a_deleted_version_is_not_eligible() -> None:
    assert chosen(Records([approval(1, 10), approval(2, 20)]), package(1)) == 1


def test_an_approval_of_a_group_that_was_made_anew_is_not_an_approval_of_its_versions() -> None:
    assert chosen(Records([approval(1, 10)]), package(1, created="2026-11-23T00:00:00Z")) is None


def test_nothing_approved_gives_nothing() -> None:
    assert chosen(Records()) is None
    assert chosen(Records([approval(1, 10, REJECTED), approval(2, 10, PENDING)]), package(1), package(2)) is None


def test_a_failed_attempt_gives_way_to_the_version_before() -> None:
    records = Records([approval(1, 10), approval(2, 20)])
    records.attempts = [attempt(1, records.approvals[0], SUCCEEDED), attempt(2, records.approvals[1], FAILED)]
    assert chosen(records, package(1), package(2)) == 1


def test_approving_a_failed_version_anew_makes_it_eligible() -> None:
    records = Records([approval(1, 10), approval(2, 20), approval(2, 30)])
    records.attempts = [attempt(1, records.approvals[1], FAILED)]
    assert chosen(records, package(1), package(2)) == 2


def test_declaring_anew_makes_a_failed_version_eligible() -> None:
    records = Records([approval(2, 20)])
    records.attempts = [attempt(1, records.approvals[0], FAILED)]
    assert choose(DECLARED, records, FakePackages([package(2)]), None) is None
    assert choose(replace(DECLARED, id=AGAIN), records, FakePackages([package(2)]), None) is not None


def test_new_content_makes_a_failed_version_eligible() -> None:
    records = Records([approval(2, 20)])
    records.attempts = [attempt(1, records.approvals[0], FAILED)]
    assert chosen(records, package(2, content={"Containers": [{"Image": "mended"}]})) == 2


@pytest.mark.parametrize("outcome", [SUPERSEDED, CAPACITY, SUCCEEDED])
def test_only_failure_makes_a_version_ineligible(outcome: str) -> None:
    records = Records([approval(1, 10), approval(2, 20)])
    records.attempts = [attempt(1, records.approvals[1], outcome)]
    assert chosen(records, package(1), package(2)) == 2


@pytest.mark.parametrize(("misses", "seconds"), [(0, 0), (1, 300), (2, 600), (3, 1200), (5, 3600), (40, 3600)])
def test_a_lack_of_capacity_is_waited_for_longer_each_time(misses: int, seconds: float) -> None:
    records = Records([approval(2, 20)])
    records.attempts = [attempt(number, records.approvals[0], CAPACITY) for number in range(misses)]
    target = choose(DECLARED, records, FakePackages([package(2)]), None)
    assert target and target.back_off == seconds


def test_approvals_of_one_second_are_told_apart_by_when_the_registry_was_changed() -> None:
    records = Records([approval(1, 10), approval(2, 10)])
    assert chosen(records, package(1, modified=at(10.8)), package(2, modified=at(10.3))) == 1


def test_a_roll_back_in_the_second_of_an_approval_counts_as_later() -> None:
    records = Records([approval(1, 9), approval(2, 10), approval(1, 10.9, source="rollback")])
    assert chosen(records, package(1, modified=at(9.5)), package(2, modified=at(10.7))) == 1


def test_where_that_does_not_help_the_higher_version_wins() -> None:
    records = Records([approval(1, 10), approval(2, 10)])
    assert chosen(records, package(1, modified=at(99)), package(2, modified=at(99))) == 2


def test_a_version_withdrawn_and_approved_in_one_second_is_what_the_registry_says() -> None:
    records = Records([approval(1, 10), approval(1, 10, REJECTED)])
    assert chosen(records, package(1)) == 1
    assert chosen(records, package(1, REJECTED)) is None


def hold(version: int | None = None) -> Hold:
    return Hold(at(50), 1, package_arn=arn(version) if version else "", created=CREATED if version else "")


def test_a_pin_chooses_its_version_whatever_is_approved_later() -> None:
    records = Records([approval(1, 10), approval(2, 20)], holds=[hold(1)])
    assert chosen(records, package(1), package(2)) == 1


def test_a_pinned_version_that_is_no_longer_approved_is_not_chosen_and_nor_is_another() -> None:
    records = Records([approval(1, 10), approval(2, 20)], holds=[hold(1)])
    assert chosen(records, package(1, REJECTED), package(2)) is None


def test_after_the_release_of_a_pin_the_version_approved_last_is_chosen() -> None:
    records = Records([approval(1, 10), approval(2, 20)], holds=[hold(1), Hold(at(60), 0)])
    assert chosen(records, package(1), package(2)) == 2


def adopted(version: int, second: float) -> Approval:
    plain = approval(version, second, source="adopted", config_name="by-hand", declaration_id=DECLARED.id)
    return plain if version else replace(plain, package_arn="", created="")


def test_an_adopted_config_is_left_as_it_is() -> None:
    records = Records([adopted(1, 50), approval(2, 20)])
    target = choose(DECLARED, records, FakePackages([package(1), package(2)]), "by-hand")
    assert target and (target.approval.version, target.config_name) == (1, "by-hand")


def test_an_adopted_version_gets_its_own_config_once_it_is_declared_anew() -> None:
    declared = replace(DECLARED, id=AGAIN, declaration=replace(DECLARATION, instance_count=2))
    target = choose(declared, Records([adopted(1, 50)]), FakePackages([package(1)]), "by-hand")
    assert target and target.config_name == config(1, declared)


def test_an_adopted_endpoint_of_unknown_origin_is_left_until_something_is_approved() -> None:
    records = Records([adopted(0, 50), approval(2, 20)])
    assert choose(DECLARED, records, FakePackages([package(2)]), "by-hand") == Target(records.approvals[0], "by-hand")
    records.approvals.append(approval(2, 60))
    assert chosen(records, package(2), live="by-hand") == 2


HISTORY = st.lists(st.tuples(st.sampled_from(["approve", "reject", "fail"]), st.integers(1, 4)), max_size=14)


@given(history=HISTORY, shuffle=st.randoms(use_true_random=False), lost=st.sets(st.integers(0, 13)))
def test_any_history_of_reviews_ends_at_the_version_that_an_independent_model_names(
    history: list[tuple[str, int]], shuffle: object, lost: set[int]
) -> None:
    """Events arrive five times and in any order; a lost rejection is made good by the registry itself."""
    model, records = Review(), Records()
    told: list[Approval] = []
    status = dict.fromkeys(range(1, 5), PENDING)
    for second, (verb, version) in enumerate(history):
        if verb == "fail":
            latest = max((item for item in told if item.version == version), key=lambda item: item.at, default=None)
            if latest and status[version] == APPROVED:
                records.attempts.append(attempt(len(records.attempts) + 1, latest, FAILED))
        else:
            status[version] = APPROVED if verb == "approve" else REJECTED
            seen = approval(version, second, status[version])
            if verb == "approve" or second not in lost:
                told.append(seen)
        model.do(verb, version)
    deliveries = told * 5
    shuffle.shuffle(deliveries)  # type: ignore[attr-defined]
    records.approvals = sorted({item.key: item for item in deliveries}.values(), key=lambda item: item.key)
    assert chosen(records, *(package(version, status[version]) for version in status)) == model.answer
