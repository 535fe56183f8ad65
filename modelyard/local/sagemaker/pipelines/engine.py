"""The component ``pipelines``: the executions that run now."""

from __future__ import annotations

from modelyard.local.sagemaker.context import Context, Record, SageMaker
from modelyard.local.sagemaker.pipelines.definition import Definition
from modelyard.local.sagemaker.pipelines.execution import Execution
from modelyard.local.sagemaker.pipelines.records import ENDED, executions, set_execution_status, set_step_status

__all__ = ["PipelineEngine"]

INTERRUPTED = "InternalServerError: the execution was interrupted because the local AWS ended"


class PipelineEngine:
    """Starts and stops executions."""

    def __init__(self, service: SageMaker) -> None:
        self._service = service
        self._running: dict[str, Execution] = {}

    def start(self, context: Context, record: Record, definition: Definition) -> None:
        """Run the execution ``record`` in the background."""
        self._running = {arn: run for arn, run in self._running.items() if not run.finished.is_set()}
        execution = Execution(context, record, definition)
        self._running[record["PipelineExecutionArn"]] = execution
        execution.start()

    def stop(self, arn: str) -> None:
        """Ask the execution ``arn`` to stop; returns at once. The lock is held."""
        self._running[arn].stop()

    def wait(self, arn: str) -> None:
        """Wait until the execution ``arn`` has ended; returns at once for one that is not running."""
        execution = self._running.get(arn)
        if execution is not None:
            execution.finished.wait()

    def restored(self) -> None:
        """Mark executions that the kept state calls running as interrupted."""
        for context in self._service.contexts():
            for record in executions(context).values():
                for step in record["_Steps"].values():
                    if step["StepStatus"] not in ENDED:
                        set_step_status(context, record, step, "Failed", INTERRUPTED)
                if record["PipelineExecutionStatus"] not in ENDED:
                    set_execution_status(context, record, "Failed", INTERRUPTED)

    def close(self) -> None:
        """Start no step any more."""
        for execution in self._running.values():
            execution.close()
