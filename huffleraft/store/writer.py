"""One thread that owns the disk, and the way to it from an event loop.

A commit waits for the disk for milliseconds, so it may not run on the event loop; and SQLite is
safest with one connection used by one thread.  A pool of threads is the wrong tool: it costs a
hop of 90 microseconds of CPU on asyncio and 180 on trio, and keeps no order.  One thread that
takes jobs from one queue costs half of that and *is* the order (obligation O2).

The way back is each loop's own: `call_soon_threadsafe` on asyncio, `run_sync_soon` on trio.

Whoever waits for the thread is answered even if it dies: a node that waits for ever for its disk
looks alive and is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, Protocol, TypeVar, cast

import anyio
from anyio.lowlevel import current_token

from huffleraft.errors import StorageFailed

T = TypeVar("T")


@dataclass(slots=True)
class _Job(Generic[T]):
    """Something to be done in the thread, and what came of it."""

    work: Callable[[], T]
    settle: Callable[[], None]
    """Called in the thread when it is done: wakes who waits, wherever that is."""
    result: T | None = None
    error: BaseException | None = None


class _TrioToken(Protocol):
    """What of `trio.lowlevel.TrioToken` is used; trio may not be installed."""

    def run_sync_soon(self, fn: Callable[[], object]) -> None: ...


class Writer:
    """Runs jobs one at a time, in the order they were given; for one event loop."""

    def __init__(self, name: str) -> None:
        """Start the thread; call it in the event loop that will await the jobs."""
        native = current_token().native_token
        self._loop = native if isinstance(native, asyncio.AbstractEventLoop) else None
        self._trio = None if self._loop is not None else cast("_TrioToken", native)
        self._jobs: SimpleQueue[_Job[object] | None] = SimpleQueue()
        self._ended = False
        # A daemon: a program that forgets to close its store can still end.
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[], T]) -> T:
        """Run *work* in the thread; what it returns or raises is returned or raised here.

        If the caller is cancelled, *work* is still done, in its place; nobody hears of it.
        Raises StorageFailed if the thread has ended, or ends before it.
        """
        if self._loop is not None:
            return await self._run_on_asyncio(work, self._loop)
        return await self._run_on_trio(work)

    def later(self, work: Callable[[], object]) -> None:
        """Run *work*, which raises nothing, in the thread after the jobs that wait.

        May be called in the thread itself.
        """
        self._jobs.put(_Job(work, lambda: None))

    async def stop(self) -> None:
        """End the thread once all jobs given before this are done."""
        await self.run(lambda: self._jobs.put(None))

    async def _run_on_asyncio(self, work: Callable[[], T], loop: asyncio.AbstractEventLoop) -> T:
        done: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not done.done():
                done.set_result(None)

        def settle() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(wake)

        job = _Job(work, settle)
        self._give(cast("_Job[object]", job))
        await done
        return _outcome(job)

    async def _run_on_trio(self, work: Callable[[], T]) -> T:
        done = anyio.Event()

        def settle() -> None:
            with suppress(RuntimeError):  # the run is over: nobody waits any more
                assert self._trio is not None
                self._trio.run_sync_soon(done.set)

        job = _Job(work, settle)
        self._give(cast("_Job[object]", job))
        await done.wait()
        return _outcome(job)

    def _give(self, job: _Job[object]) -> None:
        self._jobs.put(job)
        if self._ended:  # looked at after the put: so either the thread sees the job, or we do
            self._refuse_rest()

    def _work(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                try:
                    job.result = job.work()
                except BaseException as error:  # noqa: BLE001  # whatever it is, it is the caller's
                    job.error = error
                job.settle()
        finally:
            self._ended = True
            self._refuse_rest()

    def _refuse_rest(self) -> None:
        with suppress(Empty):
            while True:
                job = self._jobs.get_nowait()
                if job is not None:
                    job.error = StorageFailed("the thread that writes has ended")
                    job.settle()


def _outcome(job: _Job[T]) -> T:
    if job.error is not None:
        try:
            raise job.error
        finally:
            job.error = None  # an error and the frame it was raised in would keep each other alive
    return cast("T", job.result)
