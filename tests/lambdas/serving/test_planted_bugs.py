"""The behaviour check fails when a bug is planted, which is what makes it worth having."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest

from modelyard.lambdas.serving import desired, wake
from modelyard.lambdas.serving.desired import Packages
from modelyard.lambdas.serving.ledger import APPROVED, Approval, Records
from modelyard.lambdas.serving.registry import current
from modelyard.lambdas.serving.runtime import Runtime
from tests.lambdas.serving.behaviour import check_reviews_end_where_they_should
from tests.lambdas.serving.hook import Stage


def newest_approved(records: Records, packages: Packages) -> Iterator[Approval]:
    """Planted: the highest approved number instead of the version approved last."""
    approved = [approval for approval in current(records.approvals) if approval.status == APPROVED]
    yield from sorted(approved, key=lambda approval: approval.version, reverse=True)


def deduplicate_by_content(runtime: Runtime, endpoint_name: str, parameter_name: str, why: dict[str, str]) -> None:
    """Planted: a deduplication id of what is to be reconciled instead of the event."""
    body = {"endpoint_name": endpoint_name, "parameter_name": parameter_name}
    runtime.client("sqs").send_message(
        QueueUrl=runtime.queue_url,
        MessageBody=json.dumps({**body, "cause": why}),
        MessageGroupId=endpoint_name,
        MessageDeduplicationId=hashlib.sha256(json.dumps(body).encode()).hexdigest(),
    )


def test_deploying_the_newest_approved_version_is_noticed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desired, "_candidates", newest_approved)
    with pytest.raises(AssertionError, match="after approve 2 version 3 answers, not 2"):
        check_reviews_end_where_they_should(stage)


def test_deduplicating_by_content_is_noticed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "send", deduplicate_by_content)
    with pytest.raises(AssertionError, match="after approve 1 version Absent answers, not 1"):
        check_reviews_end_where_they_should(stage)
