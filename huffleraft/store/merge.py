"""Group commit: many writes of the core as one.

While one transaction waits for the disk, the next writes gather; together they cost one sync.
Their sum is again one write: the last vote and snapshot, the furthest base, the deepest
truncation of what was there before, and the entries that are left.  What came and went within
the group never touches the disk.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from huffleraft.core.effects import Persist
from huffleraft.core.log import Entry, Snapshot
from huffleraft.core.types import EntryId, LogIndex, Vote


@dataclass(frozen=True, slots=True)
class GroupCommit:
    """The sum of some writes; its parts are to be read in the order of `Persist`'s."""

    vote: Vote | None
    snapshot: Snapshot | None
    base: EntryId | None
    truncate_from: LogIndex | None
    entries: tuple[Entry, ...]

    @property
    def only_appends(self) -> bool:
        """Whether this is the common case: entries at the log's end, and nothing else."""
        return (
            self.vote is None
            and self.snapshot is None
            and self.base is None
            and self.truncate_from is None
        )


def merged(writes: Iterable[Persist]) -> GroupCommit:
    """The one write that does what *writes* do one after the other."""
    vote: Vote | None = None
    snapshot: Snapshot | None = None
    base: EntryId | None = None
    truncate_from: LogIndex | None = None
    entries: list[Entry] = []
    for write in writes:
        if write.vote is not None:
            vote = write.vote
        if write.snapshot is not None:
            snapshot = write.snapshot
        if write.base is not None:
            base = write.base
            entries = [entry for entry in entries if entry.index > base.index]
        if (cut := write.truncate_from) is not None:
            if not entries or cut < entries[0].index:
                truncate_from = cut if truncate_from is None else min(cut, truncate_from)
            entries = [entry for entry in entries if entry.index < cut]
        entries.extend(write.entries)
    return GroupCommit(vote, snapshot, base, truncate_from, tuple(entries))
