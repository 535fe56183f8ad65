"""Managed spot training for the training jobs of a pipeline.

It cannot be a pipeline parameter: SageMaker takes MaxWaitTimeInSeconds with spot training, and with nothing else. See
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html.
"""

from typing import Any

from modelyard.pipeline_defs.compiler.definition import steps
from modelyard.pipeline_defs.compiler.errors import PipelineDefinitionError

LONGEST_SECONDS = 24 * 3600  # SageMaker's own where a job does not say


def apply_spot(definition: dict[str, Any]) -> None:
    """Let every training job run on spot capacity, and wait for it as long as it may run."""
    for step in steps(definition):
        if step["Type"] == "Training":
            arguments = step["Arguments"]
            condition = arguments.setdefault("StoppingCondition", {})
            seconds = condition.setdefault("MaxRuntimeInSeconds", LONGEST_SECONDS)
            if not isinstance(seconds, int):
                raise PipelineDefinitionError(
                    f"step '{step['Name']}': StoppingCondition.MaxRuntimeInSeconds is {seconds}; with spot it must "
                    "be a number, since the time to wait for capacity is reckoned from it"
                )
            condition["MaxWaitTimeInSeconds"] = 2 * seconds
            arguments["EnableManagedSpotTraining"] = True
