"""What a core may ask of a store, drawn by Hypothesis against a model of the disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from hypothesis import strategies as st

from huffleraft.core.configuration import Configuration
from huffleraft.core.effects import Persist
from huffleraft.core.log import Entry
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
    elif last_applied > base.index and draw(st.integers(0, 5)) == 0:
        index = draw(st.integers(base.index + 1, last_applied))
        term = next(entry.term for entry in disk.entries if entry.index == index)
        wish = replace(wish, base=EntryId(term, index))
    terms = sorted(draw(st.lists(st.integers(max(last.term, 1), last.term + 2), max_size=5)))
    payload = st.one_of(st.none(), st.binary(max_size=9), st.just(CONFIGURATION))
    entries = tuple(Entry(term, last.index + 1 + i, draw(payload)) for i, term in enumerate(terms))
    highest = terms[-1] if terms else last.term
    if highest > disk.vote.current_term or draw(st.integers(0, 3)) == 0:
        term = max(highest, disk.vote.current_term) + draw(st.integers(0, 2))
        voted_for = draw(st.sampled_from([None, "n1", "n2"]))
        wish = replace(wish, vote=Vote(term, voted_for))
    return replace(wish, entries=entries)


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
        "base": disk.base,
        "entries": tuple(disk.entries),
        "last_applied": disk.last_applied,
    }


def told_by(recovered: Recovered) -> dict[str, object]:
    """The same, as a store told it."""
    return {
        "vote": recovered.vote,
        "base": recovered.base,
        "entries": recovered.entries,
        "last_applied": recovered.last_applied,
    }


def founded_disk() -> MemoryDisk:
    """A model of a founder's disk."""
    return MemoryDisk(
        identity=FOUNDING.identity, vote=FOUNDING.vote, entries=list(FOUNDING.entries)
    )
