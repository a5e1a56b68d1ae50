"""The one write of a step, and the records of writes under way."""

from __future__ import annotations

from dataclasses import dataclass

from huffleraft.core.durability import cut
from huffleraft.core.effects import (
    Effect,
    Persist,
)
from huffleraft.core.events import Event, Persisted
from huffleraft.core.invariants.violation import require
from huffleraft.core.log import Log, Snapshot
from huffleraft.core.state import OutstandingWrite, Server
from huffleraft.core.types import LogIndex, Vote


def one_write_tells_the_difference(
    old: Server, event: Event, new: Server, effects: tuple[Effect, ...]
) -> None:
    """The step's `Persist`, carried out on the old disk's future, gives the new value.

    And the records of writes under way are the old ones, cut, plus this one: so by induction
    they say what the disk will hold.
    """
    persist = next((effect for effect in effects if isinstance(effect, Persist)), None)
    written = replay(persist, Image(old.vote, old.snapshot, old.log))
    require(
        written == Image(new.vote, new.snapshot, new.log),
        "PersistTellsAll",
        "the write gives {}, the server has {} {} {}",
        written,
        new.vote,
        new.snapshot,
        new.log,
    )
    if isinstance(event, Persisted):
        _marks_rise_by_records(old, event, new)
        return
    disk = old.disk
    if persist is not None and (kept := _still_true(old, persist)) is not None:
        disk = cut(disk, kept)
    expected = disk.outstanding
    if persist is not None:
        included = new.snapshot.last_included_index if new.snapshot else 0
        record = OutstandingWrite(persist.write, new.vote, new.log.last_index, included)
        expected += (record,)
    require(
        (new.disk.vote, new.disk.last_index, new.disk.outstanding)
        == (disk.vote, disk.last_index, expected),
        "WritesTrackTheDisk",  # W6
        "{} after {} on {}",
        new.disk,
        effects[:1],
        old.disk,
    )


def _still_true(old: Server, persist: Persist) -> LogIndex | None:
    """Up to where the old log stays true under *persist*; None where all of it does.

    A base that the old log does not hold voids all of it but what is committed: the snapshot
    includes that.
    """
    if persist.base is not None and not old.log.agrees_with(persist.base):
        return old.commit_index if old.commit_index < old.log.last_index else None
    return None if persist.truncate_from is None else persist.truncate_from - 1


@dataclass(frozen=True, slots=True)
class Image:
    """What a disk holds of one server."""

    vote: Vote
    snapshot: Snapshot | None
    log: Log


def replay(persist: Persist | None, disk: Image) -> Image:
    """What *disk* holds after *persist*: less all up to the base, less a tail, and more entries."""
    if persist is None:
        return disk
    log = disk.log
    if persist.base is not None or persist.truncate_from is not None:
        base = persist.base or log.base
        end = log.last_index if persist.truncate_from is None else persist.truncate_from - 1
        log = Log(base, log.between(base.index + 1, end))
    return Image(
        persist.vote or disk.vote, persist.snapshot or disk.snapshot, log.append(persist.entries)
    )


def _marks_rise_by_records(old: Server, event: Persisted, new: Server) -> None:
    done = [write for write in old.disk.outstanding if write.number <= event.write]
    newest = done[-1] if done else old.disk
    require(
        (new.disk.vote, new.disk.last_index, new.disk.snapshot_index)
        == (newest.vote, newest.last_index, newest.snapshot_index)
        and new.disk.outstanding[: len(old.disk.outstanding) - len(done)]
        == old.disk.outstanding[len(done) :],
        "PersistedByNumber",  # W7
        "Persisted({}) on {} gave {}",
        event.write,
        old.disk,
        new.disk,
    )
