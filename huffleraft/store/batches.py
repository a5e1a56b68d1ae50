"""The log on disk: rows that hold a batch of entries each, chained by their seals.

A row costs SQLite the same whether it holds one entry or a hundred, so entries that were
written together stay together.  Only what removes part of a batch has to open it:

- a truncation rewrites the batch it cuts through;
- a new base *leaves* the batch it cuts through as it is, because the seals of all later
  batches stand on it; the entries at or below the base are skipped when the log is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from huffleraft.codec.entries import ENTRIES_MAX, pack_entries, unpack_entries
from huffleraft.codec.seals import chain
from huffleraft.core.log import Entry
from huffleraft.core.types import EntryId, LogIndex, Term
from huffleraft.errors import FrameInvalid, StorageCorrupt
from huffleraft.store import facts
from huffleraft.store.database import PAGE_BYTES
from huffleraft.store.directory import DATABASE
from huffleraft.store.schema import base as base_table
from huffleraft.store.schema import compiled, log

BATCH_BYTES_MAX = 4 << 20
"""Bytes of commands in one row, unless a single command is larger."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Where the log ends, and the seal that the next batch follows."""

    index: LogIndex
    seal: bytes


_append = compiled(insert(log))
_delete_from = delete(log).where(log.c.first_index >= bindparam("i"))
_delete_up_to = delete(log).where(log.c.last_index <= bindparam("i"))
_rows = select(log).order_by(log.c.first_index)
_last_row = select(log).order_by(log.c.first_index.desc()).limit(1)
_seal_before = (
    select(log.c.seal)
    .where(log.c.first_index < bindparam("i"))
    .order_by(log.c.first_index.desc())
    .limit(1)
)
_last_seal_up_to = (
    select(log.c.seal)
    .where(log.c.last_index <= bindparam("i"))
    .order_by(log.c.first_index.desc())
    .limit(1)
)
_rewrite = (
    update(log)
    .where(log.c.first_index == bindparam("i"))
    .values(last_index=bindparam("last"), entries=bindparam("packed"), seal=bindparam("sealed_as"))
)


def parts(entries: tuple[Entry, ...]) -> Iterator[tuple[Entry, ...]]:
    """*entries* in batches that a row may hold; nearly always one."""
    start = size = 0
    for position, entry in enumerate(entries):
        size += entry.size
        if position > start and (size > BATCH_BYTES_MAX or position - start == ENTRIES_MAX):
            yield entries[start:position]
            start, size = position, entry.size
    yield entries[start:]


def append(connection: Connection, tail: Tail, entries: tuple[Entry, ...]) -> tuple[Tail, int]:
    """Write *entries* as one row after *tail*; the new tail, and about how many pages it took.

    Raises ValueError if they do not follow.
    """
    first, last = entries[0].index, entries[-1].index
    if first != tail.index + 1:
        raise ValueError(f"entry {first} does not follow the log's last, {tail.index}")
    blob = pack_entries(entries)
    seal = chain(tail.seal, first, last, blob)
    connection.exec_driver_sql(_append, (first, last, blob, seal))
    return Tail(last, seal), 2 + len(blob) // PAGE_BYTES


def truncate(connection: Connection, first_removed: LogIndex) -> Tail:
    """Remove all entries from *first_removed* on; the new tail, which is the base at least."""
    base, follows = facts.read_base(connection)
    if first_removed <= base.index + 1:
        # A batch that the base cuts through ends with the rest: what it holds up to the base
        # may be of another past than the base itself.
        connection.execute(_delete_from, {"i": 0})
        return Tail(base.index, follows)
    connection.execute(_delete_from, {"i": first_removed})
    row = connection.execute(_last_row).one_or_none()
    if row is None:
        return Tail(base.index, follows)
    first, last, blob, seal = row
    if last < first_removed:
        return Tail(last, seal)
    kept = pack_entries(unpack_entries(first, blob)[: first_removed - first])
    before = connection.execute(_seal_before, {"i": first}).scalar()
    if before is None:
        before = follows
    last = first_removed - 1
    seal = chain(before, first, last, kept)
    connection.execute(_rewrite, {"i": first, "last": last, "packed": kept, "sealed_as": seal})
    return Tail(last, seal)


def rebase(connection: Connection, tail: Tail, base: EntryId) -> Tail:
    """Remove all entries up to *base*; the new tail.  A base above the log empties it."""
    follows = connection.execute(_last_seal_up_to, {"i": base.index}).scalar()
    if follows is None:
        _, follows = facts.read_base(connection)
    connection.execute(_delete_up_to, {"i": base.index})
    facts.update_fact(connection, base_table, base.term, base.index, follows)
    return tail if tail.index > base.index else Tail(base.index, follows)


def read(connection: Connection) -> tuple[EntryId, tuple[Entry, ...], Tail]:
    """The base, all entries above it, and the tail.

    Raises StorageCorrupt, naming the entries, where the chain of seals is broken.
    """
    base, seal = facts.read_base(connection)
    entries: list[Entry] = []
    index, term = base.index, base.term
    for position, (first, last, blob, stored) in enumerate(connection.execute(_rows)):
        follows = first == index + 1 or (position == 0 and first <= index + 1)
        if not follows:
            raise StorageCorrupt(DATABASE, f"log entry {index + 1}", f"the next is {first}")
        if chain(seal, first, last, blob) != stored:
            raise _broken(first, last, "its seal does not match it and the entries before")
        batch = _unpacked(first, last, blob, term if position else 1)
        entries.extend(entry for entry in batch if entry.index > base.index)
        index, term, seal = last, batch[-1].term, stored
    return base, tuple(entries), Tail(index, seal)


def _unpacked(first: LogIndex, last: LogIndex, blob: bytes, term: Term) -> tuple[Entry, ...]:
    try:
        batch = unpack_entries(first, blob)
    except FrameInvalid as error:
        raise _broken(first, last, error.why) from error
    if not batch or batch[-1].index != last:
        raise _broken(first, last, f"it holds {len(batch)} entries")
    if batch[0].term < term:
        raise _broken(first, last, f"its term {batch[0].term} follows the later term {term}")
    return batch


def _broken(first: LogIndex, last: LogIndex, what: str) -> StorageCorrupt:
    where = f"log entry {first}" if first == last else f"log entries {first} to {last}"
    return StorageCorrupt(DATABASE, where, what)
