"""One thread, one order."""

from __future__ import annotations

import threading

import anyio
import pytest

from huffleraft.errors import StorageFailed
from huffleraft.store.writer import Writer, _Job

pytestmark = pytest.mark.anyio


async def test_o2_jobs_are_done_one_at_a_time_in_the_order_they_were_given() -> None:
    writer = Writer("writer")
    done: list[tuple[int, str]] = []

    async def give(number: int) -> None:
        await writer.run(lambda: done.append((number, threading.current_thread().name)))

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(give, number)
    await writer.stop()
    numbers = [number for number, _ in done]
    assert sorted(numbers) == list(range(100))
    assert {name for _, name in done} == {"writer"}


async def test_what_a_job_returns_or_raises_reaches_its_caller() -> None:
    writer = Writer("writer")
    assert await writer.run(lambda: "result") == "result"
    with pytest.raises(ZeroDivisionError):
        await writer.run(lambda: 1 // 0)
    assert await writer.run(lambda: "and goes on") == "and goes on"
    await writer.stop()


async def test_a_job_put_off_is_done_before_those_given_after_it() -> None:
    writer = Writer("writer")
    done: list[str] = []

    def first() -> None:
        writer.later(lambda: done.append("later"))
        done.append("first")

    await writer.run(first)
    await writer.run(lambda: done.append("second"))
    await writer.stop()
    assert done == ["first", "later", "second"]


async def test_a_job_whose_caller_was_cancelled_is_still_done() -> None:
    writer = Writer("writer")
    begun, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def slow() -> None:
        begun.set()
        assert go_on.wait(10)
        done.append("slow")

    async with anyio.create_task_group() as group:
        group.start_soon(writer.run, slow)
        await anyio.to_thread.run_sync(begun.wait)
        group.cancel_scope.cancel()
    go_on.set()
    await writer.run(lambda: done.append("next"))
    await writer.stop()
    assert done == ["slow", "next"]


async def test_the_thread_ends_when_the_writer_stops() -> None:
    writer = Writer("a writer that ends")
    await writer.stop()
    writer._thread.join(10)
    assert not writer._thread.is_alive()


async def test_whoever_waits_for_a_thread_that_dies_is_told() -> None:
    writer = Writer("a writer that dies")
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert go_on.wait(10)

    async def waits() -> None:
        with pytest.raises(StorageFailed, match="the thread that writes has ended"):
            await writer.run(lambda: "never")

    async with anyio.create_task_group() as group:
        group.start_soon(writer.run, slow)
        await anyio.to_thread.run_sync(begun.wait)
        writer._jobs.put(None)  # where it ends; what is given from now on comes too late
        group.start_soon(waits)
        await anyio.wait_all_tasks_blocked()
        go_on.set()
    writer._thread.join(10)
    with anyio.fail_after(10):
        await waits()


async def test_a_thread_whose_caller_cannot_be_told_dies_and_leaves_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[object] = []
    monkeypatch.setattr(threading, "excepthook", ended.append)
    writer = Writer("a writer without memory")

    def no_memory() -> None:
        raise MemoryError

    writer._jobs.put(_Job(lambda: None, no_memory))
    with anyio.fail_after(10), pytest.raises(StorageFailed):
        await writer.run(lambda: "never")
    writer._thread.join(10)
    assert len(ended) == 1
