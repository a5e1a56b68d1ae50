"""The replicated log, as a value.

A `Log` is a view: a shared list, the id just before its first entry (`base`), and a length.
Appending at the list's tip extends the list in place, and only new views see the new part;
appending anywhere else copies.  So a log of any length is appended to, sliced and truncated
cheaply, older views stay true for ever, and a branch never disturbs another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from huffleraft.core.configuration import NOBODY, Configuration
from huffleraft.core.types import ORIGIN, EntryId, LogIndex, Term

Payload: TypeAlias = bytes | Configuration | None
"""What an entry carries: a command, a configuration, or nothing (a new leader's no-op)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell of the log.  §3.5"""

    term: Term
    index: LogIndex
    payload: Payload

    @property
    def id(self) -> EntryId:
        """This entry's (term, index)."""
        return EntryId(self.term, self.index)

    @property
    def size(self) -> int:
        """Bytes that count against limits: a command's length, 0 for anything else."""
        return len(self.payload) if isinstance(self.payload, bytes) else 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a copy of the state machine stands for: the log up to here, applied.  §5.1

    The copy itself is the embedder's.  ``configuration`` is the one in force at
    ``last_included_index``, wherever the log has gone since.
    """

    last_included_index: LogIndex
    last_included_term: Term
    configuration: Configuration

    @property
    def id(self) -> EntryId:
        """The id of the last entry that it includes."""
        return EntryId(self.last_included_term, self.last_included_index)


class Log:
    """Entries ``base.index + 1 .. last_index``, each knowing its own term and index.

    - Indexes are contiguous and terms never fall.
    - A view never changes; `append` and `truncated` make new ones.
    - Equality compares entries; the hash is O(1) over base and last id, which under Log
      Matching determine the rest.
    """

    __slots__ = ("_entries", "_length", "base")

    base: EntryId
    """The id of the entry just before the first one held here."""

    def __init__(self, base: EntryId = ORIGIN, entries: Iterable[Entry] = ()) -> None:
        """Hold *entries*, which must continue *base* without a gap; ValueError if not."""
        self.base = base
        self._entries = list(entries)
        self._length = len(self._entries)
        _require_contiguous(base, self._entries)

    @classmethod
    def _view(cls, base: EntryId, entries: list[Entry], length: int) -> Log:
        log = cls.__new__(cls)
        log.base = base
        log._entries = entries  # noqa: SLF001 - a second constructor
        log._length = length  # noqa: SLF001
        return log

    # What it holds.

    @property
    def first_index(self) -> LogIndex:
        """The index of the first entry held, or where it would be."""
        return self.base.index + 1

    @property
    def last_index(self) -> LogIndex:
        """The index of the last entry; the base's when there is none."""
        return self.base.index + self._length

    @property
    def last_id(self) -> EntryId:
        """The id of the last entry; the base's when there is none."""
        return self._entries[self._length - 1].id if self._length else self.base

    def term_at(self, index: LogIndex) -> Term | None:
        """The term of the entry at *index* (the base included); None if it is not known here."""
        if index == self.base.index:
            return self.base.term
        if self.base.index < index <= self.last_index:
            return self._entries[index - self.base.index - 1].term
        return None

    def __getitem__(self, index: LogIndex) -> Entry:
        """The entry at *index*; IndexError if it is not held here."""
        if not self.base.index < index <= self.last_index:
            msg = f"index {index} is outside {self.first_index}..{self.last_index}"
            raise IndexError(msg)
        return self._entries[index - self.base.index - 1]

    def between(self, first: LogIndex, last: LogIndex) -> tuple[Entry, ...]:
        """The entries *first* to *last*, both included, as far as they are held here."""
        start = max(first, self.first_index) - self.base.index - 1
        stop = min(last, self.last_index) - self.base.index
        return tuple(self._entries[start:stop]) if start < stop else ()

    def agrees_with(self, prev: EntryId) -> bool:
        """Whether this log holds *prev*: by Log Matching it then holds all before it.  AE.2"""
        return self.term_at(prev.index) == prev.term

    def configuration_at(self, index: LogIndex, snapshot: Snapshot | None) -> Configuration:
        """The configuration in force at *index*, given the *snapshot* that goes before.

        It is the last one appended up to there (§4.1), or the snapshot's where none was since;
        *index* must not be before the snapshot's.
        """
        first = self.first_index if snapshot is None else snapshot.last_included_index + 1
        for entry in reversed(self.between(first, index)):
            if isinstance(entry.payload, Configuration):
                return entry.payload
        return NOBODY if snapshot is None else snapshot.configuration

    def configurations_since(
        self, index: LogIndex, snapshot: Snapshot | None
    ) -> tuple[tuple[LogIndex, Configuration], ...]:
        """The configuration in force at *index*, and all appended after it, each with its index.

        Where only the *snapshot* tells a configuration, it stands at the snapshot's end; *index*
        must not be before that.
        """
        included = 0 if snapshot is None else snapshot.last_included_index
        found = [(included, NOBODY if snapshot is None else snapshot.configuration)]
        for entry in self.between(included + 1, self.last_index):
            if isinstance(entry.payload, Configuration):
                if entry.index <= index:
                    found.clear()
                found.append((entry.index, entry.payload))
        return tuple(found)

    def holds(self, id_: EntryId) -> bool:
        """Whether *id_*, which is committed, stands here, as an entry or before the base."""
        return id_.index < self.base.index or self.term_at(id_.index) == id_.term

    # What it can become.

    def append(self, entries: tuple[Entry, ...]) -> Log:
        """This log with *entries* at its end; they must follow on without a gap."""
        if not entries:
            return self
        assert entries[0].index == self.last_index + 1, "entries continue the log"
        if len(self._entries) == self._length:  # at the tip: extend what all views share
            shared = self._entries
        else:  # another view has gone on from here already: this one branches
            shared = self._entries[: self._length]
        shared.extend(entries)
        return Log._view(self.base, shared, self._length + len(entries))

    def truncated(self, first_removed: LogIndex) -> Log:
        """This log without the entries from *first_removed* on.  AE.3"""
        assert first_removed > self.base.index, "the base is never truncated"
        length = min(self._length, first_removed - self.base.index - 1)
        return Log._view(self.base, self._entries, length)

    def compacted(self, base: EntryId) -> Log:
        """This log without the entries up to *base*, which it holds.  §5.1"""
        if base == self.base:
            return self
        assert self.term_at(base.index) == base.term, "only what is held can be dropped"
        kept = self._entries[base.index - self.base.index : self._length]
        return Log._view(base, kept, len(kept))

    def common_last_index(self, other: Log) -> LogIndex:
        """The last index up to which both hold the same, for two versions of one server's log.

        By Log Matching it is enough to find the last id they share, so the cost is the number
        of entries removed, not the length.  What only one of them has compacted away both hold.
        """
        index = min(self.last_index, other.last_index)
        if self._entries is other._entries:
            return index
        lowest = max(self.base.index, other.base.index)
        while index > lowest and self.term_at(index) != other.term_at(index):
            index -= 1
        return index

    # A value among values.

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Log):
            return NotImplemented
        if self.base != other.base or self._length != other._length:
            return False
        if self._entries is other._entries:
            return True
        return self._entries[: self._length] == other._entries[: other._length]

    def __hash__(self) -> int:
        return hash((self.base, self._length, self.last_id))

    def __repr__(self) -> str:
        return f"Log({self.base!r}, {self._entries[: self._length]!r})"

    def __getstate__(self) -> tuple[EntryId, list[Entry]]:
        return self.base, self._entries[: self._length]

    def __setstate__(self, state: tuple[EntryId, list[Entry]]) -> None:
        self.base, self._entries = state
        self._length = len(self._entries)


def _require_contiguous(base: EntryId, entries: list[Entry]) -> None:
    previous = base
    for entry in entries:
        if entry.index != previous.index + 1 or entry.term < previous.term:
            msg = (
                f"entry {entry.index}:{entry.term} does not follow "
                f"{previous.index}:{previous.term} (index:term); "
                "indexes rise by one and terms never fall"
            )
            raise ValueError(msg)
        previous = entry.id
