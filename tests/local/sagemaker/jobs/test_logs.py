"""What `aws logs tail` shows of a job: the calls that the AWS CLI 2 makes, since the CLI 1 has no such command."""

from __future__ import annotations

import time
from typing import Any

from tests.local.sagemaker.lab import Lab

GROUP = "/aws/sagemaker/ProcessingJobs"


def tail(lab: Lab, since: float, **filters: str) -> list[tuple[str, str]]:
    """Stream and message of each event that `aws logs tail GROUP --since TIME` finds, page by page."""
    call: dict[str, Any] = {"logGroupName": GROUP, "interleaved": True, "startTime": int(since * 1000), **filters}
    pages = lab.aws.client("logs").get_paginator("filter_log_events").paginate(**call)
    return [(event["logStreamName"], event["message"]) for page in pages for event in page["events"]]


def test_the_output_of_a_job_is_tailed_in_its_order_by_group_and_by_the_name_of_the_job(lab: Lab) -> None:
    since = time.time()
    one, two = (
        lab.run_processing(**lab.processing(f"print('{word} begins')\nprint('{word} ends')"))["ProcessingJobName"]
        for word in ("first", "second")
    )
    found = [item for item in tail(lab, since) if item[0].startswith((one, two))]
    assert [message for _, message in found] == ["first begins", "first ends", "second begins", "second ends"]
    by_name = tail(lab, since, logStreamNamePrefix=f"{two}/")
    assert [message for _, message in by_name] == ["second begins", "second ends"]
    assert {stream.partition("/")[0] for stream, _ in by_name} == {two}
    assert tail(lab, since, logStreamNamePrefix="no-such-job/") == []


def test_what_was_printed_before_the_time_asked_for_is_left_out(lab: Lab) -> None:
    lab.run_processing(**lab.processing("print('long ago')"))
    assert "long ago" not in {message for _, message in tail(lab, time.time() + 1)}
