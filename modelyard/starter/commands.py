"""``modelyard init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelyard.starter.errors import StarterError

__all__ = ["ERRORS", "app"]

ERRORS = (StarterError, OSError)

app = typer.Typer(help="Start a repository of your own.", no_args_is_help=True)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New, or empty but for .git.", show_default=False)],
    project: Annotated[str, typer.Option(help="Name of the ML project. Default: the template's.")] = "",
    template: Annotated[str, typer.Option(help="The example that its pipeline begins as.")] = "abalone",
    account: Annotated[str, typer.Option(help="AWS account of the stage dev, 12 digits.")] = "111122223333",
    region: Annotated[str, typer.Option(help="AWS region of the stage dev.")] = "us-east-1",
) -> None:
    """Write the repository of an ML project of your own: settings, pipeline, app, tests, CI; all of it or nothing."""
    from modelyard.starter.repository import Choices, write_repository

    choices = Choices(template=template, project=project or template, account=account, region=region)
    write_repository(folder, choices)
    typer.echo(f"{folder} holds the project {choices.project}. What next:  cd {folder} && make verify")
    typer.echo(f"Where your package index does not have modelyard, copy its wheel to {folder}/wheels/ first.")
