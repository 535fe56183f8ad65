"""``modelyard local …``."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from modelyard.local import pace
from modelyard.local.errors import LocalError

__all__ = ["ERRORS", "app"]

ERRORS = (LocalError, OSError)

app = typer.Typer(help="The local AWS: run everything on this machine, without an account.", no_args_is_help=True)

Project = Annotated[Path, typer.Option(help="The project folder; its local AWS lives in .modelyard/.")]
HERE = Path()


@app.command()
def up(
    project: Project = HERE,
    account: Annotated[str, typer.Option(help="12 digits; default: the first stage's in platform.yaml.")] = "",
    region: Annotated[str, typer.Option(help="Default: the first stage's in platform.yaml.")] = "",
    clock_factor: Annotated[
        str, typer.Option(envvar=pace.VARIABLE, help="Seconds of AWS's time that pass in a second, 1 to 600.")
    ] = "1",
    record_calls: Annotated[
        bool, typer.Option("--record-calls", help="Append each AWS call to .modelyard/calls.jsonl.")
    ] = False,
) -> None:
    """Start the local AWS in the background, with everything that it held when it was last up."""
    from modelyard.local import lifecycle, overview

    os.environ[pace.VARIABLE] = clock_factor
    pace.clock_factor()
    paths = _paths(project)
    target = lifecycle.target(paths.project, account, region)
    began = time.monotonic()
    start = lifecycle.up(paths, target, record_calls=record_calls)
    instance = start.instance
    how = f"ready in {time.monotonic() - began:.1f} s" if start.started else "already running"
    typer.echo(f"The local AWS of account {instance.account} listens on {instance.url} ({instance.region}; {how}).")
    if start.crashed:
        typer.echo(f"The one before did not end in order; {overview.restored(instance)}.")
    for stack in instance.interrupted if start.started else ():
        typer.echo(f"Half-done when it ended, marked as failed: stack {stack}.")
    typer.echo('Point AWS clients at it:  eval "$(modelyard local env)"')


@app.command()
def down(project: Project = HERE) -> None:
    """Stop the local AWS; everything in it is kept for the next ``up``."""
    from modelyard.local import lifecycle

    stopped = lifecycle.down(_paths(project))
    typer.echo("The local AWS is down." if stopped else "The local AWS was not running.")


@app.command()
def status(project: Project = HERE) -> None:
    """Show whether the local AWS runs and what is in it. Exit code 1 if it does not run."""
    from modelyard.local import lifecycle, overview

    paths = _paths(project)
    instance = lifecycle.running(paths)
    if instance is None:
        typer.echo("The local AWS is not running; start it with `modelyard local up`.")
        raise typer.Exit(1)
    overview.show(instance, paths)


@app.command()
def reset(
    project: Project = HERE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop the local AWS and forget everything in it."""
    from modelyard.local import lifecycle

    paths = _paths(project)
    if not yes:
        typer.confirm(f"Remove everything in {paths.root}?", abort=True)
    lifecycle.reset(paths)
    typer.echo("The local AWS is down and empty.")


@app.command()
def env(
    project: Project = HERE,
    as_json: Annotated[bool, typer.Option("--json", help="As a JSON object instead of shell commands.")] = False,
) -> None:
    """Print the environment of AWS clients: eval "$(modelyard local env)"."""
    from modelyard.local import environment

    instance, paths = _running(project)
    shown = json.dumps(environment.variables(instance, paths), indent=2) if as_json else None
    typer.echo(shown or environment.exports(instance, paths))


@app.command()
def image(
    uri: Annotated[str, typer.Argument(help="The image URI, as jobs and models name it.")],
    folder: Annotated[Path, typer.Argument(help="The image's folder: Dockerfile, requirements.txt, train, serve.")],
    project: Project = HERE,
) -> None:
    """Run FOLDER where a job or a model names the image URI."""
    from modelyard.local.sagemaker.jobs import images

    try:
        images.register_image(_paths(project).sagemaker, uri, folder.resolve())
    except images.ImageError as error:
        raise LocalError(str(error)) from error
    typer.echo(f"{uri} is {os.path.relpath(folder)}.")


def _paths(project: Path) -> Any:
    from modelyard.local.instance import Paths

    if not project.is_dir():
        raise LocalError(f"--project: no such folder: {project}")
    return Paths(project.resolve())


def _running(project: Path) -> Any:
    from modelyard.local import lifecycle

    paths = _paths(project)
    instance = lifecycle.running(paths)
    if instance is None:
        raise LocalError("the local AWS is not running; start it with `modelyard local up`")
    return instance, paths
