"""The store in memory: the same promises, kept by a `MemoryDisk` that outlives its stores.

For tests and simulations of whole nodes, where a crash is to drop the store and open the disk
again.  The disk can be full, or fail, when its owner says so; what it then raises, and what it
holds afterwards, is what `SqliteStore` does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from anyio.lowlevel import checkpoint

from huffleraft.codec.digest import digest
from huffleraft.core.effects import Persist
from huffleraft.core.log import Entry, Snapshot
from huffleraft.core.types import ORIGIN, EntryId, LogIndex, Vote
from huffleraft.errors import (
    ConfigurationInvalid,
    DataDirLocked,
    SnapshotDamaged,
    StorageFailed,
    StorageFull,
)
from huffleraft.ports import Flush, Recovered, Row, Scanned, SessionRow, SnapshotCopy
from huffleraft.store.agreement import require_agreement
from huffleraft.store.copies import Page, RowsPage, page_of_rows, page_of_sessions
from huffleraft.store.founding import Founding, Identity
from huffleraft.store.memory_copies import MemoryStaged, waiting_pages, written

K = TypeVar("K")
V = TypeVar("V")

_CLOSED = "it is closed"


@dataclass(slots=True)
class MemoryDisk:
    """What is durable, and how the disk behaves.

    - ``full``: writes are refused whole with StorageFull, until it is set back.
    - ``failure``: if set, every call fails with StorageFailed for this reason.
    - ``locked``: a store is open on it.
    """

    full: bool = False
    failure: str | None = None
    locked: bool = False
    identity: Identity | None = None
    boot: int = 0
    vote: Vote = field(default_factory=Vote)
    snapshot: Snapshot | None = None
    base: EntryId = ORIGIN
    entries: list[Entry] = field(default_factory=list)
    last_applied: LogIndex = 0
    rows: dict[str, Row] = field(default_factory=dict)
    sessions: dict[LogIndex, SessionRow] = field(default_factory=dict)
    staged: MemoryStaged | None = None

    def require_space(self) -> None:
        """Raise StorageFailed or StorageFull, if the disk is in that state."""
        if self.failure is not None:
            raise StorageFailed(self.failure)
        if self.full:
            raise StorageFull("the disk in memory")

    def persist(self, write: Persist) -> None:
        """Do what *write* says; ValueError, and nothing done, if its entries do not follow."""
        base = write.base or self.base
        entries = [entry for entry in self.entries if entry.index > base.index]
        if write.truncate_from is not None:
            entries = [entry for entry in entries if entry.index < write.truncate_from]
        for entry in write.entries:
            last = entries[-1].index if entries else base.index
            if entry.index != last + 1:
                raise ValueError(f"entry {entry.index} does not follow the log's last, {last}")
            entries.append(entry)
        self.base, self.entries = base, entries
        self.vote, self.snapshot = write.vote or self.vote, write.snapshot or self.snapshot

    def apply(self, changes: Flush) -> None:
        """Do what *changes* say."""
        for key, row in changes.rows.items():
            _put(self.rows, key, row)
        for id_, session in changes.sessions.items():
            _put(self.sessions, id_, session)
        self.last_applied = changes.last_applied

    def pages(self) -> Iterator[Page]:
        """All rows and sessions, page by page."""
        rows = (
            (k.encode(), v.value, v.version, v.changed_index) for k, v in sorted(self.rows.items())
        )
        while (page := page_of_rows(rows)).records:
            yield page
        sessions = (
            (i, s.sequence, s.used_index, s.result) for i, s in sorted(self.sessions.items())
        )
        while (of_sessions := page_of_sessions(sessions)).records:
            yield of_sessions

    def replace(self, pages: Iterable[Page], index: LogIndex) -> None:
        """Let the rows and sessions be those of *pages*, which stand at *index*."""
        rows: dict[str, Row] = {}
        sessions: dict[LogIndex, SessionRow] = {}
        for page in pages:
            if isinstance(page, RowsPage):
                rows.update((k.decode(), Row(v, version, at)) for k, v, version, at in page.records)
            else:
                sessions.update((i, SessionRow(s, at, result)) for i, s, at, result in page.records)
        self.rows, self.sessions, self.last_applied = rows, sessions, index


def _put(kept: dict[K, V], key: K, value: V | None) -> None:
    if value is None:
        kept.pop(key, None)
    else:
        kept[key] = value


async def open_memory(
    disk: MemoryDisk | None = None, *, found: Founding | None = None
) -> tuple[MemoryStore, Recovered]:
    """Open *disk*, or found it as *found* says if it is empty; as `open_sqlite` in all else.

    Without a *disk* the store has one of its own, which is gone when it is.

    Raises DataDirLocked, IdentityMismatch, ConfigurationInvalid, StorageFull or StorageFailed.
    """
    await checkpoint()
    disk = disk or MemoryDisk()
    if disk.locked:
        raise DataDirLocked("the disk in memory")
    disk.require_space()
    if disk.identity is None:
        if found is None:
            raise ConfigurationInvalid("the disk is empty, and nothing says what to make of it")
        disk.identity, disk.vote = found.identity, found.vote
        disk.entries = list(found.entries)
    elif found is not None:
        found.require(disk.identity)
    _require_agreement(disk)
    disk.boot += 1
    disk.locked = True
    recovered = Recovered(
        node_id=disk.identity.node_id,
        cluster_id=disk.identity.cluster_id,
        boot=disk.boot,
        vote=disk.vote,
        snapshot=disk.snapshot,
        base=disk.base,
        entries=tuple(disk.entries),
        last_applied=disk.last_applied,
    )
    return MemoryStore(disk), recovered


def _require_agreement(disk: MemoryDisk) -> None:
    """As an opening of files: what must be restored yet is there; what nobody needs is not."""
    require_agreement(
        "the disk in memory",
        disk.vote,
        disk.snapshot,
        disk.base,
        disk.entries,
        disk.last_applied,
    )
    if disk.snapshot and disk.last_applied < disk.snapshot.last_included_index:
        waiting_pages(disk.staged, disk.snapshot)
    elif disk.staged is not None:
        disk.staged.waits = False
        if disk.staged.copy.index <= disk.last_applied:
            disk.staged = None


class MemoryStore:
    """One node's storage and rows on a `MemoryDisk`; made by `open_memory`."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._disk = disk
        self._failed: StorageFailed | None = None
        self._outgoing: tuple[SnapshotCopy, bytes] | None = None

    async def write(self, writes: Sequence[Persist]) -> None:
        """Make *writes* durable, in their order (`ports.Storage.write`)."""
        await self._begin(writing=True)
        disk = self._disk
        before = (disk.vote, disk.snapshot, disk.base, disk.entries)
        try:
            for write in writes:
                disk.persist(write)
        except ValueError as error:
            disk.vote, disk.snapshot, disk.base, disk.entries = before
            self._failed = StorageFailed(f"{type(error).__name__}: {error}")
            raise self._failed from error

    async def flush(self, changes: Flush) -> None:
        """Write *changes* (`ports.Rows.flush`)."""
        await self._begin(writing=True)
        self._disk.apply(changes)

    async def fetch(self, keys: Collection[str]) -> Mapping[str, Row]:
        """The rows of *keys* as last flushed; missing keys are absent."""
        await self._begin(writing=False)
        return {key: self._disk.rows[key] for key in keys if key in self._disk.rows}

    async def scan(self, prefix: str, first: str, *, rows_max: int, bytes_max: int) -> Scanned:
        """Rows in key order, as last flushed (`ports.Rows.scan`)."""
        await self._begin(writing=False)
        asked = (
            (key, row)
            for key, row in sorted(self._disk.rows.items())
            if key.startswith(prefix) and key >= first
        )
        return Scanned.of(asked, rows_max=rows_max, bytes_max=bytes_max)

    async def sessions(self) -> Mapping[LogIndex, SessionRow]:
        """All sessions as last flushed, in id order."""
        await self._begin(writing=False)
        return dict(sorted(self._disk.sessions.items()))

    async def digest(self) -> bytes:
        """SHA-256 over all flushed rows and sessions."""
        await self._begin(writing=False)
        rows, sessions = sorted(self._disk.rows.items()), sorted(self._disk.sessions.items())
        return digest(
            ((key.encode(), row.value, row.version, row.changed_index) for key, row in rows),
            ((id_, one.sequence, one.used_index, one.result) for id_, one in sessions),
        )

    # Snapshots, as `ports.Snapshots` says.

    async def copy_rows(self) -> SnapshotCopy:
        """Copy the rows and sessions as they are flushed."""
        await self._begin(writing=True)
        index = self._disk.last_applied
        if self._outgoing is None or self._outgoing[0].index != index:
            self._outgoing = written(self._disk.pages(), index)
        return self._outgoing[0]

    async def read_copy(self, copy: SnapshotCopy, offset: int, size: int) -> bytes:
        """At most *size* bytes of *copy* from *offset* on; KeyError if it is gone."""
        await self._begin(writing=False)
        if self._outgoing is None or self._outgoing[0] != copy:
            raise KeyError(copy)
        return self._outgoing[1][offset : offset + size]

    async def stage(self, snapshot: Snapshot, copy: SnapshotCopy) -> int:
        """Begin to receive *copy* of *snapshot*, or go on with it: the offset wanted next."""
        if copy.index != snapshot.last_included_index:
            raise ValueError(f"a copy of index {copy.index} is not that of {snapshot}")
        staged = self._disk.staged
        if staged is None or (staged.snapshot, staged.copy) != (snapshot, copy):
            if staged is not None and staged.waits:
                raise ValueError("another copy waits for its restore")
            async with self._staging():
                self._disk.staged = None
            staged = self._disk.staged = MemoryStaged(snapshot, copy)
        return len(staged.data)

    async def stage_bytes(self, offset: int, data: bytes) -> int:
        """Take the bytes from *offset* on; the offset wanted next."""
        async with self._staging():
            staged = self._received()
            staged.take(offset, data)
        return len(staged.data)

    async def finish_staged(self) -> None:
        """Verify the staged copy, whole, and make it durable."""
        async with self._staging():
            self._received().finish()

    async def discard_staged(self) -> None:
        """Let go of the staged copy."""
        await self._begin(writing=False)
        staged = self._disk.staged
        if staged is not None and staged.waits and staged.snapshot == self._disk.snapshot:
            raise ValueError("the copy waits for its restore, and the log goes on from it")
        self._disk.staged = None

    async def restore(self, snapshot: Snapshot) -> None:
        """Replace all rows and sessions by the staged copy of *snapshot*."""
        await self._begin(writing=True)
        pages = waiting_pages(self._disk.staged, snapshot)
        self._disk.replace(pages, snapshot.last_included_index)
        self._disk.staged = None

    def _received(self) -> MemoryStaged:
        if self._disk.staged is None:
            raise ValueError("no copy is being received")
        return self._disk.staged

    @asynccontextmanager
    async def _staging(self) -> AsyncIterator[None]:
        """Nothing is left of a copy that was damaged, or that the disk has no room for."""
        try:
            await self._begin(writing=True)
            yield
        except (SnapshotDamaged, StorageFull):
            self._disk.staged = None
            raise

    async def close(self) -> None:
        """Leave the disk to the next store."""
        await checkpoint()
        if self._failed is None or self._failed.reason != _CLOSED:
            self._failed = StorageFailed(_CLOSED)
            self._disk.locked = False

    async def _begin(self, *, writing: bool) -> None:
        await checkpoint()
        if self._failed is not None:
            raise StorageFailed(self._failed.reason)
        try:
            if writing or self._disk.failure is not None:
                self._disk.require_space()
        except StorageFailed as error:
            self._failed = error
            raise
