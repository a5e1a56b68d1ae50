"""All client processes of a run, at work for as long as a block lasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from jepsen_lite.workload.pace import Pace
from jepsen_lite.workload.process import Process
from jepsen_lite.workload.recorder import Recorder
from jepsen_lite.workload.seats import Seat

VACANT_SECONDS: Final = 0.1
"""How often it is looked whether somebody has come to a place that is free."""


class Crowd:
    """The processes at *seats*, numbered from 0."""

    def __init__(self, recorder: Recorder, seats: Sequence[Seat], pace: Pace) -> None:
        self._recorder = recorder
        self._seats = tuple(seats)
        self._pace = pace

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Every process asks while the block lasts, and ends what it began when the block ends.

        A mistake of ours in one of them ends the block.
        """
        enough = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for number, seat in enumerate(self._seats):
                tasks.create_task(self._work(number, seat, enough), name=f"process {number}")
            yield
            enough.set()

    async def _work(self, number: int, seat: Seat, enough: asyncio.Event) -> None:
        """Ask from *seat*, as one process after another, as those who sit there come and go."""
        process: Process | None = None
        try:
            while not enough.is_set():
                client = seat.where.look()
                if process is not None and client is not process.client:
                    number = self._recorder.succeed(process.number)
                    await process.client.close()
                    process = None
                if client is None:
                    await asyncio.sleep(VACANT_SECONDS)
                    continue
                process = process or Process(number, client, seat.diet, self._recorder)
                await self._pace.turn()
                if not enough.is_set():
                    await process.once()
        finally:
            if process is not None:
                await process.client.close()
