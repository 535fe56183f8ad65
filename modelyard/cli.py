"""The command line ``modelyard``: a thin composition; a group of commands is imported when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import typer

__all__ = ["GROUPS", "main"]

# Group name -> the module that holds its Typer application as `app` and, as `ERRORS`, the exceptions that are mistakes
# of the caller: shown as one line, without a traceback.
GROUPS = {
    "data": "modelyard.data",
    "local": "modelyard.local.commands",
}


def main() -> None:
    """Run the command line; exit code 2 and one line on stderr for what the caller got wrong."""
    app = typer.Typer(
        name="modelyard",
        help="An ML platform on AWS as code.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_show_help)
    called = next((word for word in sys.argv[1:] if word in GROUPS), None)
    errors: tuple[type[Exception], ...] = ()
    for name in [called] if called else list(GROUPS):
        module = importlib.import_module(GROUPS[name])
        app.add_typer(module.app, name=name)
        errors += tuple(module.ERRORS)
    try:
        app()
    except errors as error:
        _fail(error)


def _show_help() -> None:
    # A callback keeps Typer from collapsing an application with one group into that group.
    return


def _fail(error: Exception) -> NoReturn:
    print(f"modelyard: {error}", file=sys.stderr)
    sys.exit(2)
