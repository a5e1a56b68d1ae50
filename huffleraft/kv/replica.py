"""The replicated state machine of one node: the pure machine over rows kept write-behind.

Writing each applied row through to the disk costs several times what the log itself does, and
buys nothing: the log is durable already.  So changes stay in an overlay, reads look there
first, and from time to time one flush writes what was changed together with the index up to
which it stands.  After a crash the log applies the rest again, and as the machine is
deterministic, it comes to the same state; the log is compacted only below `flushed_index`.

What may be called when:

- `apply` by one task at a time.  It suspends only to fetch rows that it lacks, all in one
  fetch, *before* it changes anything; then the whole batch takes effect without a pause.  So a
  concurrent reader or flush sees all of a batch or nothing of it, and a cancelled `apply` did
  nothing.
- `query` by any number of tasks, beside everything else.  Its answer is the state at one
  moment, the one just before it returns, and `applied_index` says which.
- `flush`, `digest` and `copy` by any task; they wait for each other.  Changes go on meanwhile.
- `restore` while nothing is applied; the others wait for it.  A reader sees the state before it
  or after it, never some of both.

It has no task of its own: whoever drives it looks at `needs_flush` after applying.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

import anyio

from huffleraft.core.configuration import Configuration
from huffleraft.core.log import Entry, Snapshot
from huffleraft.core.types import LogIndex, NodeId
from huffleraft.errors import FrameInvalid
from huffleraft.kv import machine
from huffleraft.kv.cache import UNKNOWN
from huffleraft.kv.commands import Cas, Delete, Register, Set
from huffleraft.kv.overlay import Bounds, Overlay
from huffleraft.kv.pages import first_of, is_asked, page_of
from huffleraft.kv.queries import (
    PAGE_BYTES_MAX,
    PAGE_READ_BYTES_MAX,
    Found,
    Get,
    Hashed,
    Missing,
    Page,
    Scan,
    StateHash,
    decode_query,
    encode_answer,
)
from huffleraft.kv.results import Refused
from huffleraft.kv.roster import ROSTER_KEY, former_members
from huffleraft.kv.sessions import Sessions
from huffleraft.ports import Row, Rows, SessionRow, SnapshotCopy


class DurableRows(Rows, Protocol):
    """Rows that can be copied and replaced as a whole: what of `Snapshots` is needed here."""

    async def copy_rows(self) -> SnapshotCopy:
        """As `Snapshots.copy_rows`."""
        ...

    async def restore(self, snapshot: Snapshot) -> None:
        """As `Snapshots.restore`."""
        ...


class KvStateMachine:
    """Keys, versions and sessions of one node; implements `ports.StateMachine`.

    *last_applied*, *sessions* and *former*, the members that have left, are as the durable *rows*
    stand.
    """

    __slots__ = (
        "_applying",
        "_bounds",
        "_flushed_index",
        "_flushing",
        "_former",
        "_last_applied",
        "_overlay",
        "_restoring",
        "_rows",
        "_sessions",
    )

    def __init__(
        self,
        rows: DurableRows,
        last_applied: LogIndex,
        sessions: Mapping[LogIndex, SessionRow],
        bounds: Bounds | None = None,
        *,
        former: frozenset[NodeId] = frozenset(),
    ) -> None:
        self._rows = rows
        self._sessions = Sessions(sessions)
        self._last_applied = self._flushed_index = last_applied
        self._bounds = Bounds() if bounds is None else bounds
        self._overlay = Overlay(self._bounds)
        self._flushing = anyio.Lock()
        self._applying = False
        self._restoring = False
        self._former = former

    @classmethod
    async def open(
        cls, rows: DurableRows, last_applied: LogIndex, bounds: Bounds | None = None
    ) -> KvStateMachine:
        """The state machine over *rows*, whose sessions and former members are read first."""
        sessions, former = await rows.sessions(), await _former_in(rows)
        return cls(rows, last_applied, sessions, bounds, former=former)

    @property
    def last_applied(self) -> LogIndex:
        """The index of the last entry applied, in memory."""
        return self._last_applied

    @property
    def flushed_index(self) -> LogIndex:
        """The index up to which the durable rows stand; the log is needed above it."""
        return self._flushed_index

    @property
    def former_members(self) -> frozenset[NodeId]:
        """The ids that have left the cluster, by what is applied; none of them is used again."""
        return self._former

    @property
    def needs_flush(self) -> bool:
        """Whether memory, or the work of the next start, calls for a `flush`."""
        unflushed = self._last_applied - self._flushed_index
        return unflushed >= self._bounds.unflushed_entries or self._overlay.is_full

    # Applying.

    async def apply(self, entries: Sequence[Entry]) -> Sequence[bytes]:
        """Apply *entries*, which follow `last_applied`; the encoded result of each, in order.

        An entry that is no command has the empty result.  Raises ValueError for entries that do
        not follow, RuntimeError for a call while another, or a `restore`, runs, and whatever
        `Rows.fetch` does; then nothing was applied.
        """
        if self._restoring:
            raise RuntimeError("nothing is applied while a state is restored")
        if self._applying:
            raise RuntimeError("entries are applied by one task; another apply is still running")
        self._require_next(entries)
        commands = [machine.read(entry.payload) for entry in entries]
        self._applying = True
        try:
            rows = await self._rows_for(commands)
        finally:
            self._applying = False
        return self._run(entries, commands, rows)

    def _run(
        self,
        entries: Sequence[Entry],
        commands: Sequence[machine.Asked | None],
        rows: dict[str, Row | None],
    ) -> list[bytes]:
        """The whole batch, without a pause; *rows* holds every key that it concerns."""
        results: list[bytes] = []
        changed_rows: dict[str, Row | None] = {}
        changed_sessions: dict[LogIndex, SessionRow | None] = {}
        for entry, command in zip(entries, commands, strict=True):
            if command is None:
                results.append(b"")
                continue
            applied = machine.run(rows, self._sessions, entry.index, command)
            results.append(applied.result)
            for key, row in applied.rows:
                rows[key] = changed_rows[key] = row
            if isinstance(command, Configuration):
                self._former = former_members(rows[ROSTER_KEY])
            for session, session_row in applied.sessions:
                self._sessions.write(session, session_row)
                changed_sessions[session] = session_row
        self._overlay.write(changed_rows, changed_sessions)
        self._last_applied += len(entries)
        return results

    async def _rows_for(self, commands: Iterable[machine.Asked | None]) -> dict[str, Row | None]:
        """The row of every key that *commands* concern, those not in memory in one fetch.

        Only `apply` changes rows, and this is its one call, so what was looked up before the
        fetch is still so after it.
        """
        rows: dict[str, Row | None] = {}
        unknown: list[str] = []
        for command in commands:
            key = _key_of(command)
            if key is None or key in rows:
                continue
            row = self._overlay.get(key)
            if row is UNKNOWN:
                unknown.append(key)
                row = None
            rows[key] = row
        if unknown:
            fetched = await self._rows.fetch(unknown)
            for key in unknown:
                rows[key] = fetched.get(key)
                self._overlay.admit(key, rows[key])
        return rows

    def _require_next(self, entries: Sequence[Entry]) -> None:
        expected = self._last_applied
        for entry in entries:
            expected += 1
            if entry.index != expected:
                raise ValueError(f"entry {entry.index} was given to apply, {expected} is the next")

    # Reading.

    def recall(self, query: bytes) -> bytes | None:
        """Answer a read from memory, as the state stands; None if only `query` can."""
        try:
            asked = decode_query(query)
        except FrameInvalid as fault:
            return encode_answer(Refused(fault.why))
        if not isinstance(asked, Get):
            return None
        row = self._overlay.get(asked.key)
        return None if row is UNKNOWN else self._answer(row)

    async def query(self, query: bytes) -> bytes:
        """Answer a read from the state as it stands just before this returns.

        A state hash flushes first, so it raises what `flush` does.  Bytes that are no query are
        answered `Refused`: whoever sent them is told, and nothing else is disturbed.
        """
        known = self.recall(query)
        if known is not None:
            return known
        match decode_query(query):
            case Get(key=key):
                return self._answer(await self._fetched(key))
            case StateHash():
                return encode_answer(Hashed(*await self.digest()))
            case Scan() as scan:
                return encode_answer(await self._page(scan))

    def _answer(self, row: Row | None) -> bytes:
        if row is None:
            return encode_answer(Missing(self._last_applied))
        return encode_answer(Found(row.value, row.version, row.changed_index, self._last_applied))

    async def _page(self, asked: Scan) -> Page:
        """The page as the state stands when this returns.

        If a flush ended while the disk was asked, rows may have gone from memory that the disk
        did not have yet when it answered; and a restore replaces them all.  Then it is asked
        once more.
        """
        while True:
            changes = self._overlay.changes
            disk = await self._rows.scan(
                asked.prefix,
                first_of(asked),
                rows_max=asked.limit,
                bytes_max=PAGE_BYTES_MAX if asked.values else PAGE_READ_BYTES_MAX,
            )
            if changes == self._overlay.changes:
                changed = self._overlay.changed(partial(is_asked, asked))
                return page_of(asked, disk, changed, self._last_applied)

    async def _fetched(self, key: str) -> Row | None:
        """The row of *key* as it stands when this returns.

        While the disk was asked, the key may have been changed, flushed, and dropped from the
        cache again, or all rows replaced.  Then the disk's answer is old, or too new, and it is
        asked once more.
        """
        while True:
            changes = self._overlay.changes
            fetched = await self._rows.fetch((key,))
            row = self._overlay.get(key)
            if row is not UNKNOWN:
                return row
            if self._restoring:
                async with self._flushing:  # the disk may be ahead of what is known here
                    continue
            if changes == self._overlay.changes:
                self._overlay.admit(key, fetched.get(key))
                return fetched.get(key)

    # Becoming durable.

    async def flush(self) -> None:
        """Make all that was applied before this call durable, in one transaction.

        Raises what `Rows.flush` does; then, as when it is cancelled, everything is kept and
        belongs to the next flush.
        """
        async with self._flushing:
            await self._flush()

    async def digest(self) -> tuple[bytes, LogIndex]:
        """The state's hash and the index that it stands for.

        It is the hash of the durable rows just after a flush: entries applied meanwhile stay in
        memory, and no other flush comes between.  Raises what `flush` does.
        """
        async with self._flushing:
            await self._flush()
            return await self._rows.digest(), self._flushed_index

    # Snapshots.

    async def copy(self) -> SnapshotCopy:
        """A frozen copy of the state at exactly `flushed_index`, as all applied before stands.

        No flush comes between its pages; changes go on in memory.  Raises what `flush` and
        `Snapshots.copy_rows` do.
        """
        async with self._flushing:
            await self._flush()
            return await self._rows.copy_rows()

    async def restore(self, snapshot: Snapshot) -> None:
        """Replace the whole state by the staged copy of *snapshot*.

        Raises RuntimeError while entries are applied, and what `Snapshots.restore` does; then
        the state is as before.
        """
        if self._applying:
            raise RuntimeError("nothing is restored while entries are applied")
        async with self._flushing:
            self._restoring = True
            try:
                await self._rows.restore(snapshot)
                with anyio.CancelScope(shield=True):  # the rows are new: so must be all else
                    sessions, former = await self._rows.sessions(), await _former_in(self._rows)
                self._overlay.clear()
                self._former = former
                self._sessions = Sessions(sessions)
                self._last_applied = self._flushed_index = snapshot.last_included_index
            finally:
                self._restoring = False

    async def _flush(self) -> None:
        if self._last_applied == self._flushed_index and not self._overlay.is_dirty:
            return
        changes = self._overlay.begin_flush(self._last_applied)
        try:
            await self._rows.flush(changes)
        except BaseException:
            self._overlay.abandon_flush()
            raise
        self._overlay.end_flush()
        self._flushed_index = changes.last_applied


async def _former_in(rows: Rows) -> frozenset[NodeId]:
    return former_members((await rows.fetch((ROSTER_KEY,))).get(ROSTER_KEY))


def _key_of(command: machine.Asked | None) -> str | None:
    """The key that *command* concerns; None if it concerns none."""
    match command:
        case Set(key=key) | Delete(key=key) | Cas(key=key):
            return key
        case Configuration():
            return ROSTER_KEY
        case Register() | Refused() | None:
            return None
