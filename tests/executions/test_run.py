"""`modelyard run`: started, followed, ended, left."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from typing import Any, NoReturn

import pytest
from botocore.exceptions import ClientError

from modelyard.executions import jobs
from modelyard.executions.pipeline import ProjectPipeline
from tests.executions.yard import Yard, parameter


def started(yard: Yard, printed: str) -> str:
    """The id in the first line that `run` prints."""
    words = printed.splitlines()[0].split()
    assert (words[0], words[2:]) == ("execution", ["of", words[3], "is", "started"])
    assert words[3].startswith(f"modelyard-{yard.name}-")
    return words[1]


def open_process(yard: Yard, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        yard.command(*arguments),
        cwd=yard.folder,
        env=yard.lab.aws.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A suite that runs in the background ignores SIGINT, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def read_until(process: subprocess.Popen[str], wanted: str) -> list[str]:
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if lines[-1] == wanted:
            return lines
    raise AssertionError(f"{wanted!r} was not printed: {lines} {process.stderr.read() if process.stderr else ''}")


def test_a_run_shows_steps_and_logs_in_their_order_and_what_was_made_in_the_end(yard: Yard) -> None:
    done = yard.call("run", "snail", "-p", "Limit=2.25", "-p", "Note=a=b", "--parameter", "Status=Approved")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    identifier = started(yard, done.stdout)
    ended = next(index for index, line in enumerate(lines) if line.startswith("Report: Succeeded after "))
    texts = ["reading", "writing 2.25", "naïve ✓ [bold]"]
    logged = [line for line in lines[:ended] if "|" in line]
    assert sorted(logged) == [f"Report algo-{n} | {text}" for n in (1, 2) for text in sorted(texts)]
    (package,) = (line.split()[-1] for line in lines if line.startswith("Register  model package"))
    description = yard.lab.sagemaker.describe_model_package(ModelPackageName=package)
    evaluation = description["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert lines[ended + 2 :] == [
        f"Report    report         {evaluation}",
        f"Register  model package  {package}",
        "Register  approval       Approved",
        f"Register  evaluation     {evaluation}",
        f"execution {identifier} Succeeded",
    ]
    assert yard.lab.get(f"{evaluation}/r.json") == b'{"rmse": 2.0}'


def test_a_step_that_takes_an_earlier_result_is_shown_as_cached(yard: Yard) -> None:
    for _ in range(2):
        done = yard.ask("run", "snail", "-p", "Limit=3")
    lines = done.stdout.splitlines()
    assert lines[1].startswith("Report: Succeeded (cached) after ")
    assert not [line for line in lines if "|" in line], "it has logged nothing this time"
    identifier = started(yard, done.stdout)
    shown = yard.ask("logs", "snail", identifier)
    assert (shown.code, shown.stdout) == (0, "")
    source = shown.stderr.split("execution ")[1].split(";")[0]
    assert shown.stderr == f"Report took the result of execution {source}; its log: --step Report\n"
    assert "writing 3.0" in yard.ask("logs", "snail", identifier, "--step", "Report").stdout


def test_a_run_that_fails_says_why_and_ends_with_1(yard: Yard) -> None:
    done = yard.ask("run", "slug")
    identifier = started(yard, done.stdout)
    assert done.code == 1
    told = f"modelyard: execution {identifier} Failed: Look: AlgorithmError: "
    assert done.stderr.startswith(told) and done.stderr.endswith("no rows in the data\n")
    assert done.stderr.count("\n") == 1
    lines = done.stdout.splitlines()
    assert "Look | no rows in the data" in lines
    assert lines[-1].startswith("Look: Failed after ")
    assert not [line for line in lines if line.startswith("Never")]


def test_log_lines_appear_while_the_step_runs(yard: Yard) -> None:
    name = yard.pipeline("stream", [yard.waiting_step("Wait", "stream")])
    process = open_process(yard, "run", "stream")
    read_until(process, "Wait | waiting")
    assert yard.executions(name)[0]["PipelineExecutionStatus"] == "Executing"
    yard.release("stream")
    printed, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (0, "")
    assert printed.splitlines()[0] == "Wait | going on"


def test_ctrl_c_ends_the_looking_and_not_the_execution(yard: Yard) -> None:
    name = yard.pipeline("leave", [yard.waiting_step("Wait", "leave")])
    process = open_process(yard, "run", "leave")
    identifier = started(yard, read_until(process, "Wait | waiting")[0])
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    again = f"logs {name} {identifier} --follow"
    arn = yard.executions(name)[0]["PipelineExecutionArn"]
    assert process.returncode == 130
    assert told == (
        f"no longer looking; the execution goes on. Look again: modelyard {again}. "
        f"Stop it: aws sagemaker stop-pipeline-execution --pipeline-execution-arn {arn}\n"
    )
    assert yard.executions(name)[0]["PipelineExecutionStatus"] == "Executing"
    process = open_process(yard, *again.split())
    read_until(process, "Wait | waiting")
    yard.release("leave")
    printed, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (0, "")
    assert printed.splitlines()[-1] == f"execution {identifier} Succeeded"


def test_a_run_that_somebody_stops_ends_with_1(yard: Yard) -> None:
    name = yard.pipeline("stop", [yard.waiting_step("Wait", "never")])
    process = open_process(yard, "run", "stop")
    identifier = started(yard, read_until(process, "Wait | waiting")[0])
    arn = yard.executions(name)[0]["PipelineExecutionArn"]
    yard.lab.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert told.startswith(f"modelyard: execution {identifier} Stopped")


def test_a_run_that_is_not_waited_for_is_started_as_asked(yard: Yard) -> None:
    name = yard.pipeline("quick", [yard.step("Look", "")], parameter("Rounds", "Integer", 3))
    done = yard.call("run", name, "--no-wait", "-p", "Rounds=4", "--description", "four rounds")
    (execution,) = yard.executions(name)
    identifier = started(yard, done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == [f"look: modelyard logs {name} {identifier} --follow"]
    assert execution["PipelineExecutionDescription"] == "four rounds"
    (value,) = yard.lab.sagemaker.list_pipeline_parameters_for_execution(
        PipelineExecutionArn=execution["PipelineExecutionArn"]
    )["PipelineParameters"]
    assert value == {"Name": "Rounds", "Value": "4"}
    yard.lab.execution_ended(execution["PipelineExecutionArn"])


def test_on_a_terminal_a_table_of_the_steps_is_left(yard: Yard) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        yard.command("run", "slug"),
        cwd=yard.folder,
        env={**yard.lab.aws.env, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"},
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        shown += chunk
        if not chunk:
            break
    os.close(ours)
    _, told = process.communicate(timeout=30)
    text = shown.decode()
    assert process.returncode == 1
    assert b"Failed: Look: AlgorithmError" in told
    assert "Look | looking at the data" in text
    table = text[text.rindex("step") :]
    assert "Look" in table and "Failed" in table and "✗" in table
    assert "Look: Failed" not in text, "the lines for changes are for other places than terminals"


def test_a_run_that_succeeded_is_a_success_whether_or_not_its_outputs_can_be_looked_up(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> NoReturn:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeProcessingJob")

    monkeypatch.setattr(jobs, "made", refused)
    done = yard.ask("run", "snail")
    told = "DescribeProcessingJob is not allowed: no; docs/cli.md lists what each command needs"
    assert (done.code, done.stderr) == (0, f"what the steps made cannot be looked up: {told}\n")
    assert done.stdout.endswith(" Succeeded\n")


def test_ctrl_c_while_it_is_started_says_that_it_may_have_started(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(ProjectPipeline, "start", interrupted)
    told = "no longer looking; it may have started. Look: modelyard executions modelyard-runs-snail\n"
    assert yard.ask("run", "snail") == (130, "", told)
