"""What ``modelyard local status`` shows."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from modelyard.local.environment import client
from modelyard.local.instance import Instance, Paths

__all__ = ["restored", "show"]

# title, service, list operation, the list's member, an item's name, its state
LISTS = (
    ("Stacks", "cloudformation", "describe_stacks", "Stacks", "StackName", "StackStatus"),
    ("Pipelines", "sagemaker", "list_pipelines", "PipelineSummaries", "PipelineName", None),
    ("Endpoints", "sagemaker", "list_endpoints", "Endpoints", "EndpointName", "EndpointStatus"),
)


def show(instance: Instance, paths: Paths) -> None:
    """Print where the local AWS listens, how old it and its last snapshot are, and what is in it."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("URL", instance.url)
    table.add_row("Account", f"{instance.account} in {instance.region}")
    table.add_row("Process", f"{instance.pid}, up for {_age(instance.up_since)}")
    table.add_row("State", f"{paths.state}, kept {_age(_kept_at(paths))} ago")
    table.add_row("Log", str(paths.log))
    for title, service, operation, member, name, state in LISTS:
        pages = client(instance, service).get_paginator(operation).paginate()
        items = [item for page in pages for item in page[member]]
        table.add_row(title, _names(items, name, state))
    Console(soft_wrap=True).print(table)


def restored(instance: Instance) -> str:
    """Where the state comes from, with its age: ``restored the snapshot taken 0:00:12 ago``."""
    if instance.restored_from is None:
        return "there was no snapshot, so it starts empty"
    return f"restored the snapshot taken {_age(instance.restored_from)} ago"


def _kept_at(paths: Paths) -> float:
    try:
        return float(json.loads((paths.state / "snapshot.json").read_text())["taken_at"])
    except FileNotFoundError:
        return time.time()


def _age(moment: float) -> timedelta:
    return timedelta(seconds=int(time.time() - moment))


def _names(items: list[dict[str, Any]], name: str, state: str | None) -> str:
    return "\n".join(f"{item[name]} {item[state] if state else ''}".strip() for item in items) or "none"
