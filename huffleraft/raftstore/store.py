"""One node, whole: opened on a data directory, asked for keys, and closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio

from huffleraft import __version__
from huffleraft.core import NodeId, Server
from huffleraft.http.api import Joined, Readiness, Roster
from huffleraft.kv.queries import Hashed, StateHash, decode_answer, encode_query
from huffleraft.raftstore.disk import disk_bytes
from huffleraft.raftstore.facts import facts_of
from huffleraft.raftstore.joining import Joining
from huffleraft.raftstore.keys import Keys
from huffleraft.raftstore.life import running
from huffleraft.raftstore.local_api import LocalApi
from huffleraft.raftstore.membership import Membership, roster_of
from huffleraft.raftstore.opening import Opened, opened
from huffleraft.raftstore.operations import Operations
from huffleraft.raftstore.persisting import PAUSE
from huffleraft.raftstore.readiness import readiness, standing
from huffleraft.raftstore.status import Status, status_of
from huffleraft.raftstore.sync import Opening
from huffleraft.runtime.calling import who_is
from huffleraft.runtime.driver import Observer
from huffleraft.runtime.handshake import Welcome
from huffleraft.runtime.memory_network import MemoryHub
from huffleraft.settings import NodeSettings
from huffleraft.store.memory import MemoryDisk


class RaftStore(Keys):
    """One node of a replicated key-value store; made by `RaftStore.open`.

    Ask any node: what needs the leader is handed to it.
    """

    def __init__(self, node: Opened, settings: NodeSettings, data_dir: Path | None) -> None:
        super().__init__(Operations(node.node, settings, forward=True, persist=True))
        self._opened = node
        self._node = node.node
        self._settings = settings
        self._membership = self._changing(forward=True, persist=True)
        self._joining = self._joining_of(node)
        self.local_api = LocalApi(
            node.node,
            settings,
            status=self._status,
            ready=self.ready,
            facts=lambda: facts_of(node, data_dir),
            members=self.members,
            changing=lambda forward: self._changing(forward=forward, persist=False),
        )
        """The same operations for this node alone: NotLeader is raised instead of forwarding."""

    @classmethod
    def open(
        cls,
        data_dir: Path | str | MemoryDisk,
        *,
        node_id: NodeId | None = None,
        listen: str | None = "127.0.0.1:0",
        advertise: str | None = None,
        cluster: str = "huffleraft",
        bootstrap: Mapping[NodeId, str] | None = None,
        join: Sequence[str] | str | None = None,
        learner: bool = False,
        settings: NodeSettings | None = None,
        hub: MemoryHub | None = None,
        observe: Observer | None = None,
    ) -> Opening:
        """Open a node, run it while the block runs, and close it.

        `async with` gives a `RaftStore`; `with` a `SyncRaftStore`, whose event loop runs in a
        thread of its own, for scripts and threads.

        - *data_dir* holds everything; a `MemoryDisk` holds it for as long as the program runs.
        - *node_id*, *cluster*, *bootstrap* say what an **empty** directory becomes: a founder of
          a cluster of the nodes in *bootstrap* (id to HOST:PORT, the same on each), or a cluster
          of this node alone.  Later they are noted, and refused where they contradict.
        - *join* names members, HOST:PORT each, or one text with commas between: an empty directory
          becomes a newcomer of their cluster.  The block begins at once; `joined` returns when it
          votes.  A *learner* gets the log, and is to vote never.
        - *listen* is the one port for peers and HTTP; None has neither.
        - *advertise* is where others reach it, if that is not where it listens.
        - *hub* joins the nodes of one program in memory, in place of connections.

        If the node ends by itself, the block is cancelled, and why is raised at its end:
        StorageFailed or Halted, MemberRemoved once it was removed from its cluster, MemberRefused
        where it is never let in.  Raises DataDirLocked, DataDirUnwritable, StorageCorrupt,
        SchemaNewer, IdentityMismatch, PortInUse, ConfigurationInvalid, FounderDiskGone,
        SeedsSilent, MemberRefused, MemberRemoved at the start.
        """
        seeds = join.split(",") if isinstance(join, str) else join or ()
        settings = settings or NodeSettings()
        disk = Path(data_dir) if isinstance(data_dir, str) else data_dir
        opening = partial(
            opened,
            disk,
            node_id=node_id,
            listen=listen,
            advertise=advertise,
            cluster=cluster,
            bootstrap=bootstrap,
            join=tuple(seed.strip() for seed in seeds if seed.strip()),
            learner=learner,
            settings=settings,
            hub=hub,
            observe=observe,
        )
        where = disk if isinstance(disk, Path) else None
        return Opening(partial(cls._opened_and_running, opening, settings, where))

    @classmethod
    @asynccontextmanager
    async def _opened_and_running(
        cls,
        opening: Callable[[], Awaitable[Opened]],
        settings: NodeSettings,
        data_dir: Path | None,
    ) -> AsyncIterator[RaftStore]:
        node = await opening()
        store = cls(node, settings, data_dir)
        async with running(node, store.local_api, store._joining, settings):
            yield store

    # The members.

    def members(self) -> Roster:
        """Who belongs to the cluster, as this node knows it."""
        return roster_of(self.server, self.cluster_id)

    async def join(
        self,
        address: str,
        *,
        learner: bool = False,
        timeout: float = 60.0,  # noqa: ASYNC109  # on the node's own clock
    ) -> Joined:
        """Let the node at *address* in, and return when it votes; a *learner* when it listens.

        It has to run, opened with *join*.  Its `done` is False where *timeout* seconds were not
        enough: it is a learner then and goes on asking by itself.  Raises as
        `http.api.MemberApi.join` does.
        """
        deadline = anyio.current_time() + timeout
        while True:
            left = max(deadline - anyio.current_time(), PAUSE)
            placed = await self._membership.join(address, learner=learner, timeout=left)
            if placed.result.done or anyio.current_time() >= deadline:
                return placed.result
            await anyio.sleep(PAUSE)

    async def joined(self) -> None:
        """Return once this node is what it wants to be: a voter, or a learner that is to be one.

        At once where it was not opened to join.
        """
        if self._joining is not None:
            await self._joining.joined()

    async def remove(
        self,
        node_id: NodeId,
        *,
        force: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
    ) -> None:
        """Remove a member for good; one that was removed before is no failure.

        Raises as `http.api.MemberApi.remove` does: QuorumAtRisk, unless by *force*.
        """
        await self._membership.remove(node_id, force=force, timeout=timeout)

    async def hand_over(
        self,
        to: NodeId | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
    ) -> NodeId:
        """Let *to* lead, or whichever voter is best able to, and return when it does; its id.

        Meanwhile writes are refused for certain, and asked again where they were made by a
        `RaftStore`.  A node that leads and is closed does this first by itself.  Raises as
        `http.api.MemberApi.hand_over` does.
        """
        return (await self._membership.hand_over(to, timeout=timeout)).result

    def _changing(self, *, forward: bool, persist: bool) -> Membership:
        def call(address: str) -> Awaitable[Welcome]:
            return who_is(self.cluster_id, self.node_id, address, self._settings.dial_timeout)

        return Membership(
            self._node,
            self._settings,
            address=self.advertised,
            call=call,
            forward=forward,
            persist=persist,
        )

    def _joining_of(self, node: Opened) -> Joining | None:
        """What this node asks of the others; None where none could reach it."""
        if node.advertised is None or node.network is None:
            return None
        own = self._changing(forward=True, persist=False)
        return Joining(
            node.node, own, address=node.advertised, seeds=node.seeds, learner=node.learner
        )

    # The node.

    @property
    def node_id(self) -> NodeId:
        """The node's id."""
        return self.server.id

    @property
    def boot(self) -> int:
        """How often this data directory has been opened."""
        return self.server.boot

    @property
    def cluster_id(self) -> str:
        """The id of the cluster it belongs to."""
        return self._opened.cluster_id

    @property
    def address(self) -> str | None:
        """Where it really listens, HOST:PORT; None if it does not."""
        return self._opened.address

    @property
    def advertised(self) -> str | None:
        """Where others reach it, HOST:PORT; None if they do not."""
        return self._opened.advertised

    @property
    def server(self) -> Server:
        """The protocol's own state, as a value."""
        return self._node.server

    async def leader_known(self) -> None:
        """Return once this node knows who leads."""
        await self._node.leader_known()

    async def ready(self) -> Readiness:
        """Whether it may be sent requests: it has caught up, and its disk answers."""
        return await readiness(self._node, self._opened.rows)

    async def status(self, *, hash: bool = False) -> Status:  # noqa: A002  # the API's word
        """What the node says of itself; with *hash* also a hash of its state and its index."""
        return await self._status(hash)

    async def _status(self, hashed: bool) -> Status:
        status = status_of(
            self.server,
            cluster_id=self.cluster_id,
            address=self.advertised,
            version=__version__,
            installs=self._node.installs,
            ready=standing(self._node).ready,
        )
        status["disk"] = await disk_bytes(self._opened.store)
        if hashed:
            answer = await self._node.read(encode_query(StateHash()), stale=True)
            decoded = decode_answer(answer.payload)
            assert isinstance(decoded, Hashed), "a state hash is answered by one"
            status |= {"hash": decoded.hash.hex(), "hash_index": decoded.hash_index}
        return status
