"""What the runtime asks of a state machine besides applying and reading: to outlive the node.

A machine that keeps changes in memory is flushed by the node, between group commits, so that
one stream of transactions serves both.  What is flushed is what a snapshot may stand for.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from huffleraft.core.log import Snapshot
from huffleraft.core.types import LogIndex, NodeId
from huffleraft.ports import SnapshotCopy, StateMachine


class Machine(StateMachine, Protocol):
    """A state machine that is written behind, copied and replaced.

    `query` may be called by any task, beside an `apply` that waits for rows: its answer is the
    state at one moment before it returns.  A `flush` waits for a `copy` or a `restore` that runs.
    """

    @property
    def flushed_index(self) -> LogIndex:
        """The index up to which its state is durable; the log is needed above it."""
        ...

    @property
    def needs_flush(self) -> bool:
        """Whether memory, or the work of the next start, calls for a `flush`."""
        ...

    @property
    def former_members(self) -> Collection[NodeId]:
        """The ids that have left the cluster, by what is applied; none of them is used again."""
        ...

    async def flush(self) -> None:
        """Make all that was applied before this call durable.  Raises like `Rows.flush`."""
        ...

    async def copy(self) -> SnapshotCopy:
        """A frozen copy of the state at exactly `flushed_index`, once all applied is flushed.

        Raises like `flush` and `Snapshots.copy_rows`.
        """
        ...

    async def restore(self, snapshot: Snapshot) -> None:
        """Replace the state by the staged copy of *snapshot*; only the apply task calls it.

        Raises like `Snapshots.restore`; then the state is as before.
        """
        ...
