"""``modelyard promote | smoke-test``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer

from modelyard.approvals.errors import ApprovalError, explained
from modelyard.terminal import leave, print_json

__all__ = ["ERRORS", "app"]

ERRORS = (ApprovalError,)

app = typer.Typer(help="Take versions from stage to stage, and test them there.", no_args_is_help=True)

Project = Annotated[str, typer.Argument(help="A project, or the full name of its endpoint.", show_default=False)]


@app.command()
def promote(
    project: Project,
    version: Annotated[str, typer.Argument(help="Its number in the source stage.", show_default=False)],
    to: Annotated[str, typer.Option(help="The stage that it comes to.", show_default=False)],
    stage: Annotated[str, typer.Option(help="The source stage. Default: the one before.")] = "",
    source_profile: Annotated[str, typer.Option(help="AWS profile for the source stage.")] = "",
    target_profile: Annotated[str, typer.Option(help="AWS profile for the target stage.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Register an approved version in the next stage, where it awaits its approval."""
    with explained():
        from modelyard.promotion.route import find_route
        from modelyard.promotion.versions import promote_version

        route = find_route(project, to, stage)
        source, target = route.open(source_profile, target_profile)
        with _refused():
            done = promote_version(source, target, route.project, version)
    if as_json:
        print_json(asdict(done))
        return
    number = done.arn.rpartition("/")[2]
    state = "awaits its approval" if done.created else f"was there already: {done.approval}"
    typer.echo(f"version {version} of {route.project} is version {number} in {to} and {state}\n{done.arn}")
    if done.approval == "PendingManualApproval":
        typer.echo(f"next: modelyard approve {route.project} {number} --stage {to}")


@app.command("smoke-test")
def smoke_test(
    project: Project, stage: Annotated[str, typer.Option(help="Default: the only stage of ./platform.yaml.")] = ""
) -> None:
    """Compare an endpoint's answers with those that were recorded. Exit code 1 if they differ, or it is too early."""
    with explained():
        from modelyard.approvals.place import find_place, split_name
        from modelyard.lambdas.delivery.job import JobFailed, Waiting
        from modelyard.promotion.route import open_stage
        from modelyard.promotion.versions import check_project

        name, stage = split_name(project, stage)
        try:
            typer.echo(check_project(open_stage(find_place(stage)), name))
        except (JobFailed, Waiting) as error:
            leave(f"modelyard: {error}", 1)


@contextmanager
def _refused() -> Iterator[None]:
    """Tell what cannot be promoted as a mistake of the caller."""
    from modelyard.lambdas.delivery.job import JobFailed

    try:
        yield
    except JobFailed as error:
        raise ApprovalError(str(error)) from error
