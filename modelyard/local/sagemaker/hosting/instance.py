"""One instance of a production variant: its folder, its log stream, its server process."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from modelyard.local import children
from modelyard.local.metrics.utilization import InstanceProcess
from modelyard.local.sagemaker.context import Context
from modelyard.local.sagemaker.hosting.artifacts import Artifact, ArtifactError
from modelyard.local.sagemaker.hosting.capacity import Capacity, InsufficientCapacity, InvalidCapacity
from modelyard.local.sagemaker.hosting.plans import VariantPlan
from modelyard.local.sagemaker.hosting.server_process import ServerProcess, StartUpFailed
from modelyard.local.sagemaker.jobs.images import Image, ImageError, prepare_image
from modelyard.local.sagemaker.jobs.logs import LogStream
from modelyard.local.sagemaker.jobs.mounts import ML_ROOT, mount

__all__ = ["Instance", "LaunchFailed", "VariantLauncher", "log_group"]

_LONGEST_REASON = 1024
_LOG_LINES = 8


class LaunchFailed(Exception):
    """An instance that did not come up; the message is a FailureReason."""


def log_group(endpoint_name: str) -> str:
    """The CloudWatch Logs group of an endpoint, as on AWS."""
    return f"/aws/sagemaker/Endpoints/{endpoint_name}"


class VariantLauncher:
    """Makes instances of one variant; image and artefact are brought once, at the same time, for all of them."""

    def __init__(
        self, context: Context, endpoint_name: str, plan: VariantPlan, folder: Path, capacity: Capacity
    ) -> None:
        self.plan = plan
        self.capacity = capacity
        self.context = context
        self.endpoint_name = endpoint_name
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{plan.name}-", dir=folder))
        self._prepared: tuple[Image, Artifact] | None = None
        self._preparing = threading.Lock()

    def instance(self) -> Instance:
        """A new instance, not started; raises ``LaunchFailed`` where there is none to be had."""
        try:
            self.capacity.take(self.plan.instance_type)
        except (InsufficientCapacity, InvalidCapacity) as error:
            raise LaunchFailed(str(error)[:_LONGEST_REASON]) from None
        return Instance(self)

    def process(self, pid: int) -> InstanceProcess:
        """The process ``pid`` of an instance, as its metrics name it."""
        context = self.context
        return InstanceProcess(context.account, context.region, self.endpoint_name, self.plan.name, pid)

    def prepare(self, on_line: Callable[[str], None]) -> tuple[Image, Artifact]:
        """The image ready to run and the artefact downloaded; raises ``LaunchFailed``."""
        with self._preparing:
            if self._prepared is None:
                s3 = self.context.client_as(self.plan.role_arn, "s3")
                artifact = Artifact(s3, self.plan.model_data, self.folder / "model.tar.gz")
                try:
                    with ThreadPoolExecutor(max_workers=1) as pool:
                        fetched = pool.submit(artifact.fetch)
                        image = prepare_image(self.context, self.plan.image, on_line)
                        fetched.result()
                except (ImageError, ArtifactError) as error:
                    raise LaunchFailed(str(error)[:_LONGEST_REASON]) from None
                self._prepared = image, artifact
            return self._prepared

    def close(self) -> None:
        """Remove the files of the variant's instances."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Instance:
    """One server process of a variant, and what it needs."""

    def __init__(self, launcher: VariantLauncher) -> None:
        self._launcher = launcher
        self._held = threading.Lock()
        self.name = f"i-{secrets.token_hex(8)}"
        plan = launcher.plan
        self.log = LogStream(
            launcher.context.client("logs"), log_group(launcher.endpoint_name), f"{plan.name}/{self.name}"
        )
        self._folder = launcher.folder / self.name
        self._server = ServerProcess(self.name, self._spawn, plan.start_up_seconds, self.log.write)

    @property
    def healthy(self) -> bool:
        """Whether it can be sent a request."""
        return self._server.healthy

    @property
    def pid(self) -> int | None:
        """The id of its server process, None while none runs."""
        return self._server.pid

    @property
    def losses(self) -> int:
        """How often its process, once healthy, has ended or no longer answered."""
        return self._server.losses

    @property
    def port(self) -> int:
        """Where its server listens on 127.0.0.1."""
        return self._server.port

    def start(self) -> None:
        """Return when it is healthy; raises ``LaunchFailed``, with its process ended."""
        self.log.open()
        _image, artifact = self._launcher.prepare(self.log.write)
        try:
            artifact.lay_out(self._folder / "ml" / "model")
            (self._folder / "home").mkdir()
            self._server.start()
        except ArtifactError as error:
            raise LaunchFailed(str(error)[:_LONGEST_REASON]) from None
        except StartUpFailed as error:
            raise LaunchFailed(self._reason(error)) from None

    def stop(self) -> None:
        """End its process, send the rest of its log, remove its files, give its capacity back; again does nothing."""
        self._server.stop()
        # Acquired once and for all: capacity is given back by the first call.
        if self._held.acquire(blocking=False):
            self._launcher.capacity.give_back(self._launcher.plan.instance_type)
        self.log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        image, _artifact = self._launcher.prepare(self.log.write)
        mounted = mount(self._folder / "ml", ["serve"], self._environment(image, port))
        return children.spawn(
            mounted.command,
            cwd=self._folder / "home",
            env=mounted.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec=mounted.preexec,
        )

    def _environment(self, image: Image, port: int) -> dict[str, str]:
        plan, context = self._launcher.plan, self._launcher.context
        access = {}
        if not plan.isolated:
            emulator = context.service.emulator
            role_arn = plan.role_arn or f"arn:aws:iam::{context.account}:role/none"
            access = {
                **emulator.session_credentials(role_arn, "SageMaker"),
                "AWS_ENDPOINT_URL": emulator.endpoint_url,
                "AWS_EC2_METADATA_DISABLED": "true",
            }
        return {
            "PATH": image.path,
            "HOME": str(self._folder / "home"),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "AWS_REGION": context.region,
            "AWS_DEFAULT_REGION": context.region,
            "SM_MODEL_DIR": f"{ML_ROOT}/model",
            **access,
            **plan.environment,
            "SAGEMAKER_BIND_TO_HOST": "127.0.0.1",
            "SAGEMAKER_BIND_TO_PORT": str(port),
        }

    def _reason(self, error: StartUpFailed) -> str:
        sentence = (
            f"The primary container for production variant {self._launcher.plan.name} did not pass the ping health "
            "check. Please check CloudWatch logs for this endpoint."
        )
        lines = "\n".join(list(self.log.tail)[-_LOG_LINES:])
        reason = f"{sentence} ({error})" + (f" Last lines of its log:\n{lines}" if lines else "")
        if len(reason) <= _LONGEST_REASON:
            return reason
        # The end of the log says most.
        head = f"{sentence} ({error}) Last lines of its log:\n…"
        return head + reason[-(_LONGEST_REASON - len(head)) :]
