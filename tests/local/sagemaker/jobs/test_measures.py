"""What a job's metric definitions find in its output."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from modelyard.local.sagemaker.jobs.measures import NAMESPACE, Measures
from tests.local.sagemaker.lab import Lab

DEFINITIONS = [{"Name": "wer", "Regex": "wer=([0-9.einfa+-]+)"}, {"Name": "loss", "Regex": "loss=([0-9.]+)?;"}]


def test_the_first_group_of_the_last_line_that_matches_is_the_value() -> None:
    measures = Measures("job", DEFINITIONS)
    assert not measures.see("epoch 1", 1.0)
    assert measures.see("loss=3.5;", 2.0)
    assert measures.see("wer=2.5e-1 loss=2.25; wer=9", 3.0)
    assert measures.last == [
        {"MetricName": "wer", "Value": 0.25, "Timestamp": 3.0},
        {"MetricName": "loss", "Value": 2.25, "Timestamp": 3.0},
    ]


def test_what_is_no_finite_number_is_no_value() -> None:
    measures = Measures("job", [*DEFINITIONS, {"Name": "groupless", "Regex": "epoch"}])
    for line in ("wer=nan", "wer=inf", "wer=e", "loss=;", "epoch 7"):
        assert not measures.see(line, 1.0)
    assert measures.last == []


def test_the_values_of_a_job_are_described_with_it_and_published_to_cloudwatch(lab: Lab) -> None:
    arguments = lab.training("for wer in (0.9, 0.5, 0.1): print(f'val_wer={wer}')")
    definitions = [{"Name": "validation:wer", "Regex": "val_wer=([0-9.]+)"}, {"Name": "never", "Regex": "x=(1)"}]
    arguments["AlgorithmSpecification"]["MetricDefinitions"] = definitions

    job = lab.run_training(**arguments)

    (metric,) = job["FinalMetricDataList"]
    assert (metric["MetricName"], round(metric["Value"], 6)) == ("validation:wer", 0.1)
    found = lab.aws.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName="validation:wer",
        Dimensions=[{"Name": "TrainingJobName", "Value": job["TrainingJobName"]}],
        StartTime=datetime.now(UTC) - timedelta(hours=1),
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
        Period=3600,
        Statistics=["SampleCount", "Minimum", "Maximum"],
    )["Datapoints"]
    assert sum(point["SampleCount"] for point in found) == 3
    assert (min(point["Minimum"] for point in found), max(point["Maximum"] for point in found)) == (0.1, 0.9)
