"""The rows that memory knows better than the disk, or as well.

Three layers, looked through in this order:

- *dirty*: changed since the last flush began;
- *flushing*: handed to a flush that has not returned;
- *clean*: as the disk has them (unless an upper layer hides them), bounded.

A flush takes the dirty layer as it is and leaves an empty one, so nothing is copied and changes
go on.  What a flush did not finish goes back below what has changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from huffleraft.core.types import LogIndex
from huffleraft.kv.cache import UNKNOWN, Cache, Known, size_of
from huffleraft.ports import Flush, Row, SessionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much a state machine holds in memory and how far the disk may lag.

    These are a node's own choice and change no answer.
    """

    dirty_rows: int = 4096
    """Changed rows and sessions that call for a flush; about 20 ms of writing."""
    dirty_bytes: int = 16 << 20
    """Bytes changed since the last flush (a row changed twice counts twice) that call for one."""
    unflushed_entries: int = 50_000
    """Entries applied since the last flush that call for one: they are applied again at start."""
    cached_rows: int = 65_536
    """Clean rows held, missing keys included; about 200 bytes each, besides their values."""
    cached_bytes: int = 64 << 20
    """Bytes of the clean rows' keys and values held."""


@dataclass(slots=True)
class _Layer:
    """What was changed, and how many bytes at most that is."""

    rows: dict[str, Row | None]
    sessions: dict[LogIndex, SessionRow | None]
    size: int = 0

    def over(self, older: _Layer) -> _Layer:
        """Both, this one being the newer."""
        return _Layer(
            {**older.rows, **self.rows},
            {**older.sessions, **self.sessions},
            older.size + self.size,
        )


def _empty() -> _Layer:
    return _Layer({}, {})


class Overlay:
    """Everything known of rows, and what is not yet durable.

    ``changes`` counts how often what is durable changed, by flushes that ended well and by
    `clear`: a row read from the disk while it rises may be older than what the layers held
    meanwhile.
    """

    __slots__ = ("_bounds", "_clean", "_dirty", "_flushing", "changes")

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._dirty, self._flushing = _empty(), _empty()
        self._clean = Cache(bounds.cached_rows, bounds.cached_bytes)
        self.changes = 0

    # Reading and writing.

    def get(self, key: str) -> Known:
        """The newest row of *key*; None if it is missing, UNKNOWN if only the disk can tell."""
        row = self._dirty.rows.get(key, UNKNOWN)
        if row is not UNKNOWN:
            return row
        if self._flushing.rows:
            row = self._flushing.rows.get(key, UNKNOWN)
            if row is not UNKNOWN:
                return row
        return self._clean.get(key)

    def changed(self, wanted: Callable[[str], bool]) -> dict[str, Row | None]:
        """The newest rows that the disk may lack, of the *wanted* keys; None was deleted."""
        return {
            key: row
            for layer in (self._flushing, self._dirty)
            for key, row in layer.rows.items()
            if wanted(key)
        }

    def admit(self, key: str, row: Row | None) -> None:
        """Hold *key* as the disk has it: *row*, or missing."""
        self._clean.admit(key, row)

    def write(
        self, rows: Mapping[str, Row | None], sessions: Mapping[LogIndex, SessionRow | None]
    ) -> None:
        """Take in changes."""
        dirty = self._dirty
        dirty.rows.update(rows)
        dirty.size += sum(map(size_of, rows.keys(), rows.values()))
        if sessions:
            dirty.sessions.update(sessions)
            dirty.size += sum(len(row.result) for row in _present(sessions.values()))

    # Flushing.

    @property
    def is_dirty(self) -> bool:
        """Whether something is not known to be durable."""
        return any(
            (self._dirty.rows, self._dirty.sessions, self._flushing.rows, self._flushing.sessions)
        )

    @property
    def is_full(self) -> bool:
        """Whether enough was changed to call for a flush."""
        count = len(self._dirty.rows) + len(self._dirty.sessions)
        return count >= self._bounds.dirty_rows or self._dirty.size >= self._bounds.dirty_bytes

    def begin_flush(self, last_applied: LogIndex) -> Flush:
        """Everything dirty, as of *last_applied*; it stays readable until the flush ends."""
        self._flushing, self._dirty = self._dirty, _empty()
        return Flush(last_applied, self._flushing.rows, self._flushing.sessions)

    def end_flush(self) -> None:
        """What was being flushed is durable."""
        flushed, self._flushing = self._flushing, _empty()
        self.changes += 1
        for key, row in flushed.rows.items():
            self._clean.admit(key, row)

    def abandon_flush(self) -> None:
        """What was being flushed may or may not be durable: it is dirty again."""
        self._dirty, self._flushing = self._dirty.over(self._flushing), _empty()

    # Beginning anew.

    def clear(self) -> None:
        """Forget everything: other rows are durable now."""
        self._dirty, self._flushing = _empty(), _empty()
        self._clean = Cache(self._bounds.cached_rows, self._bounds.cached_bytes)
        self.changes += 1


def _present(rows: Iterable[SessionRow | None]) -> Iterable[SessionRow]:
    return (row for row in rows if row is not None)
