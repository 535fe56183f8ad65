"""Runs jobs: one thread a job, one process an instance, from the image to the results in S3."""

from __future__ import annotations

import logging
import shutil
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modelyard.local.launching import Launcher
from modelyard.local.sagemaker.context import SageMaker
from modelyard.local.sagemaker.jobs.images import Image, ImageError, prepare_image
from modelyard.local.sagemaker.jobs.job import Host, Job
from modelyard.local.sagemaker.jobs.kinds import KINDS, RUNNING, emit_state
from modelyard.local.sagemaker.jobs.logs import LogStream
from modelyard.local.sagemaker.jobs.processes import ProcessGroup
from modelyard.local.sagemaker.jobs.roles import RoleRefused, Roles
from modelyard.local.sagemaker.jobs.storage import StorageError

__all__ = ["JobRunner"]

log = logging.getLogger("modelyard.local.sagemaker.jobs")

STOP_SECONDS = 120.0
INTERRUPTED = "InternalServerError: the job was interrupted because the local AWS ended"


class ProgramNotFound(Exception):
    """A job's program that cannot be started."""


@dataclass
class _Running:
    job: Job
    group: ProcessGroup
    stop_wanted: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class _End:
    status: str
    reason: str | None = None
    message: str | None = None


class JobRunner:
    """The component ``jobs``: what runs now. ``stop_seconds`` is the time between SIGTERM and SIGKILL."""

    def __init__(self, service: SageMaker, stop_seconds: float = STOP_SECONDS) -> None:
        self.stop_seconds = stop_seconds
        self._service = service
        self._folder = service.state_dir / "jobs"
        self._running: dict[str, _Running] = {}
        self._closing = False
        self._roles = Roles()
        self._launcher = Launcher()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self, job: Job) -> None:
        """Run ``job`` in the background."""
        running = _Running(job, ProcessGroup(self._launcher, self.stop_seconds))
        self._running[job.arn] = running
        job.context.spawn(f"job-{job.name}", self._run, running)

    def stop(self, arn: str) -> None:
        """Ask the job ``arn`` to stop. Returns at once; called with the service's lock held."""
        running = self._running[arn]
        running.job.stopping()
        running.stop_wanted.set()
        running.group.stop()

    def wait(self, arn: str) -> None:
        """Wait until the job ``arn`` has ended; returns at once for one that is not running."""
        running = self._running.get(arn)
        if running is not None:
            running.finished.wait()

    def restored(self) -> None:
        """Mark jobs that the kept state calls running as interrupted."""
        for context in self._service.contexts():
            for kind in KINDS:
                for record in kind.jobs(context).values():
                    if record[kind.status] in RUNNING and record[kind.arn] not in self._running:
                        now = context.now()
                        record.update({kind.status: "Failed", "FailureReason": INTERRUPTED, kind.ended: now})
                        if kind.label == "Training":
                            record["SecondaryStatus"] = "Failed"
                        emit_state(context, kind, record)

    def close(self) -> None:
        """Kill every process, and mark its job as interrupted."""
        self._closing = True
        for running in list(self._running.values()):
            running.group.kill()
        for running in list(self._running.values()):
            running.finished.wait(timeout=5)
        self._launcher.close()
        self._closing = False

    def _run(self, running: _Running) -> None:
        job, folder = running.job, self._folder / uuid.uuid4().hex
        try:
            end = self._execute(running, folder)
        except (ProgramNotFound, RoleRefused, ImageError) as error:
            end = _End("Failed", f"ClientError: {error}")
        except StorageError as error:
            end = _End("Failed", f"ClientError: Data download or upload failed: {error}")
        except Exception as error:
            log.exception("job %s failed", job.name)
            end = _End("Failed", f"InternalServerError: {type(error).__name__}: {error}")
        if self._closing:
            end = _End("Failed", INTERRUPTED)
        job.finish(end.status, end.reason, end.message)
        self._running.pop(job.arn, None)
        running.finished.set()
        shutil.rmtree(folder, ignore_errors=True)

    def _execute(self, running: _Running, folder: Path) -> _End:
        job = running.job
        job.enter("Downloading")
        self._roles.require(job.context, job.record["RoleArn"])
        hosts = [_host(folder / f"algo-{index + 1}") for index in range(job.instance_count)]
        logs = [_log(job, host) for host in hosts]
        for stream in logs:
            stream.open()
        try:
            image = prepare_image(job.context, job.image, logs[0].write)
            job.download(hosts)
            if running.stop_wanted.is_set():
                return _End("Stopped")
            job.enter("Running")
            return self._run_processes(running, image, hosts, logs)
        finally:
            for stream in logs:
                stream.close()

    def _run_processes(self, running: _Running, image: Image, hosts: Sequence[Host], logs: Sequence[LogStream]) -> _End:
        job, group = running.job, running.group
        try:
            explain, *_ = [_start(job, group, image, host, stream) for host, stream in zip(hosts, logs, strict=True)]
        except OSError as error:
            group.kill()
            raise ProgramNotFound(f"{job.command[0]} cannot be run in image {job.image}: {error.strerror}") from None
        with job.beside(hosts):
            codes, timed_out = group.wait(job.max_seconds)
        for stream in logs:
            stream.end()
        stopped = running.stop_wanted.is_set() or timed_out
        first_failed = next((name for name, code in codes.items() if code != 0), None)
        if self._closing:
            return _End("Failed", INTERRUPTED)
        job.enter("Uploading")
        job.upload(hosts, succeeded=stopped or first_failed is None)
        message = _message(job, hosts)
        if timed_out:
            job.record["_SecondaryEnd"] = "MaxRuntimeExceeded"
        if stopped:
            return _End("Stopped", message=message)
        if first_failed is None:
            return _End("Completed", message=message)
        stream = logs[[host.name for host in hosts].index(first_failed)]
        return _End("Failed", _failure(codes[first_failed], message, stream, explain), message)


def _host(folder: Path) -> Host:
    host = Host(folder.name, folder / "ml", folder / "home")
    host.ml.mkdir(parents=True)
    (host.home / "tmp").mkdir(parents=True)
    return host


def _log(job: Job, host: Host) -> LogStream:
    context = job.context
    return LogStream(context.client("logs"), job.kind.log_group, f"{job.name}/{host.name}-{int(context.now() * 1000)}")


def _start(job: Job, group: ProcessGroup, image: Image, host: Host, stream: LogStream) -> Callable[[str], str]:
    environment = _environment(job, image, host)
    return group.start(host.name, host.ml, job.command, environment, host.home, _line_writer(job, stream))


def _line_writer(job: Job, stream: LogStream) -> Callable[[str], None]:
    def write(line: str) -> None:
        stream.write(line)
        job.on_line(line)

    return write


def _environment(job: Job, image: Image, host: Host) -> dict[str, str]:
    context = job.context
    return {
        "PATH": image.path,
        "HOME": str(host.home),
        "TMPDIR": str(host.home / "tmp"),
        "LANG": "C.UTF-8",
        # Lines reach the log when they are written, not when a buffer is full.
        "PYTHONUNBUFFERED": "1",
        "AWS_REGION": context.region,
        "AWS_DEFAULT_REGION": context.region,
        "AWS_ENDPOINT_URL": context.service.emulator.endpoint_url,
        "AWS_EC2_METADATA_DISABLED": "true",
        **context.service.emulator.session_credentials(job.record["RoleArn"], "SageMaker"),
        **job.environment(),
    }


def _message(job: Job, hosts: Sequence[Host]) -> str | None:
    for host in hosts:
        path = host.local(job.message_path)
        if path.is_file():
            return path.read_text(errors="replace").strip() or None
    return None


def _failure(code: int, message: str | None, stream: LogStream, explain: Callable[[str], str]) -> str:
    tail = "\n".join(stream.tail)
    hint = explain(tail)
    reason = message or "See job logs for more information"
    text = f"AlgorithmError: {reason}, exit code: {code}"
    if hint:
        return f"{text}. {hint}"
    if message or not tail:
        return text
    text += f". Last lines of the log {stream.name}:\n"
    return text + tail[-max(0, 1024 - len(text)) :]
