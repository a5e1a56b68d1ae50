"""When a node takes a snapshot of its own state machine.  §5.1

A snapshot costs nothing but a flush: the durable rows are the copy.  So it is taken whenever
enough has been applied since the last one, from here or from a leader, counted in entries or in
bytes of commands.  It stands for what is *flushed*, and never for more: the log above it is all
that a crash would leave of the rest (W11).

While snapshots are being sent it may wait for a few times as long, since a peer that has just
installed one goes on from the log that follows it, and would need another if that were gone.
"""

from __future__ import annotations

from huffleraft.core.types import LogIndex
from huffleraft.settings import NodeSettings

_PATIENCE = 4
"""How many times as much may gather while a snapshot is being sent."""


class SnapshotPlan:
    """Asks for a flush when a snapshot is due, and says which index to report once it has come."""

    __slots__ = ("_bytes", "_bytes_before", "_entries", "_wanted")

    def __init__(self, settings: NodeSettings) -> None:
        self._entries = settings.snapshot_entries
        self._bytes = settings.snapshot_bytes
        self._bytes_before = 0
        self._wanted: tuple[LogIndex, int] | None = None

    def asks_for_flush(
        self, *, applied: LogIndex, bytes_applied: int, included: LogIndex, sending: bool
    ) -> bool:
        """Whether to flush now; said once for each snapshot that falls due.

        *included* is where the last snapshot ends, *bytes_applied* is counted since the start.
        """
        patience = _PATIENCE if sending else 1
        due = (
            applied - included >= patience * self._entries
            or bytes_applied - self._bytes_before >= patience * self._bytes
        )
        if self._wanted is not None or applied <= included or not due:
            return False
        self._wanted = applied, bytes_applied
        return True

    def taken(self, flushed: LogIndex) -> LogIndex | None:
        """The index up to which a snapshot may be reported as taken, if one was waited for."""
        if self._wanted is None or flushed < self._wanted[0]:
            return None
        self._bytes_before = self._wanted[1]
        self._wanted = None
        return flushed
