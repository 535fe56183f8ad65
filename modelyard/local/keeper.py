"""When state is kept: soon after somebody asks for it, every 30 seconds, and at the end."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from modelyard.local import emulator_state
from modelyard.local.emulator import Emulator
from modelyard.local.instance import Paths
from modelyard.local.snapshots import Snapshot, SnapshotStore

__all__ = ["Keeper"]

log = logging.getLogger("modelyard.local")

INTERVAL_SECONDS = 30.0
# Requests that come in a burst (a stack of forty resources) are answered by one snapshot, and where they come all the
# time, keeping takes at most a tenth of it.
POLL_SECONDS = 0.2
REST = 9
MOST_REST_SECONDS = 3.0
SAGEMAKER = "modelyard-sagemaker"


class Keeper:
    """Takes and restores snapshots of ministack and the local SageMaker together; ``interval`` is in seconds."""

    def __init__(self, paths: Paths, emulator: Emulator, sagemaker: Any, interval: float = INTERVAL_SECONDS) -> None:
        self._store = SnapshotStore(paths.state, emulator_state.encode_default, emulator_state.decode_hook)
        self._emulator = emulator
        self._sagemaker = sagemaker
        self._interval = interval

    async def restore(self) -> tuple[float | None, list[str]]:
        """Put the last snapshot back: (when it was taken, stacks that were half-done then)."""
        snapshot = await asyncio.to_thread(self._store.load)
        if snapshot is None:
            return None, []
        own = snapshot.parts.pop(SAGEMAKER)
        emulator_state.restore(snapshot.parts)
        interrupted = emulator_state.mark_interrupted()
        await asyncio.to_thread(self._sagemaker.restore, own)
        return snapshot.taken_at, interrupted

    async def run(self) -> None:
        """Keep state until cancelled."""
        due = time.monotonic() + self._interval
        took = 0.0
        while True:
            await asyncio.sleep(min(max(POLL_SECONDS, REST * took), MOST_REST_SECONDS))
            took = 0.0
            if not self._emulator.snapshot_wanted() and time.monotonic() < due:
                continue
            began = time.monotonic()
            await self.take_or_log()
            took = time.monotonic() - began
            due = time.monotonic() + self._interval

    async def take_or_log(self) -> None:
        """Take a snapshot now; if that fails the one before stays, and the log says why."""
        try:
            await self.take()
        except Exception:
            log.exception("no snapshot could be taken; the one before stays")

    async def take(self) -> None:
        """Take a snapshot now. What it holds is of one moment; it is written while requests go on."""
        # Waiting for the lock here would stop the event loop, and with it the call that its holder may be making.
        while not self._sagemaker.lock.acquire(blocking=False):
            await asyncio.sleep(0.005)
        try:
            with emulator_state.undisturbed():
                parts = {**emulator_state.capture(), SAGEMAKER: self._sagemaker.state()}
        finally:
            self._sagemaker.lock.release()
        await asyncio.to_thread(self._store.save, Snapshot(time.time(), parts))
