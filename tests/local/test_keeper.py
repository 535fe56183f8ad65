"""When state is kept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ministack import app

from modelyard.local import keeper as keeper_module
from modelyard.local.emulator import Emulator
from modelyard.local.instance import Paths
from modelyard.local.keeper import Keeper
from modelyard.local.snapshots import SnapshotStore
from tests.local.asgi import request


class SageMakerTables:
    """What the keeper uses of the local SageMaker."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.tables: dict[str, Any] = {"groups": 0}

    def state(self) -> dict[str, Any]:
        return dict(self.tables)

    def restore(self, state: dict[str, Any]) -> None:
        self.tables = state


class Scene:
    """A keeper over ministack in this process."""

    def __init__(self, folder: Path, interval: float = 3600) -> None:
        self.paths = Paths(folder)
        self.emulator = Emulator("http://127.0.0.1:1", "LKIATEST")
        self.sagemaker = SageMakerTables()
        self.keeper = Keeper(self.paths, self.emulator, self.sagemaker, interval)

    def taken_at(self) -> float | None:
        snapshot = SnapshotStore(self.paths.state, lambda value: value, lambda value: value).load()
        return None if snapshot is None else snapshot.taken_at

    async def next_snapshot(self) -> None:
        before = self.taken_at()
        async with asyncio.timeout(30):
            while self.taken_at() == before:
                await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    yield
    app._reset_all_state()


async def put_parameter(value: str) -> None:
    body = f'{{"Name": "/a", "Value": "{value}", "Type": "String", "Overwrite": true}}'
    assert (await request("ssm", body, x_amz_target="AmazonSSM.PutParameter"))[0] == 200


async def parameter() -> str:
    return (await request("ssm", '{"Name": "/a"}', x_amz_target="AmazonSSM.GetParameter"))[1]


def test_without_any_request_state_is_kept_again_and_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path, interval=0.01)

    async def scenario() -> None:
        running = asyncio.create_task(scene.keeper.run())
        await scene.next_snapshot()
        await scene.next_snapshot()
        running.cancel()

    asyncio.run(scenario())


def test_the_usual_interval_is_thirty_seconds() -> None:
    assert keeper_module.INTERVAL_SECONDS == 30


def test_a_request_is_answered_without_waiting_for_the_interval(tmp_path: Path) -> None:
    scene = Scene(tmp_path)

    async def scenario() -> None:
        running = asyncio.create_task(scene.keeper.run())
        scene.emulator.request_snapshot()
        await scene.next_snapshot()
        running.cancel()

    asyncio.run(scenario())


def test_what_was_kept_comes_back_into_an_empty_process(tmp_path: Path) -> None:
    scene = Scene(tmp_path)

    async def scenario() -> tuple[str, str]:
        await put_parameter("kept")
        scene.sagemaker.tables = {"groups": 1}
        await scene.keeper.take()
        app._reset_all_state()
        forgotten = await parameter()
        again = Scene(tmp_path)
        assert await again.keeper.restore() == (scene.taken_at(), [])
        assert again.sagemaker.tables == {"groups": 1}
        return forgotten, await parameter()

    forgotten, found = asyncio.run(scenario())
    assert "ParameterNotFound" in forgotten
    assert '"Value": "kept"' in found


def test_a_snapshot_waits_for_the_operation_under_way_without_stopping_the_event_loop(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    held, release = threading.Event(), threading.Event()

    def operation() -> None:
        with scene.sagemaker.lock:
            held.set()
            release.wait(30)
            scene.sagemaker.tables = {"groups": 2}

    async def scenario() -> None:
        operating = asyncio.create_task(asyncio.to_thread(operation))
        await asyncio.to_thread(held.wait, 30)
        taking = asyncio.create_task(scene.keeper.take())
        await put_parameter("meanwhile")  # the loop still answers
        assert not taking.done()
        release.set()
        await taking
        await operating

    asyncio.run(scenario())
    again = Scene(tmp_path)
    asyncio.run(again.keeper.restore())
    assert again.sagemaker.tables == {"groups": 2}


def test_a_snapshot_that_fails_is_logged_and_the_one_before_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(tmp_path)
    asyncio.run(scene.keeper.take())
    before = scene.taken_at()
    scene.sagemaker.tables = {"groups": object()}
    asyncio.run(scene.keeper.take_or_log())
    assert scene.taken_at() == before
    assert "no snapshot could be taken; the one before stays" in caplog.text
