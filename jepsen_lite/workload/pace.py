"""How fast all processes together may ask.

Without a limit, twenty processes would ask as fast as five nodes on a small machine answer, and
elections would be lost for want of a processor instead of for a fault.
"""

from __future__ import annotations

import asyncio
from typing import Final

RATE_MAX: Final = 300.0
"""Operations a second, of all processes together."""


class Pace:
    """Gives out turns, *rate* of them a second; those that nobody takes are lost."""

    def __init__(self, rate: float = RATE_MAX) -> None:
        if not 0 < rate <= RATE_MAX:
            raise ValueError(
                f"{rate:g} operations a second; expected more than 0, {RATE_MAX:g} at most"
            )
        self._interval = 1 / rate
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next turn."""
        now = asyncio.get_running_loop().time()
        self._next = max(now, self._next + self._interval)
        await asyncio.sleep(self._next - now)
