"""The store over SQLite: one file, one connection, one thread.

`SqliteStore` is what the runtime writes the core's `Persist` to, and what the state machine
flushes its rows to.  Both take turns in the writer's thread, so a row that is read waits for the
commit before it; the state machine keeps in memory what it reads often.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import anyio
from anyio.lowlevel import checkpoint
from sqlalchemy import Connection

from huffleraft.core.effects import Persist
from huffleraft.core.log import Snapshot
from huffleraft.core.types import LogIndex
from huffleraft.errors import SnapshotDamaged, StorageCorrupt, StorageFailed, StorageFull
from huffleraft.ports import Flush, Recovered, Row, Scanned, SessionRow, SnapshotCopy
from huffleraft.store import batches, facts, keyspace, replacing, schema
from huffleraft.store.batches import Tail
from huffleraft.store.database import Database
from huffleraft.store.directory import DataDirectory
from huffleraft.store.disk_use import DiskUse, disk_use
from huffleraft.store.founding import Founding
from huffleraft.store.merge import GroupCommit, merged
from huffleraft.store.opening import Opened, close_as_after_crash, open_directory
from huffleraft.store.snapshots import FileSnapshots
from huffleraft.store.writer import Writer

logger = logging.getLogger("huffleraft.store")

T = TypeVar("T")


async def open_sqlite(
    data_dir: Path, *, found: Founding | None = None, page_limit: int | None = None
) -> tuple[SqliteStore, Recovered]:
    """Open the data directory of one node, or found it as *found* says if it is empty.

    *page_limit* is a quota for the database, in pages of 4,096 bytes: beyond it the disk counts
    as full.  All that is found is verified (`huffleraft.store.opening`), and the boot is raised
    and durable when this returns.

    Raises, one sentence each: DataDirLocked if another process has it, DataDirUnwritable,
    StorageCorrupt with the file and the place in it, SchemaNewer, IdentityMismatch if it is not
    the node or the cluster of *found*, ConfigurationInvalid if it is empty and *found* is None,
    StorageFull, StorageFailed.  If it is cancelled it is finished first, and closed again: a
    directory that was opened and is not closed counts as crashed.
    """
    writer = Writer("huffleraft-store")
    with anyio.CancelScope(shield=True):
        try:
            directory, opened = await writer.run(
                lambda: _claimed_and_opened(data_dir, found, page_limit)
            )
        except BaseException:
            await writer.stop()
            raise
    store = SqliteStore(writer, directory, opened)
    try:
        await checkpoint()
    except BaseException:
        await store.close()
        raise
    return store, opened.recovered


def _claimed_and_opened(
    data_dir: Path, found: Founding | None, page_limit: int | None
) -> tuple[DataDirectory, Opened]:
    directory = DataDirectory.claim(data_dir)
    try:
        return directory, open_directory(directory, found, page_limit)
    except BaseException:
        directory.release()
        raise


class SqliteStore:
    """One node's storage and rows (`ports.Storage`, `ports.Rows`); made by `open_sqlite`.

    Once a call has raised StorageFailed, every later one does: what is on the disk is no longer
    known, and nothing may be built on it before it is opened and verified anew (W13).
    """

    def __init__(self, writer: Writer, directory: DataDirectory, opened: Opened) -> None:
        self._writer = writer
        self._directory = directory
        self._database: Database = opened.database
        self._tail: Tail = opened.tail
        self._boot = opened.recovered.boot
        self._files = opened.files
        self._snapshots = FileSnapshots(self._run, opened.database, opened.files, opened.staging)
        self._failed: StorageFailed | None = None
        self._closing: anyio.Event | None = None  # asked to close: known to the event loop
        self._closed = False  # known to the thread

    # Storage.

    async def write(self, writes: Sequence[Persist]) -> None:
        """Make *writes* durable in one transaction, in their order (`ports.Storage.write`)."""
        group = merged(writes)
        await self._run(lambda: self._commit(group))

    def _commit(self, group: GroupCommit) -> None:
        parts = tuple(batches.parts(group.entries)) if group.entries else ()
        if group.only_appends and len(parts) <= 1:
            # The common case: a single statement is its own transaction.
            if parts:
                with self._database.errors():
                    tail, frames = batches.append(self._database.connection, self._tail, parts[0])
                self._tail = tail
                self._database.wrote(frames)
            return
        tail, frames = self._tail, 4
        with self._database.transaction(frames) as connection:
            if group.vote is not None:
                vote = group.vote
                facts.update_fact(connection, schema.vote, vote.current_term, vote.voted_for)
            if group.snapshot is not None:
                facts.update_snapshot(connection, group.snapshot)
            if group.base is not None:
                tail = batches.rebase(connection, tail, group.base)
            if group.truncate_from is not None and group.truncate_from <= tail.index:
                tail = batches.truncate(connection, group.truncate_from)
            for part in parts:
                tail, pages = batches.append(connection, tail, part)
                frames += pages
        self._tail = tail

    # Rows.

    async def fetch(self, keys: Collection[str]) -> Mapping[str, Row]:
        """The rows of *keys* as last flushed (`ports.Rows.fetch`).

        Raises StorageCorrupt for a row that does not match its seal.
        """
        return await self._run(lambda: self._read(lambda c: keyspace.fetch(c, keys)))

    async def scan(self, prefix: str, first: str, *, rows_max: int, bytes_max: int) -> Scanned:
        """Rows in key order, as last flushed (`ports.Rows.scan`).  Raises as `fetch` does."""
        return await self._run(
            lambda: self._read(
                lambda c: keyspace.scan(c, prefix, first, rows_max=rows_max, bytes_max=bytes_max)
            )
        )

    async def sessions(self) -> Mapping[LogIndex, SessionRow]:
        """All sessions as last flushed, in id order."""
        return await self._run(lambda: self._read(keyspace.sessions))

    async def flush(self, changes: Flush) -> None:
        """Write *changes* in one transaction (`ports.Rows.flush`)."""
        await self._run(lambda: self._flush(changes))

    def _flush(self, changes: Flush) -> None:
        with self._database.transaction(keyspace.pages_of(changes)) as connection:
            keyspace.flush(connection, changes)

    async def digest(self) -> bytes:
        """SHA-256 over all flushed rows and sessions; writes wait until it is done."""
        return await self._run(lambda: self._read(keyspace.state_digest))

    def _read(self, query: Callable[[Connection], T]) -> T:
        with self._database.errors():
            return query(self._database.connection)

    # Snapshots, as `ports.Snapshots` says.

    async def copy_rows(self) -> SnapshotCopy:
        """Copy the durable rows and sessions."""
        return await self._snapshots.copy_rows()

    async def read_copy(self, copy: SnapshotCopy, offset: int, size: int) -> bytes:
        """At most *size* bytes of *copy* from *offset* on; KeyError if it is gone."""
        return await self._snapshots.read_copy(copy, offset, size)

    async def stage(self, snapshot: Snapshot, copy: SnapshotCopy) -> int:
        """Begin to receive *copy* of *snapshot*, or go on with it: the offset wanted next."""
        return await self._snapshots.stage(snapshot, copy)

    async def stage_bytes(self, offset: int, data: bytes) -> int:
        """Take the bytes from *offset* on; the offset wanted next."""
        return await self._snapshots.stage_bytes(offset, data)

    async def finish_staged(self) -> None:
        """Verify the staged copy, whole, and make it durable."""
        await self._snapshots.finish_staged()

    async def discard_staged(self) -> None:
        """Let go of the staged copy."""
        await self._snapshots.discard_staged()

    async def restore(self, snapshot: Snapshot) -> None:
        """Replace all rows and sessions by the staged copy of *snapshot*."""
        await self._snapshots.restore(snapshot)
        self._writer.later(self._shed)

    def _shed(self) -> None:
        """Remove a portion of what was replaced; an opening removes what a close has left."""
        if self._closed or self._failed is not None:
            return
        try:
            more = self._guarded(lambda: replacing.shed(self._database))
        except (StorageFull, StorageFailed) as error:
            logger.warning("rows that were replaced could not be removed: %s", error)
            return
        if more:
            self._writer.later(self._shed)

    # Limits and ends.

    async def disk_use(self) -> DiskUse:
        """What the data directory takes.

        Rows and entries that were dropped leave room in the database's file, which is used again
        before it grows; the file itself never shrinks.
        """
        return await self._run(lambda: disk_use(self._directory, self._database, self._files))

    async def limit_pages(self, page_limit: int | None) -> None:
        """Set the quota anew, in pages of 4,096 bytes; None lifts it."""
        await self._run(lambda: self._database.limit_pages(page_limit))

    async def close(self) -> None:
        """End it, after the calls made before; then the directory is free again.  Never raises.

        The write-ahead log is folded into the file and removed; where that cannot be, it stays,
        and the next opening goes on from it.  Later calls raise StorageFailed.
        """
        if self._closing is not None:
            await self._closing.wait()
            return
        self._closing = anyio.Event()
        with anyio.CancelScope(shield=True):
            try:
                await self._writer.run(self._close)
                await self._writer.stop()
            except StorageFailed as error:
                logger.warning("the database stays open until the process ends: %s", error)
            finally:
                self._closing.set()

    def _close(self) -> None:
        self._closed = True
        if self._failed is None and self._say_closed():
            self._database.close()
        else:
            close_as_after_crash(self._directory, self._database)
        self._directory.release()

    def _say_closed(self) -> bool:
        """Have the file itself say that it needs no log; whether that could be done."""
        try:
            with self._database.transaction(frames=1) as connection:
                facts.update_fact(connection, schema.boot, self._boot, True)
            return self._database.checkpoint("TRUNCATE")
        except (StorageFull, StorageFailed) as error:
            logger.warning("the database is left as after a crash: %s", error)
            return False

    # How every call goes.

    async def _run(self, work: Callable[[], T]) -> T:
        """Run *work* in the writer's thread, unless that has lost its meaning."""
        self._require_open()
        return await self._writer.run(lambda: self._guarded(work))

    def _require_open(self) -> None:
        if self._closed:
            raise StorageFailed("it is closed")
        if self._failed is not None:
            raise StorageFailed(self._failed.reason)

    def _guarded(self, work: Callable[[], T]) -> T:
        self._require_open()
        try:
            result = work()
        except (StorageFull, SnapshotDamaged):
            raise  # they say nothing of what is durable
        except StorageFailed as error:
            self._failed = error
            raise
        except StorageCorrupt as error:
            self._failed = StorageFailed(str(error))
            raise
        except Exception as error:
            self._failed = StorageFailed(f"{type(error).__name__}: {error}")
            raise self._failed from error
        if self._database.checkpoint_due:
            self._writer.later(self._checkpoint)
        return result

    def _checkpoint(self) -> None:
        """Checkpoint between commits, if one is due still; an error fails every later call."""
        if self._closed or self._failed is not None or not self._database.checkpoint_due:
            return
        try:
            self._guarded(self._database.checkpoint)
        except StorageFailed as error:
            logger.warning("no checkpoint could be made: %s", error)
