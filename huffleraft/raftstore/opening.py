"""From what a caller asks to a node that could run: everything that can fail at a start.

In this order, so that a mistake is told before anything is written: who this node is; whether
anybody has met it, if it would begin anew; the port; the data directory; the state machine.
"""

from __future__ import annotations

import logging
import random
import socket
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import anyio

from huffleraft.core import NodeId
from huffleraft.errors import ConfigurationInvalid, MemberRemoved, StorageFull
from huffleraft.kv.replica import KvStateMachine
from huffleraft.naming import check_advertised
from huffleraft.ports import Recovered, Rows
from huffleraft.raftstore.door import bind, bound_address
from huffleraft.raftstore.founders import (
    Founders,
    check_cluster_name,
    check_join,
    configuration_of,
    node_id_for,
)
from huffleraft.raftstore.joining import find_cluster
from huffleraft.runtime.clock import BoottimeClock
from huffleraft.runtime.driver import Observer
from huffleraft.runtime.founding import ask_whether_known
from huffleraft.runtime.handshake import Member
from huffleraft.runtime.memory_network import MemoryHub, MemoryNetwork
from huffleraft.runtime.network import PeerNetwork
from huffleraft.runtime.node import Node
from huffleraft.settings import NodeSettings
from huffleraft.store.directory import read_identity
from huffleraft.store.founding import Founding
from huffleraft.store.memory import MemoryDisk, MemoryStore, open_memory
from huffleraft.store.sqlite import SqliteStore, open_sqlite

_log = logging.getLogger("huffleraft.node")

_NOWHERE = "memory:0"
"""What stands for the address of a node that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A node with all that it rests on, not yet running."""

    node: Node
    machine: KvStateMachine
    store: SqliteStore | MemoryStore
    network: PeerNetwork | None
    hub: MemoryHub | None
    listening: socket.socket | None
    cluster_id: str
    advertised: str | None
    seeds: tuple[str, ...]
    learner: bool

    @property
    def rows(self) -> Rows:
        """The durable rows."""
        return self.store

    @property
    def address(self) -> str | None:
        """Where it really listens; None if it does not."""
        return bound_address(self.listening) if self.listening is not None else None

    async def close(self) -> None:
        """Flush the state machine, if the disk still takes it, and let go of everything."""
        if self.listening is not None:
            self.listening.close()
        try:
            if self.node.failure is None or isinstance(self.node.failure, MemberRemoved):
                await self.machine.flush()
        except StorageFull as full:
            # Nothing is lost: the log holds what the rows lack, and the next start applies it.
            _log.warning("the last changes stay in the log alone: %s", full)
        finally:
            await self.store.close()


async def opened(
    disk: Path | MemoryDisk,
    *,
    node_id: NodeId | None,
    listen: str | None,
    advertise: str | None,
    cluster: str,
    bootstrap: Mapping[NodeId, str] | None,
    join: Sequence[str],
    learner: bool,
    settings: NodeSettings,
    hub: MemoryHub | None,
    observe: Observer | None,
) -> Opened:
    """Open everything a node needs.  Raises as `RaftStore.open` says."""
    check_join(join, bootstrap, learner=learner, listens=listen is not None and hub is None)
    known = disk.identity if isinstance(disk, MemoryDisk) else read_identity(disk)
    node_id = node_id_for(known, node_id, bootstrap)
    if advertise is not None:
        check_advertised(advertise)
    begins_with_others = known is None and bootstrap is not None and len(bootstrap) > 1
    if begins_with_others and listen is not None and hub is None:
        # Before the port is bound: two founders that ask each other at once are both refused at
        # once, instead of waiting for each other's hello.
        await _ask_others(node_id, cluster, bootstrap or {}, settings)
    async with AsyncExitStack() as undo:
        listening = None
        if listen is not None and hub is None:
            listening = bind(listen)
            undo.callback(listening.close)
        advertised = _advertised(node_id, advertise, bootstrap, listening)
        if known is None and join:
            cluster_id = await find_cluster(join, node_id, settings.join_patience)
            founding = Founding(node_id, cluster_id, None)
        elif known is not None and bootstrap is None:
            # Nothing was said of the founders, so the directory is asked who they were.
            founding = Founding(known.node_id, known.cluster_id, None)
        else:
            configuration = configuration_of(node_id, bootstrap, advertised or _NOWHERE)
            founding = Founders(node_id, cluster, configuration).founding
        # Whole or not at all, whoever is cancelled: half of it could not be given back.
        with anyio.CancelScope(shield=True):
            store, recovered = await _open_store(disk, founding)
        undo.push_async_callback(_close, store)
        if not join:  # whoever joins need not know the name
            check_cluster_name(recovered, cluster)
        node = await _assembled(
            store,
            recovered,
            listening=listening,
            advertised=advertised,
            seeds=tuple(join),
            learner=learner,
            settings=settings,
            hub=hub,
            observe=observe,
        )
        undo.pop_all()
    return node


async def _close(store: SqliteStore | MemoryStore) -> None:
    with anyio.CancelScope(shield=True):
        await store.close()


async def _ask_others(
    node_id: NodeId, cluster: str, bootstrap: Mapping[NodeId, str], settings: NodeSettings
) -> None:
    founders = Founders(node_id, cluster, configuration_of(node_id, bootstrap, _NOWHERE))
    await ask_whether_known(
        node_id, founders.cluster_id, founders.others(), settings.founding_patience
    )


def _advertised(
    node_id: NodeId,
    advertise: str | None,
    bootstrap: Mapping[NodeId, str] | None,
    listening: socket.socket | None,
) -> str | None:
    """Where others reach this node: as said, as the founders' list says, or where it listens."""
    if advertise is not None:
        return advertise
    if bootstrap and node_id in bootstrap:
        return bootstrap[node_id]
    if listening is None:
        return None
    address = bound_address(listening)
    check_advertised(address)
    return address


async def _open_store(
    disk: Path | MemoryDisk, founding: Founding
) -> tuple[SqliteStore | MemoryStore, Recovered]:
    if isinstance(disk, MemoryDisk):
        return await open_memory(disk, found=founding)
    return await open_sqlite(disk, found=founding)


async def _assembled(
    store: SqliteStore | MemoryStore,
    recovered: Recovered,
    *,
    listening: socket.socket | None,
    advertised: str | None,
    seeds: tuple[str, ...],
    learner: bool,
    settings: NodeSettings,
    hub: MemoryHub | None,
    observe: Observer | None,
) -> Opened:
    machine = await KvStateMachine.open(store, recovered.last_applied)
    if recovered.node_id in machine.former_members:
        raise MemberRemoved(recovered.node_id)
    clock, dice = BoottimeClock(), random.Random().uniform
    network: PeerNetwork | MemoryNetwork
    if listening is not None:
        me = Member(recovered.cluster_id, recovered.node_id, recovered.boot, advertised or "")
        network = PeerNetwork(me, settings=settings, clock=clock, dice=dice)
    else:
        hub = hub or MemoryHub()
        network = hub.network(recovered.node_id)
    try:
        node = Node(
            recovered,
            storage=store,
            snapshots=store,
            machine=machine,
            network=network,
            clock=clock,
            dice=dice,
            settings=settings,
            observe=observe,
        )
    except ValueError as error:
        raise ConfigurationInvalid(f"what the directory holds cannot be: {error}") from error
    return Opened(
        node=node,
        machine=machine,
        store=store,
        network=network if isinstance(network, PeerNetwork) else None,
        hub=hub,
        listening=listening,
        cluster_id=recovered.cluster_id,
        advertised=advertised,
        seeds=seeds,
        learner=learner,
    )
