"""The one write of a step, and the records of writes under way."""

from __future__ import annotations

from huffleraft.core.durability import cut
from huffleraft.core.effects import (
    Effect,
    Persist,
)
from huffleraft.core.events import Event, Persisted
from huffleraft.core.invariants.violation import require
from huffleraft.core.log import Log
from huffleraft.core.state import OutstandingWrite, Server
from huffleraft.core.types import Vote


def one_write_tells_the_difference(
    old: Server, event: Event, new: Server, effects: tuple[Effect, ...]
) -> None:
    """The step's `Persist`, carried out on the old disk's future, gives the new value.

    And the records of writes under way are the old ones, cut, plus this one: so by induction
    they say what the disk will hold.
    """
    persist = next((effect for effect in effects if isinstance(effect, Persist)), None)
    vote, log = replay(persist, old.vote, old.log)
    require(
        (vote, log) == (new.vote, new.log),
        "PersistTellsAll",
        "the write gives {} {}, the server has {} {}",
        vote,
        log,
        new.vote,
        new.log,
    )
    if isinstance(event, Persisted):
        _marks_rise_by_records(old, event, new)
        return
    disk = old.disk
    if persist is not None and persist.truncate_from is not None:
        disk = cut(disk, persist.truncate_from - 1)
    expected = disk.outstanding
    if persist is not None:
        expected += (OutstandingWrite(persist.write, new.vote, new.log.last_index),)
    require(
        (new.disk.vote, new.disk.last_index, new.disk.outstanding)
        == (disk.vote, disk.last_index, expected),
        "WritesTrackTheDisk",  # W6
        "{} after {} on {}",
        new.disk,
        effects[:1],
        old.disk,
    )


def replay(persist: Persist | None, vote: Vote, log: Log) -> tuple[Vote, Log]:
    """What a disk that holds *vote* and *log* holds after *persist*."""
    if persist is None:
        return vote, log
    if persist.truncate_from is not None:
        log = log.truncated(persist.truncate_from)
    return persist.vote or vote, log.append(persist.entries)


def _marks_rise_by_records(old: Server, event: Persisted, new: Server) -> None:
    done = [write for write in old.disk.outstanding if write.number <= event.write]
    vote, last_index = (
        (done[-1].vote, done[-1].last_index) if done else (old.disk.vote, old.disk.last_index)
    )
    require(
        (new.disk.vote, new.disk.last_index) == (vote, last_index)
        and new.disk.outstanding[: len(old.disk.outstanding) - len(done)]
        == old.disk.outstanding[len(done) :],
        "PersistedByNumber",  # W7
        "Persisted({}) on {} gave {}",
        event.write,
        old.disk,
        new.disk,
    )
