"""Spot capacity, which a stage asks for every training job of a pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.pipeline_defs.compiler.errors import PipelineDefinitionError
from modelyard.pipeline_defs.compiler.spot import apply_spot


def definition(**arguments: Any) -> dict[str, Any]:
    return {"Steps": [{"Name": "Train", "Type": "Training", "Arguments": arguments}]}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 3600}}, (3600, 7200)),
        ({}, (86400, 172800)),
    ],
)
def test_a_job_may_wait_for_capacity_as_long_as_it_may_run(
    condition: dict[str, Any], expected: tuple[int, int]
) -> None:
    asked = definition(**condition)
    apply_spot(asked)
    arguments = asked["Steps"][0]["Arguments"]
    limits = arguments["StoppingCondition"]
    assert arguments["EnableManagedSpotTraining"] is True
    assert (limits["MaxRuntimeInSeconds"], limits["MaxWaitTimeInSeconds"]) == expected


def test_a_run_time_that_is_a_parameter_is_refused() -> None:
    asked = definition(StoppingCondition={"MaxRuntimeInSeconds": {"Get": "Parameters.Hours"}})
    with pytest.raises(PipelineDefinitionError) as caught:
        apply_spot(asked)
    assert str(caught.value) == (
        "step 'Train': StoppingCondition.MaxRuntimeInSeconds is {'Get': 'Parameters.Hours'}; with spot it must be a "
        "number, since the time to wait for capacity is reckoned from it"
    )
