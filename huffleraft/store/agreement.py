"""What the parts of one disk say of each other, each of them sound for itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from huffleraft.core.log import Entry, Snapshot
from huffleraft.core.types import EntryId, LogIndex, Vote
from huffleraft.errors import StorageCorrupt


def require_agreement(
    file: str,
    vote: Vote,
    snapshot: Snapshot | None,
    base: EntryId,
    entries: Sequence[Entry],
    last_applied: LogIndex,
) -> None:
    """Refuse parts that contradict each other: one of them is from another time.

    The log goes on from the snapshot, or from a little before it; what it holds at the snapshot's
    index is what the snapshot includes last.  Rows may be ahead of the snapshot, never of the
    log; where they are behind the snapshot its copy must be waiting, which is not looked at
    here.  No term is later than the vote's.  Raises StorageCorrupt, naming *file*.
    """

    def refuse(where: str, what: str) -> NoReturn:
        raise StorageCorrupt(file, where, what)

    last = entries[-1].id if entries else base
    included = snapshot.id if snapshot is not None else EntryId(0, 0)
    held = f"the log holds {base.index + 1} to {last.index}"
    if not base.index <= included.index <= last.index:
        refuse(
            "the row of table snapshot", f"it includes the log up to {included.index}, but {held}"
        )
    if last_applied > last.index:
        refuse(
            f"log entry {last.index + 1}", f"the rows are applied up to {last_applied}, but {held}"
        )
    position = included.index - base.index
    at_included = entries[position - 1].term if position else base.term
    if at_included != included.term:
        refuse(
            "the row of table snapshot",
            f"the last entry that it includes, {included.index}, has term {included.term}, and in "
            f"the log term {at_included}",
        )
    if last.term > vote.current_term:
        refuse(
            "the row of table vote",
            f"its term {vote.current_term} is below the log's {last.term}",
        )
