"""What the runtime's tests put under and around a node: disks, clocks, observers, clusters."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import anyio

from huffleraft.core import (
    ORIGIN,
    Configuration,
    Effect,
    Entry,
    Event,
    Leader,
    Log,
    Persist,
    Server,
    Vote,
)
from huffleraft.errors import MemberRemoved
from huffleraft.kv.replica import KvStateMachine
from huffleraft.ports import Clock, Network, Recovered, Storage
from huffleraft.runtime.clock import BoottimeClock
from huffleraft.runtime.memory_network import MemoryHub
from huffleraft.runtime.node import Node
from huffleraft.settings import NodeSettings
from huffleraft.store.memory import MemoryDisk, MemoryStore
from tests.kv.memory_rows import MemoryRows

PATIENCE = 20.0
"""Seconds: how long a test waits for what must come; far more than it takes."""

SWIFT = NodeSettings(heartbeat=0.05, election_min=0.3, election_max=0.6, redial_max=0.1)
"""Elections in less than a second, with room for a busy machine."""

CLUSTER = "c0ffee"


class KeptDisk:
    """A disk in memory: keeps what is written, and can be recovered from again and again."""

    def __init__(self, configuration: Configuration) -> None:
        self.boot = 0
        self.vote = Vote(1)
        self.log = Log(ORIGIN, (Entry(1, 1, configuration),))
        self.batches: list[int] = []
        self.held: anyio.Event | None = None
        """What every write waits for, if anything."""

    async def write(self, writes: Sequence[Persist]) -> None:
        """Apply *writes*, as the port says; yields once, as a thread would."""
        await anyio.lowlevel.checkpoint()
        if self.held is not None:
            await self.held.wait()
        self.batches.append(len(writes))
        for write in writes:
            self.vote = write.vote or self.vote
            if write.truncate_from is not None:
                self.log = self.log.truncated(write.truncate_from)
            self.log = self.log.append(write.entries)

    def recovered(self, node_id: str) -> Recovered:
        """What the node finds when it starts again."""
        self.boot += 1
        entries = self.log.between(1, self.log.last_index)
        return Recovered(
            node_id=node_id,
            cluster_id=CLUSTER,
            boot=self.boot,
            vote=self.vote,
            snapshot=None,
            base=ORIGIN,
            entries=entries,
            last_applied=0,
        )


class HandDisk:
    """A disk whose writes become durable when the test says so, and fail when it says so."""

    def __init__(self) -> None:
        self.begun: list[tuple[Persist, ...]] = []
        self._begun = anyio.Event()
        self._verdict: Exception | None = None
        self._judged = anyio.Event()
        self._sound = False

    async def write(self, writes: Sequence[Persist]) -> None:
        """Wait for the test's verdict on this batch."""
        self.begun.append(tuple(writes))
        self._begun.set()
        if self._sound:
            return
        await self._judged.wait()
        self._judged = anyio.Event()
        verdict, self._verdict = self._verdict, None
        if verdict is not None:
            raise verdict

    async def until_begun(self, batches: int) -> None:
        """Return once that many batches were begun."""
        while len(self.begun) < batches:
            self._begun = anyio.Event()
            await self._begun.wait()

    def finish(self, verdict: Exception | None = None) -> None:
        """Let the batch under way be durable, or fail with *verdict*."""
        self._verdict = verdict
        self._judged.set()

    def finish_all(self) -> None:
        """Let the batch under way, and every later one, be durable at once."""
        self._sound = True
        self.finish()


class HandClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        """The time the test has set."""
        return self.time


class Steps:
    """An observer that keeps every step, and lets a test wait for one."""

    def __init__(self) -> None:
        self.taken: list[tuple[Server, Event, Server, tuple[Effect, ...]]] = []
        self._more = anyio.Event()

    def __call__(self, old: Server, event: Event, new: Server, effects: tuple[Effect, ...]) -> None:
        self.taken.append((old, event, new, effects))
        self._more.set()

    @property
    def events(self) -> list[Event]:
        """The events, in the order in which they were taken."""
        return [event for _, event, _, _ in self.taken]

    async def more(self) -> None:
        """Return once another step was taken."""
        seen = len(self.taken)
        await self.until(lambda _: len(self.taken) > seen)

    async def until(self, holds: Callable[[Server], bool]) -> None:
        """Return once *holds* is true of the server."""
        while not (self.taken and holds(self.taken[-1][2])):
            self._more = anyio.Event()
            await self._more.wait()


def founders(*node_ids: str) -> Configuration:
    """A configuration of these voters, with addresses that nobody dials."""
    return Configuration.of({node_id: f"{node_id}.invalid:1" for node_id in node_ids})


def machine() -> KvStateMachine:
    """An empty key-value machine."""
    return KvStateMachine(MemoryRows(), 0, {})


def node_over(
    recovered: Recovered,
    storage: Storage,
    network: Network,
    *,
    clock: Clock | None = None,
    settings: NodeSettings = SWIFT,
    observe: Steps | None = None,
    seed: int | None = None,
) -> Node:
    """A node with an empty machine; *seed* makes its dice tell the same again."""
    return Node(
        recovered,
        storage=storage,
        snapshots=MemoryStore(MemoryDisk()),
        machine=machine(),
        network=network,
        clock=clock or BoottimeClock(),
        dice=random.Random(seed).uniform,
        settings=settings,
        observe=observe,
    )


class Cluster:
    """Nodes of one program, in memory; each can be ended and started again on its disk."""

    def __init__(self, tasks: anyio.abc.TaskGroup, node_ids: tuple[str, ...]) -> None:
        self.hub = MemoryHub()
        self.nodes: dict[str, Node] = {}
        self.steps: dict[str, Steps] = {}
        self.disks = {node_id: KeptDisk(founders(*node_ids)) for node_id in node_ids}
        self.removed = {node_id: anyio.Event() for node_id in node_ids}
        self._tasks = tasks
        self._lives: dict[str, anyio.CancelScope] = {}

    async def start(self, node_id: str) -> Node:
        """Start a node on what its disk holds."""
        disk, steps = self.disks[node_id], Steps()
        node = node_over(disk.recovered(node_id), disk, self.hub.network(node_id), observe=steps)
        self.nodes[node_id], self.steps[node_id] = node, steps
        self.hub.attach(node_id, node)
        await self._tasks.start(self._live, node_id, node)
        return node

    async def _live(
        self, node_id: str, node: Node, *, task_status: anyio.abc.TaskStatus[None]
    ) -> None:
        with anyio.CancelScope() as self._lives[node_id], suppress(MemberRemoved):
            await node.run(task_status=task_status)
        if isinstance(node.failure, MemberRemoved):
            self.hub.detach(node_id)
            self.removed[node_id].set()

    def kill(self, node_id: str) -> None:
        """End a node without a word, as a crash does; its disk stays."""
        self._lives[node_id].cancel()
        self.hub.detach(node_id)
        del self.nodes[node_id]

    async def leader(self, *, besides: str | None = None) -> Node:
        """The node that leads, as soon as one does (one other than *besides*)."""
        while True:
            for node_id, node in self.nodes.items():
                if node_id != besides and isinstance(node.server.role, Leader):
                    return node
            async with anyio.create_task_group() as any_step:
                for node_id in self.nodes:
                    any_step.start_soon(self._next_step, node_id, any_step.cancel_scope)

    async def _next_step(self, node_id: str, found: anyio.CancelScope) -> None:
        await self.steps[node_id].more()
        found.cancel()

    def others(self, node: Node) -> list[Node]:
        """All nodes but *node*."""
        return [other for other in self.nodes.values() if other is not node]


@asynccontextmanager
async def cluster(*node_ids: str) -> AsyncIterator[Cluster]:
    """A running cluster in memory, within a deadline; all its nodes end with the block."""
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            made = Cluster(tasks, node_ids)
            for node_id in node_ids:
                await made.start(node_id)
            yield made
            tasks.cancel_scope.cancel()
