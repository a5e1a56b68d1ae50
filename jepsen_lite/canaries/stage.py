"""The stage of a canary: a reader and a writer pinned to each node, and nobody else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Self

import httpx2

from jepsen_lite.clients import PinnedClient, Wish
from jepsen_lite.cluster import Cluster, ClusterNotReady
from jepsen_lite.generators import dice
from jepsen_lite.history import EventType
from jepsen_lite.nemeses import Journal, Roster
from jepsen_lite.schedule import Scene
from jepsen_lite.workload import HOT_KEYS, ONCE, Process, Reader

PROCESSES_PER_NODE: Final = 2
LEADER_SECONDS: Final = 10.0
ATTEMPTS_MAX: Final = 60


@dataclass(slots=True)
class Stage:
    """A running cluster with a reader and a writer pinned to each node."""

    cluster: Cluster
    journal: Journal
    roster: Roster
    seed: int
    readers: dict[str, Process] = field(default_factory=dict)
    writers: dict[str, Process] = field(default_factory=dict)
    number: int = 0

    @classmethod
    @asynccontextmanager
    async def of(cls, scene: Scene) -> AsyncIterator[Self]:
        """The stage of *scene*, whose clients let go of their connections at the end."""
        cluster, seed = scene.cluster, scene.plan.seed
        stage = cls(cluster, scene.journal, scene.roster, seed)
        for offset, cast in ((0, stage.readers), (len(cluster.addresses), stage.writers)):
            for place, node in enumerate(cluster.addresses):
                rolls = dice(seed, "canary", node, str(offset))
                client = PinnedClient(node, cluster.addresses, rolls=rolls)
                cast[node] = Process(place + offset, client, Reader(rolls), scene.recorder)
        try:
            yield stage
        finally:
            for process in (*stage.readers.values(), *stage.writers.values()):
                await process.client.close()

    @property
    def nodes(self) -> tuple[str, ...]:
        """All nodes."""
        return tuple(self.cluster.nodes)

    async def leader(self) -> str:
        """Who leads now, after waiting for somebody to.  Raises ClusterNotReady."""
        end = time.monotonic() + LEADER_SECONDS
        while await self.cluster.has_leader(max(end - time.monotonic(), 0.0)):
            await self.cluster.refresh()  # the one who led when last asked may lead no more
            leader = self.cluster.leader()
            if leader is not None:
                return leader
        raise ClusterNotReady(f"nobody led within {LEADER_SECONDS:g} s")

    def value(self) -> str:
        """A value never used before."""
        self.number += 1
        return f"c{self.number}"

    async def write_all(self, nodes: Iterable[str]) -> None:
        """Write every hot key through some of *nodes*, again until one acknowledges."""
        writers = [self.writers[node] for node in nodes]
        for key in HOT_KEYS:
            for attempt in range(ATTEMPTS_MAX):
                writer = writers[attempt % len(writers)]
                outcome = await writer.ask(Wish("write", key, self.value()))
                if outcome.type is EventType.OK:
                    break

    async def write_once(self, nodes: Iterable[str], seconds: float) -> None:
        """The writers of *nodes* write write-once keys for so many seconds."""
        end = time.monotonic() + seconds

        async def work(writer: Process) -> None:
            while time.monotonic() < end:
                await self._write_one(writer)

        async with asyncio.TaskGroup() as tasks:
            for node in nodes:
                tasks.create_task(work(self.writers[node]))

    async def grow(self, nodes: Iterable[str], entries: int) -> None:
        """The writers of *nodes* write until so many *entries* more are committed."""
        goal = await self._committed() + entries
        while await self._committed() < goal:
            await self.write_once(nodes, 0.3)

    async def _committed(self) -> int:
        await self.cluster.refresh()
        told = (self.cluster.latest(node) for node in self.nodes)
        return max(one.status.commit_index for one in told if one is not None and one.status)

    async def open_session(self, nodes: Iterable[str]) -> None:
        """Register a client's session through one of *nodes*, at the latest after some attempts.

        Raises ClusterNotReady if none would.
        """
        async with httpx2.AsyncClient(follow_redirects=True, trust_env=False) as client:
            for _ in range(ATTEMPTS_MAX):
                for node in nodes:
                    with suppress(httpx2.HTTPError):
                        url = f"http://{self.cluster.addresses[node]}/v1/sessions"
                        if (await client.post(url)).status_code == httpx2.codes.CREATED:
                            return
        raise ClusterNotReady("no node registered a session")

    async def write_one(self, node: str) -> None:
        """The writer of *node* writes one write-once key."""
        await self._write_one(self.writers[node])

    async def _write_one(self, writer: Process) -> None:
        value = self.value()
        await writer.ask(Wish("write", f"{ONCE}{writer.number}/{value}", value))
