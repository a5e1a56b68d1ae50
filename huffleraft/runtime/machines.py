"""What the runtime asks of a state machine besides applying and reading: to become durable.

A machine that keeps changes in memory is flushed by the node, between group commits, so that
one stream of transactions serves both.  One that has nothing to flush answers False for ever.
"""

from __future__ import annotations

from typing import Protocol

from huffleraft.ports import StateMachine


class Machine(StateMachine, Protocol):
    """A state machine that is written behind.

    `query` may be called by any task, beside an `apply` that waits for rows: its answer is the
    state at one moment before it returns.
    """

    @property
    def needs_flush(self) -> bool:
        """Whether memory, or the work of the next start, calls for a `flush`."""
        ...

    async def flush(self) -> None:
        """Make all that was applied before this call durable.  Raises like `Rows.flush`."""
        ...
