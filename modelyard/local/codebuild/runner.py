"""What builds run now."""

from __future__ import annotations

import shutil
import threading
import uuid

from modelyard.local.codebuild.api import builds
from modelyard.local.codebuild.build import Build
from modelyard.local.codebuild.events import interrupted
from modelyard.local.sagemaker.context import Context, Record, SageMaker
from modelyard.local.sagemaker.jobs.roles import Roles

__all__ = ["BuildRunner"]

_CLOSE_SECONDS = 5.0


class BuildRunner:
    """The component ``codebuild``: one thread a build."""

    def __init__(self, service: SageMaker) -> None:
        self._service = service
        self._folder = service.state_dir / "builds"
        self._roles = Roles("codebuild.amazonaws.com")
        self._running: dict[str, tuple[Build, threading.Thread]] = {}
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self, context: Context, record: Record) -> None:
        """Run a build in the background."""
        folder = self._folder / uuid.uuid4().hex
        project = f"{context.account}-{context.region}-{record['projectName']}"
        build = Build(context, record, folder, self._service.state_dir / "build-caches" / project, self._roles)

        def run() -> None:
            try:
                build.run()
            finally:
                self._running.pop(record["id"], None)
                shutil.rmtree(folder, ignore_errors=True)

        # Its thread takes itself out again, so it must be in before it can end.
        with self._service.lock:
            self._running[record["id"]] = build, context.spawn(f"build-{record['id']}", run)

    def stop(self, id: str) -> None:
        """Ask a build to stop; returns at once."""
        build, _ = self._running.get(id, (None, None))
        if build is not None:
            threading.Thread(target=build.stop, name=f"stop-{id}", daemon=True).start()

    def restored(self) -> None:
        """Mark builds that the kept state calls running."""
        for context in self._service.contexts():
            for record in builds(context).values():
                if record["id"] not in self._running:
                    interrupted(context, record)

    def close(self) -> None:
        """End every build."""
        running = list(self._running.values())
        for build, _ in running:
            build.stop()
        for _, thread in running:
            thread.join(_CLOSE_SECONDS)
