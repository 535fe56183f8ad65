"""``modelyard approve | reject | rollback | hold | release | history | status``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelyard.approvals.errors import ApprovalError, explained
from modelyard.terminal import INTERRUPTED, console, leave, print_json

if TYPE_CHECKING:
    from modelyard.approvals.connection import Connection
    from modelyard.approvals.endpoint import ProjectEndpoint
    from modelyard.approvals.progress import Outcome
    from modelyard.approvals.reviews import Asked

__all__ = ["ERRORS", "app"]

ERRORS = (ApprovalError,)

app = typer.Typer(help="Review versions and take them back.", no_args_is_help=True)

Project = Annotated[str, typer.Argument(help="A project, or the full name of its endpoint.", show_default=False)]
Version = Annotated[str, typer.Argument(help="Its number. Default: the newest that awaits review.")]
Stage = Annotated[str, typer.Option(help="Default: the only stage of ./platform.yaml.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever reads the history.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Only ask; do not follow what comes of it.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command()
def approve(
    project: Project, version: Version = "", stage: Stage = "", reason: Reason = "", no_wait: NoWait = False
) -> None:
    """Approve a version and follow it into service. Exit code 1 if it does not come to serve."""
    with explained():
        from modelyard.approvals import reviews

        endpoint = _endpoint(project, stage)
        _finish(endpoint, reviews.approve(endpoint, version, reason), no_wait)


@app.command()
def reject(
    project: Project, version: Version = "", stage: Stage = "", reason: Reason = "", no_wait: NoWait = False
) -> None:
    """Reject a version; if it serves, the one approved before it comes back. Exit code 1 if it goes on serving."""
    with explained():
        from modelyard.approvals import reviews

        endpoint = _endpoint(project, stage)
        _finish(endpoint, reviews.reject(endpoint, version, reason), no_wait)


@app.command()
def rollback(
    project: Project,
    to: Annotated[str, typer.Option(help="The version. Default: the one that served before the present one.")] = "",
    stage: Stage = "",
    reason: Reason = "",
    no_wait: NoWait = False,
) -> None:
    """Take the endpoint back to the version that served before. Exit code 1 if that does not come to serve."""
    with explained():
        from modelyard.approvals import reviews

        endpoint = _endpoint(project, stage)
        _finish(endpoint, reviews.rollback(endpoint, to, reason), no_wait)


@app.command()
def hold(
    project: Project,
    reason: Reason = "",
    version: Annotated[str, typer.Option(help="Pin the endpoint to this version. Default: keep it as it is.")] = "",
    stage: Stage = "",
) -> None:
    """Let no approval change the endpoint until it is released."""
    with explained():
        from modelyard.approvals import reviews

        endpoint = _endpoint(project, stage)
        held = reviews.hold(endpoint, reason, version)
    what = f"pinned to version {held.version}" if held.package_arn else "held as it is"
    typer.echo(f"{endpoint.name} is {what}; end that with: modelyard release {endpoint.name}")


@app.command()
def release(project: Project, stage: Stage = "", reason: Reason = "") -> None:
    """End a hold: the endpoint goes to the version that was approved last."""
    with explained():
        from modelyard.approvals import reviews

        endpoint = _endpoint(project, stage)
        reviews.release(endpoint, reason)
    typer.echo(f"{endpoint.name} is released; look: modelyard status {endpoint.name}")


@app.command()
def history(project: Project, stage: Stage = "", as_json: AsJson = False) -> None:
    """Show which versions an endpoint was taken to, when, why, by whom, and how that ended."""
    with explained():
        from modelyard.approvals import reports

        connection, name = _connect(project, stage)
        happenings = reports.history(connection, name)
    _print(happenings, as_json, reports.history_table, f"nothing has happened to {name} yet")


@app.command()
def status(
    project: Annotated[str, typer.Argument(help="A project or endpoint. Default: all of the stage.")] = "",
    stage: Stage = "",
    as_json: AsJson = False,
) -> None:
    """Show which version is desired, which serves, and what the endpoint is doing."""
    with explained():
        from modelyard.approvals import reports

        connection, name = _connect(project, stage)
        standings = reports.status(connection, name)
    _print(standings, as_json, reports.status_table, f"stage {connection.stage} declares no endpoint")


def _connect(project: str, stage: str) -> tuple[Connection, str]:
    from modelyard.approvals.connection import Connection
    from modelyard.approvals.place import find_place, split_name

    name, stage = split_name(project, stage)
    return Connection(find_place(stage)), name


def _endpoint(project: str, stage: str) -> ProjectEndpoint:
    from modelyard.approvals.endpoint import ProjectEndpoint

    return ProjectEndpoint.find(*_connect(project, stage))


def _finish(endpoint: ProjectEndpoint, asked: Asked, no_wait: bool) -> None:
    """Say what was asked for, and unless told not to, follow it to its end."""
    look = f"modelyard status {endpoint.name}"
    try:
        typer.echo(f"{asked.text}, by {endpoint.connection.who}")
        if no_wait:
            typer.echo(f"look: {look}")
            return
        outcome = _follow(endpoint, asked)
    except ApprovalError as error:
        raise ApprovalError(f"{error}; what was asked for goes on. Look again: {look}") from error
    except KeyboardInterrupt:
        leave(f"no longer looking; what was asked for goes on. Look again: {look}", INTERRUPTED)
    if not outcome.reached:
        leave(f"modelyard: {outcome.text}", 1)
    typer.echo(outcome.text)


def _follow(endpoint: ProjectEndpoint, asked: Asked) -> Outcome:
    from modelyard.approvals.display import show
    from modelyard.approvals.progress import follow

    with explained():
        return show(follow(endpoint, asked.goal), asked.goal, console())


def _print(items: Sequence[Any], as_json: bool, table: Any, nothing: str) -> None:
    if as_json:
        print_json([asdict(item) for item in items])
    elif items:
        console().print(table(items))
    else:
        typer.echo(nothing)
