"""What a core may ask of a store, drawn by Hypothesis against a model of the disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from hypothesis import strategies as st

from huffleraft.core.configuration import Configuration
from huffleraft.core.effects import Persist
from huffleraft.core.log import Entry, Snapshot
from huffleraft.core.types import EntryId, Vote
from huffleraft.ports import Flush, Recovered, Row, SessionRow
from huffleraft.store.founding import Founding
from huffleraft.store.memory import MemoryDisk

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[T]], T]

CONFIGURATION = Configuration.of({"n1": "h:1", "n2": "h:2", "n3": "h:3"})
FOUNDING = Founding("n1", "cluster", CONFIGURATION)

KEYS = st.sampled_from(["a", "b", "apple", "ä", "a\0b", "z" * 100])
ROWS = st.builds(Row, st.binary(max_size=9), st.integers(1, 9), st.integers(1, 99))
SESSIONS = st.builds(SessionRow, st.integers(0, 9), st.integers(1, 99), st.binary(max_size=9))


def past_rows(index: int) -> st.SearchStrategy[Row]:
    """Rows that were changed last at *index* or before."""
    return st.builds(Row, st.binary(max_size=9), st.integers(1, 9), st.integers(1, index))


def past_sessions(index: int) -> st.SearchStrategy[SessionRow]:
    """Sessions that were used last at *index* or before."""
    return st.builds(SessionRow, st.integers(0, 9), st.integers(1, index), st.binary(max_size=9))


def commands(first: int, count: int, term: int = 1) -> tuple[Entry, ...]:
    """Entries *first* and on, each with a command of its own."""
    return tuple(Entry(term, i, b"command %d" % i) for i in range(first, first + count))


def persist(draw: Draw, disk: MemoryDisk, write: int) -> Persist:  # type: ignore[type-arg]
    """A write that a core whose disk is *disk* may ask for."""
    last_applied, base = disk.last_applied, disk.base
    last = disk.entries[-1].id if disk.entries else base
    wish = Persist(write)
    if last.index > last_applied and draw(st.integers(0, 3)) == 0:
        cut = draw(st.integers(last_applied + 1, last.index))
        wish = replace(wish, truncate_from=cut)
        kept = [entry for entry in disk.entries if entry.index < cut]
        last = kept[-1].id if kept else base
    elif last_applied > included_by(disk) and draw(st.integers(0, 5)) == 0:
        included = id_at(disk, draw(st.integers(included_by(disk) + 1, last_applied)))
        below = draw(st.integers(base.index, included.index))
        snapshot = Snapshot(included.index, included.term, CONFIGURATION)
        wish = replace(wish, snapshot=snapshot, base=id_at(disk, below))
    terms = sorted(draw(st.lists(st.integers(max(last.term, 1), last.term + 2), max_size=5)))
    payload = st.one_of(st.none(), st.binary(max_size=9), st.just(CONFIGURATION))
    entries = tuple(Entry(term, last.index + 1 + i, draw(payload)) for i, term in enumerate(terms))
    highest = terms[-1] if terms else last.term
    if highest > disk.vote.current_term or draw(st.integers(0, 3)) == 0:
        term = max(highest, disk.vote.current_term) + draw(st.integers(0, 2))
        voted_for = draw(st.sampled_from([None, "n1", "n2"]))
        wish = replace(wish, vote=Vote(term, voted_for))
    return replace(wish, entries=entries)


def installation(draw: Draw, disk: MemoryDisk, write: int) -> Persist:  # type: ignore[type-arg]
    """The write by which a leader's snapshot takes the place of the log, or of its beginning."""
    last = disk.entries[-1].id if disk.entries else disk.base
    index = max(included_by(disk), disk.last_applied) + draw(st.integers(1, 6))
    term = max(last.term, 1) + draw(st.integers(0, 1))
    wish = Persist(write, Vote(max(disk.vote.current_term, term) + 1, None))
    if index <= last.index and draw(st.booleans()):  # it is of the same past
        id_ = id_at(disk, index)
    else:
        id_ = EntryId(term, index)
        wish = replace(wish, truncate_from=index + 1) if index < last.index else wish
    return replace(wish, snapshot=Snapshot(id_.index, id_.term, CONFIGURATION), base=id_)


def included_by(disk: MemoryDisk) -> int:
    """The last index that the disk's snapshot includes."""
    return disk.snapshot.last_included_index if disk.snapshot else 0


def id_at(disk: MemoryDisk, index: int) -> EntryId:
    """The id at *index*, which the disk's log holds."""
    if index == disk.base.index:
        return disk.base
    return disk.entries[index - disk.base.index - 1].id


def flush(draw: Draw, disk: MemoryDisk) -> Flush:  # type: ignore[type-arg]
    """Changes that a state machine over *disk* may flush."""
    last = disk.entries[-1].index if disk.entries else disk.base.index
    return Flush(
        last_applied=draw(st.integers(disk.last_applied, last)),
        rows=draw(st.dictionaries(KEYS, st.one_of(st.none(), ROWS), max_size=4)),
        sessions=draw(
            st.dictionaries(st.integers(1, 5), st.one_of(st.none(), SESSIONS), max_size=2)
        ),
    )


def held_by(disk: MemoryDisk) -> dict[str, object]:
    """What a store over *disk* must recover, besides the boot."""
    return {
        "vote": disk.vote,
        "snapshot": disk.snapshot,
        "base": disk.base,
        "entries": tuple(disk.entries),
        "last_applied": disk.last_applied,
    }


def told_by(recovered: Recovered) -> dict[str, object]:
    """The same, as a store told it."""
    return {
        "vote": recovered.vote,
        "snapshot": recovered.snapshot,
        "base": recovered.base,
        "entries": recovered.entries,
        "last_applied": recovered.last_applied,
    }


def founded_disk() -> MemoryDisk:
    """A model of a founder's disk."""
    return MemoryDisk(
        identity=FOUNDING.identity, vote=FOUNDING.vote, entries=list(FOUNDING.entries)
    )
