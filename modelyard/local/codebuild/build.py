"""One build, phase by phase."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from modelyard.local.codebuild.builds import IN_PROGRESS
from modelyard.local.codebuild.buildspec import PHASES, Buildspec, BuildspecError, Phase, read_buildspec
from modelyard.local.codebuild.shell import Shell
from modelyard.local.codebuild.source import fetch_source
from modelyard.local.codebuild.variables import environment_of, write_docker
from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.jobs.logs import LogStream
from modelyard.local.sagemaker.jobs.roles import RoleRefused, Roles
from modelyard.local.sagemaker.jobs.storage import Storage, StorageError

__all__ = ["Build", "emit_state"]

log = logging.getLogger("modelyard.local.codebuild")


class PhaseFailed(Exception):
    """The end of a phase: its status and CodeBuild's code and message of it."""

    def __init__(self, status: str, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Build:
    """A build that runs in ``folder``, which is its own."""

    def __init__(self, context: Context, record: Record, folder: Path, roles: Roles) -> None:
        self._context = context
        self._record = record
        self._folder = folder
        self._roles = roles
        self._stopped = threading.Event()
        self._shell: Shell | None = None
        self._deadline = time.monotonic() + 60 * record["timeoutInMinutes"]
        self._log = LogStream(context.client("logs"), record["logs"]["groupName"], record["logs"]["streamName"])

    def stop(self) -> None:
        """End it soon; its status will be STOPPED."""
        self._stopped.set()
        if self._shell is not None:
            self._shell.kill()

    def run(self) -> None:
        """Run it to its end; raises nothing."""
        self._log.open()
        emit_state(self._context, self._record)
        try:
            self._run_phases()
            status = next((phase["phaseStatus"] for phase in self._failed()), "SUCCEEDED")
        except Exception as error:
            log.exception("build %s failed", self._record["id"])
            self._say(f"Internal error: {type(error).__name__}: {error}")
            status = "FAULT"
        if self._shell is not None:
            self._shell.close()
        with self._phase("FINALIZING"):
            pass
        self._log.close()
        self._finish("STOPPED" if self._stopped.is_set() else status)

    def _run_phases(self) -> None:
        for name in ("SUBMITTED", "QUEUED"):
            with self._phase(name):
                pass
        buildspec = None
        with self._phase("PROVISIONING"):
            self._provision()
        if not self._failed():
            with self._phase("DOWNLOAD_SOURCE"):
                buildspec = self._download()
        if buildspec is None:
            return
        for name in PHASES:
            self._enter(name, buildspec.phases[name])
            # A build that failed is followed by post_build all the same, unless it says otherwise.
            if self._failed() and (name != "build" or buildspec.phases[name].aborts or self._over()):
                return
        with self._phase("UPLOAD_ARTIFACTS"):
            pass

    def _provision(self) -> None:
        for name in ("src", "home/tmp"):
            (self._folder / name).mkdir(parents=True)
        try:
            self._roles.require(self._context, self._record["serviceRole"])
        except RoleRefused as error:
            raise PhaseFailed("FAILED", "ACCESS_DENIED", str(error)) from None

    def _download(self) -> Buildspec:
        source, folder = self._record["source"], self._folder / "src"
        try:
            if source["type"] == "S3":
                fetch_source(Storage(self._context.client("s3")), source["location"], folder)
            buildspec = read_buildspec(source.get("buildspec"), folder)
        except StorageError as error:
            raise PhaseFailed("FAILED", "CLIENT_ERROR", str(error)) from None
        except BuildspecError as error:
            raise PhaseFailed("FAILED", "YAML_FILE_ERROR", f"buildspec: {error}") from None
        programs = write_docker(self._folder / "docker", self._context.service.state_dir)
        environment = environment_of(
            self._context, self._record, buildspec.variables, folder, self._folder / "home", programs
        )
        self._shell = Shell(buildspec.shell, folder, environment, self._log.write)
        return buildspec

    def _enter(self, name: str, phase: Phase) -> None:
        with self._phase(name.upper()):
            try:
                self._run_commands(phase.commands)
            finally:
                if not self._over():
                    self._run_commands(phase.last)

    def _run_commands(self, commands: Sequence[str]) -> None:
        assert self._shell is not None
        for command in commands:
            self._say(f"Running command {command}")
            # One that was asked to stop before it had a shell runs nothing.
            code = None if self._stopped.is_set() else self._shell.run(command, self._deadline)
            if self._stopped.is_set():
                raise PhaseFailed("STOPPED", "", "")
            if code is None:
                minutes = self._record["timeoutInMinutes"]
                raise PhaseFailed("TIMED_OUT", "BUILD_TIMED_OUT", f"Build has timed out after {minutes} minutes.")
            if code:
                self._say(f"Command did not exit successfully {command} exit status {code}")
                self._shell.run("export CODEBUILD_BUILD_SUCCEEDING=0", self._deadline)
                reason = f"Error while executing command: {command}. Reason: exit status {code}"
                raise PhaseFailed("FAILED", "COMMAND_EXECUTION_ERROR", reason)

    def _over(self) -> bool:
        return self._stopped.is_set() or time.monotonic() >= self._deadline

    def _failed(self) -> list[dict[str, Any]]:
        return [phase for phase in self._record["phases"] if phase.get("phaseStatus", "SUCCEEDED") != "SUCCEEDED"]

    @contextlib.contextmanager
    def _phase(self, kind: str) -> Iterator[None]:
        began, phase = self._context.now(), {"phaseType": kind, "startTime": self._context.now()}
        with self._context.service.lock:
            self._record["phases"].append(phase)
            self._record["currentPhase"] = kind
        self._say(f"Entering phase {kind}")
        status, code, message = "SUCCEEDED", "", ""
        try:
            yield
        except PhaseFailed as failure:
            status, code, message = failure.status, failure.code, str(failure)
        now = self._context.now()
        self._say(f"Phase complete: {kind} State: {status}")
        self._say(f"Phase context status code: {code} Message: {message}")
        with self._context.service.lock:
            phase.update(
                phaseStatus=status,
                endTime=now,
                durationInSeconds=int(now - began),
                contexts=[{"statusCode": code, "message": message}],
            )

    def _finish(self, status: str) -> None:
        now = self._context.now()
        with self._context.service.lock:
            self._record["phases"].append({"phaseType": "COMPLETED", "startTime": now})
            self._record.update(buildStatus=status, currentPhase="COMPLETED", buildComplete=True, endTime=now)
            emit_state(self._context, self._record)
        self._context.snapshot()

    def _say(self, text: str) -> None:
        self._log.write(f"[Container] {time.strftime('%Y/%m/%d %H:%M:%S')} {text}")


def emit_state(context: Context, record: Record) -> None:
    """Emit the state change event of a build, see
    https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications.html.
    """
    started = time.strftime("%b %d, %Y %I:%M:%S %p", time.gmtime(record["startTime"]))
    information = {
        "artifact": record["artifacts"],
        "environment": record["environment"],
        "timeout-in-minutes": record["timeoutInMinutes"],
        "build-complete": record["buildComplete"],
        "build-number": record["buildNumber"],
        "initiator": record["initiator"],
        "build-start-time": started,
        "source": record["source"],
        "logs": {"group-name": record["logs"]["groupName"], "stream-name": record["logs"]["streamName"]},
        "phases": [{"phase-type": phase["phaseType"]} for phase in record["phases"]],
    }
    detail = {
        "build-status": record["buildStatus"],
        "project-name": record["projectName"],
        "build-id": record["arn"],
        "additional-information": information,
        "current-phase": record["currentPhase"],
        "version": "1",
    }
    entry = {
        "Source": "aws.codebuild",
        "DetailType": "CodeBuild Build State Change",
        "Detail": json.dumps(detail),
        "Resources": [record["arn"]],
    }
    context.service.enqueue_event(context.account, context.region, entry)


def interrupted(context: Context, record: Record) -> None:
    """Mark a build whose processes are gone."""
    if record["buildStatus"] == IN_PROGRESS:
        now = context.now()
        failure = {"statusCode": "INTERNAL_ERROR", "message": "the build was interrupted because the local AWS ended"}
        record["phases"].append(
            {"phaseType": "FINALIZING", "phaseStatus": "FAULT", "startTime": now, "endTime": now, "contexts": [failure]}
        )
        record.update(buildStatus="FAULT", currentPhase="COMPLETED", buildComplete=True, endTime=now)
        emit_state(context, record)
