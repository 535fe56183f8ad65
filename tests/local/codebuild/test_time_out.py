"""A build that takes longer than it may, which the API lets nobody set below five minutes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

from modelyard.local.codebuild.build import Build
from modelyard.local.codebuild.shell import Shell
from modelyard.local.sagemaker.context import Context, Emulator, SageMaker
from modelyard.local.sagemaker.jobs.roles import Roles
from tests.local.codebuild.workshop import Workshop, states


class Server:
    """What a build needs of the process that it is in."""

    endpoint_url = ""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    def client(self, service: str, account: str, region: str) -> Any:
        return self._workshop.aws.client(service)

    def client_as(self, role_arn: str, session_name: str, service: str, region: str) -> Any:
        return self._workshop.aws.client(service)

    def session_credentials(self, role_arn: str, session_name: str) -> dict[str, str]:
        return {}

    def put_events(self, account: str, region: str, entries: list[dict[str, Any]]) -> None: ...

    def request_snapshot(self) -> None: ...


def test_a_build_beyond_its_time_is_timed_out(workshop: Workshop, tmp_path: Path) -> None:
    id = workshop.start(
        workshop.project("version: 0.2\nphases:\n  build: {commands: [sleep 60], finally: [sleep 60]}\n")
    )
    record = {**workshop.look(id), "phases": [], "startTime": time.time(), "timeoutInMinutes": 0.02}
    workshop.codebuild.stop_build(id=id)
    service = SageMaker(cast(Emulator, Server(workshop)), tmp_path)
    context = Context(service, workshop.aws.account, workshop.aws.region)
    began = time.monotonic()
    Build(context, record, tmp_path / "build", tmp_path / "cache", Roles("codebuild.amazonaws.com")).run()
    service.close()
    assert time.monotonic() - began < 20
    assert record["buildStatus"] == "TIMED_OUT"
    assert states(record)["BUILD"] == "TIMED_OUT"
    assert "POST_BUILD" not in states(record)


def test_a_shell_gives_each_line_as_it_comes_and_survives_a_command_that_ends_it(tmp_path: Path) -> None:
    lines: list[str] = []
    shell = Shell("bash", tmp_path, {"PATH": "/usr/bin:/bin"}, lines.append)
    deadline = time.monotonic() + 30
    codes = [
        shell.run(command, deadline) for command in ("printf 'no end'", "read line; echo <$line>", "exit 9", "exit 0")
    ]
    assert codes == [0, 2, 9, 0]
    assert shell.run("exec > hidden; echo unseen", deadline) == 0
    assert shell.run("cat hidden >&2; kill -9 $$", deadline) == 137
    assert shell.run("sleep 60", time.monotonic() + 0.2) is None
    shell.close()
    assert lines[0] == "no end"
    assert lines[-1] == "unseen"
