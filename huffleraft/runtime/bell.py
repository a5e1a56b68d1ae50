"""A bell: many ring it, one task waits for it.

Ringing is cheap, never blocks and is remembered, so nothing is missed between two waits; many
rings before the next wait are one.  That is what makes a turn: whoever is woken takes all that
has gathered.
"""

from __future__ import annotations

import anyio
import anyio.lowlevel


class Bell:
    """Wakes the one task that waits for it.  Belongs to one event loop."""

    __slots__ = ("_event", "_rung")

    def __init__(self) -> None:
        self._event: anyio.Event | None = None
        self._rung = False

    def ring(self) -> None:
        """Let the waiting task go on, or the next wait return at once."""
        if not self._rung:
            self._rung = True
            if self._event is not None:
                self._event.set()

    async def wait(self) -> None:
        """Return once the bell has been rung since the last wait returned.

        Always yields, so that other tasks run, and ring, before the turn begins.
        """
        if self._rung:
            await anyio.lowlevel.checkpoint()
        else:
            self._event = anyio.Event()
            try:
                await self._event.wait()
            finally:
                self._event = None
        self._rung = False
