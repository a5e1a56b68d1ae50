"""One task that sleeps until the next deadline of a node, whatever it is for.

Deadlines move later far more often than earlier: every heartbeat puts an election off.  So the
alarm does not follow them.  It wakes at the earliest time it was ever told, rings, and is told
the next one by whoever then looks.
"""

from __future__ import annotations

import anyio

from huffleraft.ports import Clock
from huffleraft.runtime.bell import Bell
from huffleraft.runtime.timers import NEVER

_LONGEST_SLEEP = 1.0
"""Seconds.  The loop's own clock may stand still while the machine sleeps, and ours does not."""


class Alarm:
    """Rings a bell when the earliest time it was told has come."""

    def __init__(self, clock: Clock, bell: Bell) -> None:
        self._clock = clock
        self._bell = bell
        self._due = NEVER
        self._told = Bell()

    def tell(self, due: float) -> None:
        """Ring at *due*, or earlier if an earlier time was told since the last ring."""
        if due < self._due:
            self._due = due
            self._told.ring()

    async def run(self) -> None:
        """Ring whenever it is time, until cancelled."""
        while True:
            remaining = self._due - self._clock.now()
            if remaining <= 0:
                self._due = NEVER
                self._bell.ring()
                await self._told.wait()
            else:
                with anyio.move_on_after(min(remaining, _LONGEST_SLEEP)):
                    await self._told.wait()
