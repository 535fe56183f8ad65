"""How commands speak: where they print, and how they leave."""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn

import typer

__all__ = ["INTERRUPTED", "console", "leave", "print_json"]

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

_WIDE = 240  # columns


def console() -> Any:
    """Where commands print: tables fill a terminal, and elsewhere are wide enough to be read line by line."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=_WIDE)


def leave(text: str, code: int) -> NoReturn:
    """End the command with a line on stderr and an exit code."""
    typer.echo(text, err=True)
    raise typer.Exit(code)


def print_json(value: Any) -> None:
    """Print `value` as JSON; what JSON does not have, as text."""
    json.dump(value, sys.stdout, indent=2, default=str)
    typer.echo()
