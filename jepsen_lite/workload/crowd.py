"""All client processes of a run, at work for as long as a block lasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from jepsen_lite.clients import Client, PinnedClient, RoamingClient
from jepsen_lite.generators import dice
from jepsen_lite.workload.mix import Mixer, Reader
from jepsen_lite.workload.pace import Pace
from jepsen_lite.workload.process import Diet, Process
from jepsen_lite.workload.recorder import Recorder

ROAMERS: Final = 5
MIXERS_PER_NODE: Final = 2


@dataclass(frozen=True, slots=True)
class Member:
    """A client of the crowd, and what it asks."""

    client: Client
    diet: Diet


def crowd_size(nodes: int) -> int:
    """How many clients work on a cluster of so many *nodes*."""
    return nodes * (1 + MIXERS_PER_NODE) + ROAMERS


def clients_of(addresses: Mapping[str, str], seed: int) -> tuple[Member, ...]:
    """A reader and two mixers pinned to each node of *addresses*, and five that roam."""
    members: list[Member] = []
    for node in addresses:
        rolls = dice(seed, "reader", node)
        members.append(Member(PinnedClient(node, addresses, rolls=rolls), Reader(rolls)))
        for number in range(MIXERS_PER_NODE):
            rolls = dice(seed, "mixer", node, str(number))
            members.append(Member(PinnedClient(node, addresses, rolls=rolls), Mixer(rolls)))
    for number in range(ROAMERS):
        rolls = dice(seed, "roamer", str(number))
        members.append(Member(RoamingClient(addresses, rolls=rolls), Mixer(rolls)))
    return tuple(members)


class Crowd:
    """The processes of *members*, numbered from 0."""

    def __init__(self, recorder: Recorder, members: Sequence[Member], pace: Pace) -> None:
        self._pace = pace
        self.processes = tuple(
            Process(number, member.client, member.diet, recorder)
            for number, member in enumerate(members)
        )

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Every process asks while the block lasts, and ends what it began when the block ends.

        A mistake of ours in one of them ends the block.
        """
        enough = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                for process in self.processes:
                    name = f"process {process.number}"
                    tasks.create_task(process.work(self._pace, enough), name=name)
                yield
                enough.set()
        finally:
            for process in self.processes:
                await process.client.close()
