"""A cluster that begins as one node and grows: whole nodes over loopback, their disks in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup, TaskStatus

from huffleraft import RaftStore
from huffleraft.errors import HuffleraftError
from huffleraft.settings import NodeSettings
from huffleraft.store.memory import MemoryDisk
from tests.raftstore.stores import PATIENCE, SWIFT, free_addresses


@dataclass(slots=True)
class Life:
    """One start of one node."""

    close: anyio.Event = field(default_factory=anyio.Event)
    closed: anyio.Event = field(default_factory=anyio.Event)
    ended_by: HuffleraftError | None = None
    """Why it did not start, or ended by itself."""


class Growing:
    """The nodes, each of which can be stopped and started again."""

    def __init__(self, tasks: TaskGroup, settings: NodeSettings) -> None:
        self.running: dict[str, RaftStore] = {}
        self.lives: dict[str, Life] = {}
        self.disks: dict[str, MemoryDisk] = {}
        self.addresses: dict[str, str] = {}
        self._tasks = tasks
        self._settings = settings
        self._step = anyio.Event()

    def _stepped(self, *_: object) -> None:
        self._step.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once *holds*; looked at after each step of any node."""
        while not holds():
            self._step = anyio.Event()
            await self._step.wait()

    async def start(
        self,
        node_id: str,
        *,
        join: str = "",
        learner: bool = False,
        moved: bool = False,
    ) -> RaftStore:
        """Start a node on its disk, empty the first time, at its address; *moved*: at a new one.

        Raises what it ends with if it does not start.
        """
        if moved or node_id not in self.addresses:
            (self.addresses[node_id],) = free_addresses(1)
        self.disks.setdefault(node_id, MemoryDisk())
        life = self.lives[node_id] = Life()
        await self._tasks.start(self._live, node_id, life, join, learner)
        if life.ended_by is not None:
            raise life.ended_by
        return self.running[node_id]

    async def _live(
        self, node_id: str, life: Life, join: str, learner: bool, *, task_status: TaskStatus[None]
    ) -> None:
        started = False
        try:
            async with RaftStore.open(
                self.disks[node_id],
                node_id=node_id,
                listen=self.addresses[node_id],
                join=join,
                learner=learner,
                settings=self._settings,
                observe=self._stepped,
            ) as self.running[node_id]:
                started = True
                task_status.started()
                await life.close.wait()
        except HuffleraftError as error:
            life.ended_by = error
        finally:
            self.running.pop(node_id, None)
            life.closed.set()
        if not started:
            task_status.started()

    async def stop(self, node_id: str) -> None:
        """Stop a node in good order."""
        self.lives[node_id].close.set()
        await self.lives[node_id].closed.wait()

    async def ended(self, node_id: str) -> HuffleraftError | None:
        """Wait until a node has ended; by what, if by itself."""
        await self.lives[node_id].closed.wait()
        return self.lives[node_id].ended_by

    async def leader(self) -> RaftStore:
        """The running node that leads, once there is one."""
        await self.until(lambda: bool(self._leaders()))
        return self._leaders()[0]

    def _leaders(self) -> list[RaftStore]:
        return [one for one in self.running.values() if one.server.leader == one.node_id]

    async def follower(self) -> RaftStore:
        """A running node that does not lead."""
        leader = await self.leader()
        return next(store for store in self.running.values() if store is not leader)


@asynccontextmanager
async def growing(settings: NodeSettings = SWIFT, *, size: int = 1) -> AsyncIterator[Growing]:
    """A cluster of n1 alone, to which n2 and the others have joined, up to *size*."""
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            cluster = Growing(tasks, settings)
            first = await cluster.start("n1")
            await first.leader_known()
            for number in range(2, size + 1):
                store = await cluster.start(f"n{number}", join=cluster.addresses["n1"])
                await store.joined()
            yield cluster
            for life in cluster.lives.values():
                life.close.set()
