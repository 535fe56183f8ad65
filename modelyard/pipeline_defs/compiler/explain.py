"""Puts an exception of a user's `pipeline.py`, or of the SDK under it, into one line that says where to look."""

import re
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from modelyard.pipeline_defs.compiler.errors import PipelineDefinitionError
from modelyard.pipeline_defs.compiler.references import unknown

# The SDK resolves names of steps while it compiles them, in functions with these locals, and says only the name.
_STEP_LOCALS = ("step", "condition_step", "for_each_step")
_MISSING_STEP = re.compile(r"The input steps do not contain the step of name: (.*)")


def explain(error: Exception, folder: Path, steps: Iterable[Any]) -> str:
    """Where it happened (a line of the user's, or a step) and what.

    Args:
        error: what was raised.
        folder: the pipeline's folder.
        steps: the pipeline's SDK steps, where it got that far.
    """
    refusal = next((cause for cause in _causes(error) if isinstance(cause, PipelineDefinitionError)), None)
    missing = _MISSING_STEP.fullmatch(str(error))
    if missing:
        what = f"reads or waits for {missing[1]!r}: {unknown('step', missing[1], _names(steps))}"
    else:
        what = str(refusal) if refusal else f"{type(error).__name__}: {error}"
    return _where(error, folder) + what


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _where(error: Exception, folder: Path) -> str:
    own = folder.resolve()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == own]
    if frames:
        return f"line {frames[-1].lineno}: "
    step = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        found = [frame.f_locals[name] for name in _STEP_LOCALS if hasattr(frame.f_locals.get(name), "step_type")]
        step = found[0].name if found else step
    return f"step {step!r}: " if step else ""


def _names(steps: Iterable[Any]) -> Iterator[str]:
    """The names of SDK steps, those inside conditions and loops too."""
    for step in steps:
        yield step.name
        for nested in ("if_steps", "else_steps", "for_each_body"):
            yield from _names(getattr(step, nested, None) or [])
