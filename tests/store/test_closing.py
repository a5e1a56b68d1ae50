"""How a store ends: in order, once, and with its promises kept."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import anyio
import pytest

from huffleraft.core.effects import Persist
from huffleraft.errors import StorageFailed
from huffleraft.ports import Recovered
from huffleraft.store.directory import DataDirectory
from huffleraft.store.sqlite import SqliteStore, open_sqlite
from tests.store.stories import FOUNDING, commands

pytestmark = pytest.mark.anyio


async def recovered_from(path: Path) -> Recovered:
    store, recovered = await open_sqlite(path)
    await store.close()
    return recovered


async def busy_store(path: Path, go_on: threading.Event) -> SqliteStore:
    """A store whose thread waits for *go_on*."""
    store, _ = await open_sqlite(path, found=FOUNDING)
    store._writer.later(lambda: go_on.wait(10))
    return store


async def test_a_write_under_way_is_done_before_the_close(tmp_path: Path) -> None:
    go_on = threading.Event()
    store = await busy_store(tmp_path, go_on)
    acknowledged: list[int] = []

    async def write(index: int) -> None:
        await store.write((Persist(index, entries=commands(index, 1)),))
        acknowledged.append(index)

    async with anyio.create_task_group() as group:
        group.start_soon(write, 2)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(store.close)
        await anyio.wait_all_tasks_blocked()
        go_on.set()
    assert acknowledged == [2]
    with pytest.raises(StorageFailed, match="it is closed"):
        await write(3)
    assert (await recovered_from(tmp_path)).entries[1:] == commands(2, 1)


async def test_a_write_after_the_close_was_asked_is_refused_and_not_half_done(
    tmp_path: Path,
) -> None:
    go_on = threading.Event()
    store = await busy_store(tmp_path, go_on)

    async def write_too_late() -> None:
        with pytest.raises(StorageFailed, match="it is closed"):
            await store.write((Persist(1, entries=commands(2, 1)),))

    async with anyio.create_task_group() as group:
        group.start_soon(store.close)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(write_too_late)
        await anyio.wait_all_tasks_blocked()
        go_on.set()
    assert len((await recovered_from(tmp_path)).entries) == 1


async def test_whoever_closes_second_waits_until_it_is_closed(tmp_path: Path) -> None:
    go_on = threading.Event()
    store = await busy_store(tmp_path, go_on)

    async def close_and_claim() -> None:
        await store.close()
        DataDirectory.claim(tmp_path).release()

    async with anyio.create_task_group() as group:
        group.start_soon(close_and_claim)
        group.start_soon(close_and_claim)
        await anyio.wait_all_tasks_blocked()
        go_on.set()


async def test_a_cancelled_close_is_finished(tmp_path: Path) -> None:
    go_on = threading.Event()
    store = await busy_store(tmp_path, go_on)
    async with anyio.create_task_group() as group:
        group.start_soon(store.close)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
        go_on.set()
    assert (await recovered_from(tmp_path)).boot == 2


async def test_a_store_whose_thread_died_fails_instead_of_waiting_for_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, _ = await open_sqlite(tmp_path, found=FOUNDING)
    store._writer._jobs.put(None)
    store._writer._thread.join(10)
    with anyio.fail_after(10):
        with pytest.raises(StorageFailed, match="the thread that writes has ended"):
            await store.write((Persist(1, entries=commands(2, 1)),))
        await store.close()
    assert "the database stays open until the process ends" in caplog.text


async def test_an_opening_that_is_cancelled_leaves_what_a_close_leaves(tmp_path: Path) -> None:
    store, _ = await open_sqlite(tmp_path, found=FOUNDING)
    await store.write((Persist(1, entries=commands(2, 5)),))
    await store.close()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await open_sqlite(tmp_path)
    assert scope.cancelled_caught
    recovered = await recovered_from(tmp_path)
    assert recovered.entries[1:] == commands(2, 5)


async def test_a_founding_that_is_cancelled_is_done_or_not_begun(tmp_path: Path) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(partial(open_sqlite, tmp_path, found=FOUNDING))
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert len((await recovered_from(tmp_path)).entries) == 1
