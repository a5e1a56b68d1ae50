"""Our own store, machine and network, as the kit wants them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from huffleraft.kv.replica import KvStateMachine
from huffleraft.ports import Inbox, Network, Recovered, Storage
from huffleraft.runtime.memory_network import MemoryHub
from huffleraft.store.memory import MemoryDisk, MemoryStore, open_memory
from huffleraft.store.sqlite import SqliteStore, open_sqlite
from tests.kv.memory_rows import MemoryRows
from tests.store.stories import FOUNDING


class OurMemory:
    """A disk in memory."""

    def __init__(self) -> None:
        self.disk = MemoryDisk()

    async def open(self) -> tuple[Storage, Recovered]:
        """Open it."""
        return await open_memory(self.disk, found=FOUNDING)

    async def close(self, storage: Storage) -> None:
        """Close it."""
        assert isinstance(storage, MemoryStore)
        await storage.close()


class OurSqlite:
    """A data directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def open(self) -> tuple[Storage, Recovered]:
        """Open it."""
        return await open_sqlite(self.directory, found=FOUNDING)

    async def close(self, storage: Storage) -> None:
        """Close it."""
        assert isinstance(storage, SqliteStore)
        await storage.close()


async def new_machine() -> KvStateMachine:
    """An empty key-value machine."""
    return KvStateMachine(MemoryRows(), 0, {})


async def restarted(machine: KvStateMachine) -> KvStateMachine:
    """A machine over what *machine* has flushed."""
    await machine.flush()
    rows = machine._rows
    return await KvStateMachine.open(rows, machine.flushed_index)


async def state_of(machine: KvStateMachine) -> object:
    """Its hash, over all rows and sessions, and where it stands."""
    return await machine.digest()


@asynccontextmanager
async def connected(inboxes: dict[str, Inbox]) -> AsyncIterator[dict[str, Network]]:
    """Networks of one hub."""
    hub = MemoryHub()
    for name, inbox in inboxes.items():
        hub.attach(name, inbox)
    networks: dict[str, Network] = {name: hub.network(name) for name in inboxes}
    for network in networks.values():
        network.connect(dict.fromkeys(inboxes, "memory:0"))
    yield networks
