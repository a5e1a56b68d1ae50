"""The store in memory: the same promises, kept by a `MemoryDisk` that outlives its stores.

For tests and simulations of whole nodes, where a crash is to drop the store and open the disk
again.  The disk can be full, or fail, when its owner says so; what it then raises, and what it
holds afterwards, is what `SqliteStore` does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from anyio.lowlevel import checkpoint

from huffleraft.codec.digest import digest
from huffleraft.core.effects import Persist
from huffleraft.core.log import Entry
from huffleraft.core.types import ORIGIN, EntryId, LogIndex, Vote
from huffleraft.errors import ConfigurationInvalid, DataDirLocked, StorageFailed, StorageFull
from huffleraft.ports import Flush, Recovered, Row, SessionRow
from huffleraft.store.founding import Founding, Identity

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
    base: EntryId = ORIGIN
    entries: list[Entry] = field(default_factory=list)
    last_applied: LogIndex = 0
    rows: dict[str, Row] = field(default_factory=dict)
    sessions: dict[LogIndex, SessionRow] = field(default_factory=dict)

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
        self.base, self.entries, self.vote = base, entries, write.vote or self.vote

    def apply(self, changes: Flush) -> None:
        """Do what *changes* say."""
        for key, row in changes.rows.items():
            _put(self.rows, key, row)
        for id_, session in changes.sessions.items():
            _put(self.sessions, id_, session)
        self.last_applied = changes.last_applied


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
    disk.boot += 1
    disk.locked = True
    recovered = Recovered(
        node_id=disk.identity.node_id,
        cluster_id=disk.identity.cluster_id,
        boot=disk.boot,
        vote=disk.vote,
        base=disk.base,
        entries=tuple(disk.entries),
        last_applied=disk.last_applied,
    )
    return MemoryStore(disk), recovered


class MemoryStore:
    """One node's storage and rows on a `MemoryDisk`; made by `open_memory`."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._disk = disk
        self._failed: StorageFailed | None = None

    async def write(self, writes: Sequence[Persist]) -> None:
        """Make *writes* durable, in their order (`ports.Storage.write`)."""
        await self._begin(writing=True)
        before = (self._disk.vote, self._disk.base, self._disk.entries)
        try:
            for write in writes:
                self._disk.persist(write)
        except ValueError as error:
            self._disk.vote, self._disk.base, self._disk.entries = before
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
