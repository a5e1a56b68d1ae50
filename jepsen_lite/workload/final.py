"""After the heal: read everything once more, until it has been read.

These reads are part of the history, and marked `final`: the check named *once* asks them what is
there in the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice, product
from typing import Final

from jepsen_lite.clients import PinnedClient, Wish
from jepsen_lite.generators import dice
from jepsen_lite.history import EventType
from jepsen_lite.workload.mix import Reader
from jepsen_lite.workload.process import Process
from jepsen_lite.workload.recorder import Recorder

FINAL: Final = "final"
"""The field that marks a final read; its value is true."""

READERS_PER_NODE: Final = 2
REST_SECONDS: Final = 0.05


async def final_reads(
    recorder: Recorder, addresses: Mapping[str, str], *, seed: int, within: float
) -> tuple[str, ...]:
    """Read each key of the run through some node, for *within* seconds; returns those left unread.

    A key that one node does not give is asked of the next reader that is free, so the nodes that
    serve give all there is, however many do not.
    """
    waiting: asyncio.Queue[str] = asyncio.Queue()
    for key in recorder.keys:
        waiting.put_nowait(key)
    unread, all_read = set(recorder.keys), asyncio.Event()

    async def read(process: Process) -> None:
        while True:
            key = await waiting.get()
            outcome = await process.ask(Wish("read", key))
            if outcome.type is not EventType.OK:
                waiting.put_nowait(key)
                await asyncio.sleep(REST_SECONDS)  # let another reader take it
                continue
            unread.discard(key)
            if not unread:
                all_read.set()

    # More of them, and their successors would take each other's numbers.
    processes = tuple(islice(_readers(recorder, addresses, seed), recorder.processes))
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(within), asyncio.TaskGroup() as tasks:
                at_work = [tasks.create_task(read(process)) for process in processes]
                if unread:
                    await all_read.wait()
                for task in at_work:  # all wait for a key, and there is none
                    task.cancel()
    finally:
        for process in processes:
            await process.client.close()
    return tuple(sorted(unread))


def _readers(recorder: Recorder, addresses: Mapping[str, str], seed: int) -> Iterator[Process]:
    """One process for each node, then a second one, with numbers that nobody has had."""
    places = product(range(READERS_PER_NODE), addresses)
    for at, (number, node) in enumerate(places, recorder.unused):
        rolls = dice(seed, FINAL, node, str(number))
        client = PinnedClient(node, addresses, rolls=rolls)
        yield Process(at, client, Reader(rolls), recorder, {FINAL: True})
