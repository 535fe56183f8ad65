"""The command line ``modelyard``: a thin composition; a group of commands is imported when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import Any, NoReturn

import typer

__all__ = ["GROUPS", "main"]

# Group name -> the module that holds its Typer application as `app` and, as `ERRORS`, the exceptions that are mistakes
# of the caller: shown as one line, without a traceback. Those of `TOP_LEVEL` are called without a group.
TOP_LEVEL = (
    "modelyard.starter.commands",
    "modelyard.executions.commands",
    "modelyard.approvals.commands",
    "modelyard.promotion.commands",
)
GROUPS = {
    "data": "modelyard.data.commands",
    "local": "modelyard.local.commands",
    "config": "modelyard.config.commands",
}

# What Typer raises when it is called wrongly; of that family it exports only this child.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def main() -> None:
    """Run the command line; exit code 2 and one line on stderr for what the caller got wrong."""
    app = typer.Typer(
        name="modelyard",
        help="An ML platform on AWS as code.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_show_help)
    called = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    groups: list[tuple[str | None, str]] = [*((None, path) for path in TOP_LEVEL), *GROUPS.items()]
    if called in GROUPS:
        groups = [(called, GROUPS[called])]
    errors: tuple[type[Exception], ...] = ()
    for name, path in groups:
        module = importlib.import_module(path)
        app.add_typer(module.app, name=name)
        errors += tuple(module.ERRORS)
    try:
        # In Typer's own mode wrong usage takes four lines.
        sys.exit(app(prog_name="modelyard", standalone_mode=False))
    except _UsageError as error:
        _fail(_usage(error))
    except typer.Abort:
        _fail("modelyard: nothing was done", code=1)
    except errors as error:
        _fail(f"modelyard: {error}")


def _show_help() -> None:
    # A callback keeps Typer from collapsing an application with one group into that group.
    return


def _usage(error: Any) -> str:
    """What was wrong in one line, or the help of a group that was called without a command."""
    text = str(error.format_message())
    if "\n" in text:
        return text
    hint = f"; see {error.ctx.command_path} --help" if error.ctx else ""
    return f"modelyard: {text.rstrip('.?')}{hint}"


def _fail(text: str, code: int = 2) -> NoReturn:
    print(text, file=sys.stderr)
    sys.exit(code)
