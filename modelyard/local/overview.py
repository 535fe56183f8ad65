"""What ``modelyard local status`` shows."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from modelyard.local.environment import client
from modelyard.local.instance import Instance, Paths

__all__ = ["restored", "show"]


def show(instance: Instance, paths: Paths) -> None:
    """Print where the local AWS listens, its state, and the stacks, pipelines and endpoints in it."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("URL", instance.url)
    table.add_row("Account", f"{instance.account} in {instance.region}")
    table.add_row("Process", str(instance.pid))
    table.add_row("State", str(paths.root))
    table.add_row("Log", str(paths.log))
    stacks = client(instance, "cloudformation").describe_stacks()["Stacks"]
    table.add_row("Stacks", _names(stacks, "StackName", "StackStatus"))
    sagemaker = client(instance, "sagemaker")
    for title, operation, key, name, state in _LISTS:
        found = getattr(sagemaker, operation)()[key]
        table.add_row(title, _names(found, name, state))
    Console().print(table)


_LISTS = (
    ("Pipelines", "list_pipelines", "PipelineSummaries", "PipelineName", ""),
    ("Endpoints", "list_endpoints", "Endpoints", "EndpointName", "EndpointStatus"),
)


def _names(items: list[dict[str, Any]], name: str, state: str) -> str:
    return "\n".join(f"{item[name]} {item.get(state, '')}".strip() for item in items) or "none"


def restored(instance: Instance) -> str:
    """Where the state comes from, with its age: ``restored the snapshot taken 0:00:12 ago``."""
    if instance.restored_from is None:
        return "there was no snapshot, so it starts empty"
    return f"restored the snapshot taken {timedelta(seconds=int(time.time() - instance.restored_from))} ago"
