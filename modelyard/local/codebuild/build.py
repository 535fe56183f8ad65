"""One build, phase by phase."""

from __future__ import annotations

import contextlib
import logging
import shlex
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelyard.local.codebuild import host
from modelyard.local.codebuild.artifacts import ArtifactError, files_of, upload
from modelyard.local.codebuild.buildspec import PHASES, Artifact, Buildspec, BuildspecError, Phase, read_buildspec
from modelyard.local.codebuild.cache import link_cache
from modelyard.local.codebuild.events import emit_state
from modelyard.local.codebuild.parameters import ParameterError, read_parameters
from modelyard.local.codebuild.shell import Shell
from modelyard.local.codebuild.source import fetch_source
from modelyard.local.codebuild.variables import SESSION, environment_of, write_docker
from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.jobs.logs import LogStream
from modelyard.local.sagemaker.jobs.roles import RoleRefused, Roles
from modelyard.local.sagemaker.jobs.storage import Storage, StorageError

__all__ = ["Build"]

log = logging.getLogger("modelyard.local.codebuild")


class PhaseFailed(Exception):
    """The end of a phase: its status and CodeBuild's code and message of it."""

    def __init__(self, status: str, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Build:
    """A build that runs in ``folder``, which is its own; ``cache`` is its project's."""

    def __init__(self, context: Context, record: Record, folder: Path, cache: Path, roles: Roles) -> None:
        self._context = context
        self._record = record
        self._folder = folder
        self._source = folder / "src"
        self._home = folder / "home"
        self._cache = cache
        self._roles = roles
        self._secrets: list[str] = []
        self._stopped = threading.Event()
        self._shell: Shell | None = None
        self._deadline = time.monotonic() + 60 * record["timeoutInMinutes"]
        self._log = LogStream(self._client("logs"), record["logs"]["groupName"], record["logs"]["streamName"])

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
        if self._run_commanded(buildspec):
            self._export(buildspec)
            with self._phase("UPLOAD_ARTIFACTS"):
                self._upload(buildspec)

    def _run_commanded(self, buildspec: Buildspec) -> bool:
        """Run the phases that have commands; whether the build goes on to its artifacts."""
        for name in PHASES:
            phase = buildspec.phases[name]
            self._enter(name, phase)
            if self._record["phases"][-1]["phaseStatus"] == "SUCCEEDED":
                continue
            # A build phase that failed is followed by post_build and artifacts all the same, unless it says otherwise.
            early = name in ("install", "pre_build") and phase.on_failure != "CONTINUE"
            if early or phase.on_failure == "ABORT" or self._over():
                return False
        return True

    def _provision(self) -> None:
        for folder in (self._source, self._home / "tmp"):
            folder.mkdir(parents=True)
        try:
            self._roles.require(self._context, self._record["serviceRole"])
        except RoleRefused as error:
            raise PhaseFailed("FAILED", "ACCESS_DENIED", str(error)) from None

    def _download(self) -> Buildspec:
        try:
            folders = self._fetch()
            buildspec = read_buildspec(self._record["source"].get("buildspec"), self._source)
            path = self._path()
            host.check_runtimes(buildspec.runtimes, path)
            if self._record.get("cache", {}).get("type") == "LOCAL":
                link_cache(buildspec.cache, self._cache, self._source, self._home)
            own, given = self._variables(buildspec)
        except StorageError as error:
            raise PhaseFailed("FAILED", "CLIENT_ERROR", str(error)) from None
        except BuildspecError as error:
            raise PhaseFailed("FAILED", "YAML_FILE_ERROR", f"buildspec: {error}") from None
        except ParameterError as error:
            raise PhaseFailed("FAILED", "Decrypted Variables Error", str(error)) from None
        machine = {**host.download_settings(self._folder), "PATH": path}
        environment = environment_of(self._context, self._record, own, given, folders, machine)
        self._shell = Shell(buildspec.shell, self._source, environment, self._write)
        return buildspec

    def _fetch(self) -> dict[str, Path]:
        """Bring the sources; the variables that tell where they are."""
        source = self._record["source"]
        if source["type"] == "S3":
            fetch_source(Storage(self._client("s3")), source["location"], self._source)
        folders = {"HOME": self._home, "CODEBUILD_SRC_DIR": self._source}
        for more in self._record.get("secondarySources", ()):
            folder = self._folder / f"src-{more['sourceIdentifier']}"
            folder.mkdir()
            fetch_source(Storage(self._client("s3")), more["location"], folder)
            folders[f"CODEBUILD_SRC_DIR_{more['sourceIdentifier']}"] = folder
        return folders

    def _path(self) -> str:
        programs = write_docker(self._folder / "docker", self._context.service.state_dir)
        return host.search_path(programs, self._folder / "borrowed")

    def _variables(self, buildspec: Buildspec) -> tuple[dict[str, str], dict[str, str]]:
        """The variables of the buildspec, and those of the project and the start."""
        given = self._record["environment"]["environmentVariables"]
        kept = {item["name"]: item["value"] for item in given if item["type"] == "PARAMETER_STORE"}
        wanted = {**buildspec.parameters, **kept}
        read = read_parameters(self._client("ssm"), wanted) if wanted else {}
        self._secrets = [value for value in read.values() if value]
        own = {**buildspec.variables, **{name: read[name] for name in buildspec.parameters}}
        return own, {item["name"]: read[item["name"]] if item["name"] in kept else item["value"] for item in given}

    def _enter(self, name: str, phase: Phase) -> None:
        with self._phase(name.upper()):
            try:
                self._run_commands(phase.commands)
            finally:
                if not self._over():
                    self._run_commands(phase.last)

    def _export(self, buildspec: Buildspec) -> None:
        """Note the values that the variables to export have after the last command."""
        if not buildspec.exported:
            return
        values = dict(entry.partition("=")[::2] for entry in self._ask("env -0").split("\0"))
        exported = [{"name": name, "value": values[name]} for name in buildspec.exported if name in values]
        with self._context.service.lock:
            self._record["exportedEnvironmentVariables"] = exported

    def _ask(self, command: str) -> str:
        """What ``command`` prints in the build's shell."""
        assert self._shell is not None
        file = self._folder / "answer"
        self._shell.run(f"{command} > {shlex.quote(str(file))}", self._deadline)
        return file.read_text(errors="replace") if file.exists() else ""

    def _upload(self, buildspec: Buildspec) -> None:
        record = self._record
        secondary = {place["artifactIdentifier"]: place for place in record["_secondaryArtifacts"]}
        for name in secondary.keys() ^ buildspec.secondary.keys() if secondary else ():
            where = "project" if name in buildspec.secondary else "buildspec"
            raise PhaseFailed("FAILED", "CLIENT_ERROR", f"secondary artifact {name} is not in the {where}")
        try:
            if record["_artifacts"]["type"] == "S3":
                record["artifacts"] = self._put(record["_artifacts"], buildspec.artifact)
            put = [self._put(place, buildspec.secondary[name]) for name, place in secondary.items()]
        except ArtifactError as error:
            raise PhaseFailed("FAILED", "CLIENT_ERROR", str(error)) from None
        if put:
            record["secondaryArtifacts"] = put

    def _put(self, place: Mapping[str, Any], artifact: Artifact | None) -> dict[str, Any]:
        if artifact is None:
            raise ArtifactError("the project has artifacts, and the buildspec names none: write artifacts.files")
        name = place.get("name") or self._record["projectName"]
        if place.get("overrideArtifactName") and artifact.name:
            name = self._ask(f'printf %s "{artifact.name}"')
        build = self._record["id"].partition(":")[2] if place.get("namespaceType") == "BUILD_ID" else ""
        key = "/".join(part.strip("/") for part in (place.get("path", ""), build, name) if part.strip("/"))
        files = files_of(artifact, self._source)
        return upload(Storage(self._client("s3")), place, files, key, self._record["encryptionKey"])

    def _client(self, service: str) -> Any:
        """A client with the credentials of the build's role."""
        context = self._context
        return context.service.emulator.client_as(self._record["serviceRole"], SESSION, service, context.region)

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
        self._write(f"[Container] {time.strftime('%Y/%m/%d %H:%M:%S')} {text}")

    def _write(self, line: str) -> None:
        for secret in self._secrets:
            line = line.replace(secret, "***")
        self._log.write(line)
