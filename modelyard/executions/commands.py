"""``modelyard run | executions | logs``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from modelyard.approvals.errors import ApprovalError, explained
from modelyard.executions.execution import execution_id
from modelyard.terminal import INTERRUPTED, console, leave, print_json

if TYPE_CHECKING:
    from modelyard.executions.execution import Execution
    from modelyard.executions.pipeline import ProjectPipeline

__all__ = ["ERRORS", "app"]

ERRORS = (ApprovalError,)

app = typer.Typer(help="Run pipelines and look at their executions.", no_args_is_help=True)

Project = Annotated[str, typer.Argument(help="A project, or the full name of its pipeline.", show_default=False)]
Stage = Annotated[str, typer.Option(help="Default: the only stage of ./platform.yaml.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command()
def run(
    project: Project,
    parameter: Annotated[
        list[str],
        typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A parameter of the pipeline; repeatable."),
    ] = [],  # noqa: B006
    description: Annotated[str, typer.Option(help="What this execution is for.")] = "",
    stage: Stage = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Only start it; do not follow it.")] = False,
) -> None:
    """Start a project's pipeline and follow it to its end. Exit code 1 if it does not succeed."""
    with explained():
        from modelyard.executions.parameters import given

        values = given(parameter)
        pipeline = _pipeline(project, stage)
        with _left_to_itself(f"it may have started. Look: modelyard executions {pipeline.name}"):
            arn = pipeline.start(values, description)
    _say(f"execution {execution_id(arn)} of {pipeline.name} is started")
    if no_wait:
        _say(f"look: {_look_again(pipeline, arn)}")
        return
    _follow(pipeline, arn)


@app.command()
def executions(
    project: Project,
    stage: Stage = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the executions of a project's pipeline, with the parameters that are not its defaults."""
    with explained():
        from modelyard.executions.display import summaries_table

        pipeline = _pipeline(project, stage)
        summaries = pipeline.executions(limit)
    if as_json:
        print_json([asdict(item) for item in summaries])
    elif summaries:
        console().print(summaries_table(summaries))
    else:
        _say(f"{pipeline.name} has no execution yet; start one: modelyard run {pipeline.name}")


@app.command()
def logs(
    project: Project,
    execution: Annotated[str, typer.Argument(help="Its id or ARN, as `executions` lists it.")] = "latest",
    step: Annotated[str, typer.Option(metavar="NAME", help="Only what this step logged.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the execution has ended.")] = False,
    stage: Stage = "",
) -> None:
    """Print what the steps of an execution have logged. With --follow, exit code 1 if it does not succeed."""
    with explained():
        from modelyard.executions.execution import look
        from modelyard.executions.follow import logged

        pipeline = _pipeline(project, stage)
        arn = pipeline.execution(execution)
        client = pipeline.connection.client
        seen = look(client("sagemaker"), arn)
        pipeline.check_step(step, seen)
        if not follow:
            nothing = True
            for line in logged(client, seen, step):
                nothing = False
                _say(str(line))
            _say_what_is_not_shown(seen, step, nothing)
            return
    _follow(pipeline, arn, step)


def _follow(pipeline: ProjectPipeline, arn: str, only: str = "") -> None:
    """Show the execution to its end, what it made, and why it failed."""
    again = _look_again(pipeline, arn)
    with _left_to_itself(f"the execution goes on. Look again: {again}. Stop it: {_stop(arn)}"):
        try:
            with explained():
                from modelyard.executions.display import show
                from modelyard.executions.follow import follow

                ended = show(follow(pipeline.connection.client, arn, only), console())
        except ApprovalError as error:
            raise ApprovalError(f"{error}; the execution goes on. Look again: {again}") from error
    _say_what_was_made(pipeline, ended)
    if ended.status != "Succeeded":
        why = " ".join("; ".join(ended.failures or [ended.reason]).split())
        leave(f"modelyard: execution {ended.id} {ended.status}{f': {why}' if why else ''}", 1)
    _say(f"execution {ended.id} Succeeded")


def _say_what_was_made(pipeline: ProjectPipeline, execution: Execution) -> None:
    """Its outputs; that they cannot be looked up does not change how it ended."""
    from modelyard.executions.jobs import made

    succeeded = [step for step in execution.steps if step.status == "Succeeded"]
    try:
        with explained():
            rows = [(step.name, *pair) for step in succeeded for pair in made(pipeline.connection.client, step)]
    except ApprovalError as error:
        typer.echo(f"what the steps made cannot be looked up: {error}", err=True)
        return
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    for step, name, place in rows:
        _say(f"{step:{widths[0]}}  {name:{widths[1]}}  {place}")


def _say_what_is_not_shown(execution: Execution, step: str, nothing: bool) -> None:
    cached = [each for each in execution.steps if each.cached_from and not step]
    for each in cached:
        source = execution_id(each.cached_from)
        typer.echo(f"{each.name} took the result of execution {source}; its log: --step {each.name}", err=True)
    if nothing and not cached:
        what = f"step {step} of execution {execution.id}" if step else f"execution {execution.id}"
        typer.echo(f"{what} ({execution.status}) has logged nothing yet", err=True)


def _pipeline(project: str, stage: str) -> ProjectPipeline:
    from modelyard.approvals.connection import Connection
    from modelyard.approvals.place import find_place, split_name
    from modelyard.executions.pipeline import ProjectPipeline

    name, stage = split_name(project, stage)
    return ProjectPipeline.find(Connection(find_place(stage)), name)


@contextmanager
def _left_to_itself(text: str) -> Iterator[None]:
    """Ctrl-C ends only the looking, and says so."""
    try:
        yield
    except KeyboardInterrupt:
        leave(f"no longer looking; {text}", INTERRUPTED)


def _look_again(pipeline: ProjectPipeline, arn: str) -> str:
    return f"modelyard logs {pipeline.name} {execution_id(arn)} --follow"


def _stop(arn: str) -> str:
    return f"aws sagemaker stop-pipeline-execution --pipeline-execution-arn {arn}"


def _say(text: str) -> None:
    typer.echo(text)
