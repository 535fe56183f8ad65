"""A folder shown to one process as ``/opt/ml``, where SageMaker's containers have their files.

On Linux a mount namespace does it, for that process and what it starts. Where the system allows none (macOS, some
containers), paths in arguments and environment are rewritten instead, and ``SAGEMAKER_BASE_DIR``, which SageMaker's
own toolkits obey, names the folder; a program that has ``/opt/ml`` written into it does not find its files then.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelyard.local.namespaces import ML_ROOT, enter, namespaces_available

__all__ = ["ML_ROOT", "Mounted", "mount"]

_WRITTEN = re.compile(r"/opt/ml(?![\w.-])")


@dataclass(frozen=True)
class Mounted:
    """How to start a process that sees a folder as ``/opt/ml``.

    Give the first three to ``children.spawn``, or the first two and ``folder`` to a ``Launcher``.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    preexec: Callable[[], None] | None
    folder: Path | None

    def explain(self, output: str) -> str:
        """Why a program that failed with ``output`` may have failed, when it is this system's limit; else empty."""
        if self.preexec is not None or not _WRITTEN.search(output):
            return ""
        return (
            "The program uses the path /opt/ml itself, and this system allows no mount namespace to provide it: take "
            "the path from an argument or from the environment variable SAGEMAKER_BASE_DIR, or run on Linux with "
            "user namespaces enabled"
        )


def mount(folder: Path, command: Sequence[str], environment: Mapping[str, str]) -> Mounted:
    """``command`` with ``environment``, changed so that ``folder`` is ``/opt/ml`` to it."""
    if namespaces_available():
        return Mounted(command, environment, functools.partial(enter, folder), folder)

    def rewritten(text: str) -> str:
        return _WRITTEN.sub(lambda match: str(folder), text)

    variables = {name: rewritten(value) for name, value in environment.items()}
    return Mounted([rewritten(part) for part in command], {**variables, "SAGEMAKER_BASE_DIR": str(folder)}, None, None)
