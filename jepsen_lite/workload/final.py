"""After the heal: read everything once more, until it has been read.

These reads are part of the history, and marked `final`: the check named *once* asks them what is
there in the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from jepsen_lite.clients import PinnedClient, Wish
from jepsen_lite.generators import dice
from jepsen_lite.history import EventType
from jepsen_lite.workload.mix import Reader
from jepsen_lite.workload.process import Process
from jepsen_lite.workload.recorder import Recorder

FINAL: Final = "final"
"""The field that marks a final read; its value is true."""

READERS_PER_NODE: Final = 3


async def final_reads(
    recorder: Recorder,
    addresses: Mapping[str, str],
    keys: Iterable[str],
    *,
    first_process: int,
    seed: int,
    within: float,
) -> tuple[str, ...]:
    """Read each of *keys* through some node, for *within* seconds; returns those left unread.

    *first_process* is a number that no process of the run has had.
    """
    left = list(reversed(tuple(keys)))
    unread: set[str] = set(left)

    async def read(process: Process) -> None:
        while left:
            key = left.pop()
            outcome = await process.ask(Wish("read", key))
            if outcome.type is EventType.OK:
                unread.discard(key)
            else:
                left.insert(0, key)

    processes: list[Process] = []
    for node in addresses:
        for number in range(READERS_PER_NODE):
            rolls = dice(seed, FINAL, node, str(number))
            client = PinnedClient(node, addresses, rolls=rolls)
            reader = Reader(rolls)
            at = first_process + len(processes)
            processes.append(Process(at, client, reader, recorder, {FINAL: True}))
    try:
        async with asyncio.timeout(within), asyncio.TaskGroup() as tasks:
            for process in processes:
                tasks.create_task(read(process))
    except TimeoutError:
        pass
    finally:
        for process in processes:
            await process.client.close()
    return tuple(sorted(unread))
