"""`ports.Snapshots` over files: each step of the work is a job of its own in the writer's thread.

Between two steps the thread does what else waits for it, so a write of the log waits for one
page.  A caller that is cancelled is heard between two steps as well: no step is ever left
unknown, and what was begun is given up in the thread, in order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import anyio
from anyio.lowlevel import checkpoint

from huffleraft.core.log import Snapshot
from huffleraft.errors import StorageFailed
from huffleraft.ports import SnapshotCopy
from huffleraft.store import facts
from huffleraft.store.database import Database
from huffleraft.store.outgoing import Outgoing
from huffleraft.store.replacing import replace_rows
from huffleraft.store.side_files import SideFiles
from huffleraft.store.staging import Staging

T = TypeVar("T")


class Run(Protocol):
    """Where the work is done."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """Run *work* in the writer's thread."""
        ...


@dataclass(frozen=True, slots=True)
class _Done(Generic[T]):
    """What a work of several steps came to."""

    value: T


class FileSnapshots:
    """The copies of one node, as files beside its database."""

    def __init__(self, run: Run, database: Database, files: SideFiles, staging: Staging) -> None:
        self._run = run
        self._database = database
        self._outgoing = Outgoing(database, files)
        self._staging = staging
        self._copying, self._receiving = anyio.Lock(), anyio.Lock()

    # On its way out.

    async def copy_rows(self) -> SnapshotCopy:
        """A frozen copy of the rows as they are flushed (`ports.Snapshots.copy_rows`)."""
        async with self._copying:
            return await self._in_steps(self._outgoing.make())

    async def read_copy(self, copy: SnapshotCopy, offset: int, size: int) -> bytes:
        """At most *size* bytes of *copy* from *offset* on; KeyError if it is gone."""
        data = await self._run(lambda: self._outgoing.read(copy, offset, size))
        if data is None:
            raise KeyError(copy)
        return data

    # On its way in.

    async def stage(self, snapshot: Snapshot, copy: SnapshotCopy) -> int:
        """Begin to receive *copy*, or go on with it (`ports.Snapshots.stage`)."""
        if copy.index != snapshot.last_included_index:
            raise ValueError(f"a copy of index {copy.index} is not that of {snapshot}")
        async with self._receiving:
            offset = await self._run(lambda: self._staging.begin(snapshot, copy))
        if offset is None:
            raise ValueError("another copy waits for its restore")
        return offset

    async def stage_bytes(self, offset: int, data: bytes) -> int:
        """Take the bytes from *offset* on; the offset that is wanted next."""
        async with self._receiving:
            wanted = await self._run(lambda: self._staging.take(offset, data))
        if wanted is None:
            raise ValueError("no copy is being received")
        return wanted

    async def finish_staged(self) -> None:
        """Verify the staged copy and make it durable (`ports.Snapshots.finish_staged`)."""
        async with self._receiving:
            finished = await self._in_steps(self._staging.finish())
        if not finished:
            raise ValueError("no copy is being received")

    async def discard_staged(self) -> None:
        """Let go of the staged copy (`ports.Snapshots.discard_staged`)."""
        async with self._receiving:
            discarded = await self._run(self._discard)
        if not discarded:
            raise ValueError("the copy waits for its restore, and the log goes on from it")

    def _discard(self) -> bool:
        with self._database.errors():
            recorded = facts.read_snapshot(self._database.connection)
        if recorded is not None and recorded == self._staging.waiting:
            return False
        self._staging.discard()
        return True

    async def restore(self, snapshot: Snapshot) -> None:
        """Replace all rows by the staged copy of *snapshot* (`ports.Snapshots.restore`)."""
        async with self._receiving:
            await self._in_steps(self._restore(snapshot))

    def _restore(self, snapshot: Snapshot) -> Generator[None, None, None]:
        with closing(self._staging.pages(snapshot)) as pages:
            yield from replace_rows(self._database, pages, snapshot.last_included_index)
        self._staging.discard()

    # How all of it goes.

    async def _in_steps(self, steps: Generator[None, None, T]) -> T:
        """Do *steps*, each as a job of its own; what the last one returns."""
        done: _Done[T] | None = None
        try:
            while done is None:
                await checkpoint()
                with anyio.CancelScope(shield=True):
                    done = await self._run(lambda: _advanced(steps))
        finally:
            # It has files and queries open, and those belong to the thread.
            with anyio.CancelScope(shield=True), suppress(StorageFailed):
                await self._run(steps.close)
        return done.value


def _advanced(steps: Generator[None, None, T]) -> _Done[T] | None:
    """Do one step; what all of them came to, if it was the last."""
    try:
        next(steps)
    except StopIteration as end:
        return _Done(end.value)
    return None
