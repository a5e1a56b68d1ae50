"""One moment that one task waits for: how a request's asker learns that there is an answer.

Every operation waits for one, so on asyncio it is a bare future: an event, which would let any
number of tasks wait, costs 3 microseconds more.
"""

from __future__ import annotations

import asyncio

import anyio
import anyio.lowlevel


class Moment:
    """It comes once; belongs to one event loop, and is waited for by one task."""

    __slots__ = ("_come", "_event", "_future")

    def __init__(self) -> None:
        self._come = False
        self._future: asyncio.Future[None] | None = None
        self._event: anyio.Event | None = None

    def come(self) -> None:
        """Let the waiting task go on, or the wait return at once."""
        self._come = True
        if self._future is not None:
            if not self._future.done():  # nor cancelled with its task
                self._future.set_result(None)
        elif self._event is not None:
            self._event.set()

    async def wait(self) -> None:
        """Return once it has come.  Always yields, so that a refused asker cannot hog the loop."""
        if self._come:
            await anyio.lowlevel.checkpoint()
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # trio
            self._event = anyio.Event()
            await self._event.wait()
        else:
            self._future = loop.create_future()
            await self._future
