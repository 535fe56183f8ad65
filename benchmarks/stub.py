"""A model server that loads at once, so that what is measured is the platform and not a model."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.local import Local
from modelyard.local.sagemaker.jobs.images import register_image

__all__ = ["IMAGE", "load_seconds", "make_image", "register_version"]

IMAGE = "benchmark/stub:1"
SERVE = """#!/usr/bin/env python3
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def _answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_GET = do_POST = _answer
    def log_message(self, *arguments): pass
address = os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


def make_image(local: Local) -> Path:
    """Make the stub's folder and let it stand for `IMAGE`; the folder."""
    folder = local.paths.project / "stub"
    folder.mkdir()
    (folder / "serve").write_text(SERVE)
    (folder / "serve").chmod(0o755)
    (folder / "requirements.txt").write_text("")
    register_image(local.paths.sagemaker, IMAGE, folder)
    return folder


def register_version(sagemaker: Any, group: str) -> str:
    """Register one more version of ``group``, pending approval; its ARN."""
    package = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": IMAGE}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    return str(package["ModelPackageArn"])


def load_seconds(folder: Path) -> float:
    """Seconds from starting the stub by hand to its first answer to /ping."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = {"SAGEMAKER_BIND_TO_HOST": "127.0.0.1", "SAGEMAKER_BIND_TO_PORT": str(port)}
    start = time.perf_counter()
    server = subprocess.Popen([sys.executable, folder / "serve"], env={**os.environ, **place})
    try:
        while server.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=1).close()
                return time.perf_counter() - start
            except (urllib.error.URLError, OSError):
                time.sleep(0.002)
        raise SystemExit(f"the stub ended with code {server.returncode}")
    finally:
        server.kill()
        server.wait()
