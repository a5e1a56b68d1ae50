"""Clusters of whole nodes in one program: in memory, or on SQLite and loopback sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import anyio
from anyio.abc import TaskGroup, TaskStatus

from huffleraft import RaftStore
from huffleraft.raftstore.door import bind, bound_address
from huffleraft.runtime.driver import Observer
from huffleraft.runtime.memory_network import MemoryHub
from huffleraft.settings import NodeSettings
from huffleraft.store.memory import MemoryDisk

PATIENCE = 30.0
"""Seconds: how long a test waits for what must come; far more than it takes."""

SWIFT = NodeSettings(
    heartbeat=0.05,
    election_min=0.3,
    election_max=0.6,
    redial_max=0.1,
    founding_patience=0.3,
    storage_retry=0.02,
)


def free_addresses(count: int) -> list[str]:
    """Addresses on loopback that were free a moment ago, each another."""
    sockets = [bind("127.0.0.1:0") for _ in range(count)]
    addresses = [bound_address(one) for one in sockets]
    for one in sockets:
        one.close()
    return addresses


Observe: TypeAlias = Callable[[str], Observer | None]
"""Who sees the steps of the node with this id, from each of its starts on."""


def _nobody(node_id: str) -> None:
    return None


class Stores:
    """The nodes of one cluster, each of which can be closed and opened again."""

    def __init__(
        self,
        tasks: TaskGroup,
        bootstrap: Mapping[str, str],
        root: Path | None,
        settings: NodeSettings,
        hub: MemoryHub | None,
        observe: Observe,
    ) -> None:
        self.bootstrap = bootstrap
        self.running: dict[str, RaftStore] = {}
        self._tasks = tasks
        self._root = root
        self._settings = settings
        self._observe = observe
        self._hub = (hub or MemoryHub()) if root is None else None
        self._disks = {node_id: MemoryDisk() for node_id in bootstrap}
        self._close: dict[str, anyio.Event] = {}
        self._closed: dict[str, anyio.Event] = {}

    def disk(self, node_id: str) -> Path | MemoryDisk:
        """Where this node keeps everything."""
        return self._disks[node_id] if self._root is None else self._root / node_id

    async def open(self, node_id: str) -> RaftStore:
        """Start a node on what its disk holds."""
        await self._tasks.start(self._live, node_id)
        return self.running[node_id]

    async def _live(self, node_id: str, *, task_status: TaskStatus[None]) -> None:
        self._close[node_id], self._closed[node_id] = anyio.Event(), anyio.Event()
        async with RaftStore.open(
            self.disk(node_id),
            node_id=node_id,
            listen=self.bootstrap[node_id] if self._hub is None else None,
            bootstrap=self.bootstrap,
            settings=self._settings,
            hub=self._hub,
            observe=self._observe(node_id),
        ) as self.running[node_id]:
            task_status.started()
            await self._close[node_id].wait()
        self._closed[node_id].set()

    async def close(self, node_id: str) -> None:
        """Stop a node in good order."""
        self._close[node_id].set()
        await self._closed[node_id].wait()
        del self.running[node_id]

    def leader(self) -> RaftStore:
        """The node that any other names as the leader of the latest term."""
        named = max(self.running.values(), key=lambda one: one.server.current_term)
        assert named.server.leader is not None
        return self.running[named.server.leader]

    def followers(self) -> list[RaftStore]:
        """All but the leader."""
        leader = self.leader()
        return [store for store in self.running.values() if store is not leader]


@asynccontextmanager
async def stores(
    root: Path | None,
    count: int = 3,
    *,
    settings: NodeSettings = SWIFT,
    hub: MemoryHub | None = None,
    observe: Observe = _nobody,
) -> AsyncIterator[Stores]:
    """A cluster that knows its leader: on SQLite and sockets under *root*, or all in memory."""
    ids = [f"n{number}" for number in range(1, count + 1)]
    addresses = [f"{node_id}.invalid:1" for node_id in ids]
    if root is not None:
        addresses = free_addresses(count)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks, AsyncExitStack() as closing:
            cluster = Stores(
                tasks, dict(zip(ids, addresses, strict=True)), root, settings, hub, observe
            )
            for node_id in ids:
                store = await cluster.open(node_id)
                closing.callback(cluster._close[node_id].set)
                del store
            for store in cluster.running.values():
                await store.leader_known()
            yield cluster
            for node_id in cluster.running:
                cluster._close[node_id].set()
