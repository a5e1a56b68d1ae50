"""One node, whole: opened on a data directory, asked for keys, and closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from huffleraft import __version__
from huffleraft.core import NodeId, Server
from huffleraft.http.api import Readiness
from huffleraft.kv.commands import SessionStamp
from huffleraft.kv.queries import (
    PAGE_KEYS,
    PAGE_KEYS_MAX,
    Found,
    Hashed,
    Listed,
    Missing,
    Page,
    StateHash,
    decode_answer,
    encode_query,
)
from huffleraft.kv.results import CasMismatch, Changed, Removed
from huffleraft.raftstore.disk import disk_bytes
from huffleraft.raftstore.facts import facts_of
from huffleraft.raftstore.life import running
from huffleraft.raftstore.local_api import LocalApi
from huffleraft.raftstore.opening import Opened, opened
from huffleraft.raftstore.operations import Operations
from huffleraft.raftstore.readiness import readiness, standing
from huffleraft.raftstore.status import Status, status_of
from huffleraft.raftstore.sync import Opening
from huffleraft.runtime.driver import Observer
from huffleraft.runtime.memory_network import MemoryHub
from huffleraft.settings import NodeSettings
from huffleraft.store.memory import MemoryDisk


class RaftStore:
    """One node of a replicated key-value store; made by `RaftStore.open`.

    Ask any node: what needs the leader is handed to it.
    """

    def __init__(self, node: Opened, settings: NodeSettings, data_dir: Path | None) -> None:
        self._opened = node
        self._node = node.node
        self._operations = Operations(node.node, settings, forward=True, persist=True)
        self.local_api = LocalApi(
            node.node,
            settings,
            status=self._status,
            ready=self.ready,
            facts=lambda: facts_of(node, data_dir),
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
        - *listen* is the one port for peers and HTTP; None has neither.
        - *advertise* is where others reach it, if that is not where it listens.
        - *hub* joins the nodes of one program in memory, in place of connections.

        If the node fails, the block is cancelled, and the failure raised at its end: StorageFailed
        or Halted.  Raises DataDirLocked, DataDirUnwritable, StorageCorrupt, SchemaNewer,
        IdentityMismatch, PortInUse, ConfigurationInvalid, FounderDiskGone at the start.
        """
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
        async with running(node, store.local_api, settings):
            yield store

    # Keys and values.

    async def set(
        self,
        key: str,
        value: bytes,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        session: SessionStamp | None = None,
    ) -> Changed:
        """Give *key* the value *value*.  Raises as `Operations` says."""
        return (await self._operations.set(key, value, timeout=timeout, session=session)).result

    async def get(
        self,
        key: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        stale: bool = False,
    ) -> Found | Missing:
        """Read *key*: linearizably, or with *stale* what this node has applied so far."""
        return (await self._operations.get(key, timeout=timeout, stale=stale)).result

    async def delete(
        self,
        key: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        session: SessionStamp | None = None,
    ) -> Removed:
        """Remove *key*; it also succeeds where there is nothing to remove."""
        return (await self._operations.delete(key, timeout=timeout, session=session)).result

    async def cas(
        self,
        key: str,
        old: bytes | None,
        new: bytes,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        session: SessionStamp | None = None,
    ) -> Changed | CasMismatch:
        """Give *key* the value *new* if it has *old*; None means that it is missing."""
        placed = await self._operations.cas(key, old, new, timeout=timeout, session=session)
        return placed.result

    async def page(
        self,
        prefix: str = "",
        after: str = "",
        *,
        limit: int = PAGE_KEYS,
        values: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        stale: bool = False,
    ) -> Page:
        """Keys in order, all of the state at one index: at most *limit* behind *after*.

        Its `next` is the `after` of the page that follows; None where none does.
        """
        placed = await self._operations.page(
            prefix, after, limit=limit, values=values, timeout=timeout, stale=stale
        )
        return placed.result

    async def scan(
        self, prefix: str = "", *, values: bool = True, stale: bool = False
    ) -> AsyncIterator[Listed]:
        """All keys that begin with *prefix*, in order, page by page.

        Each page is the state at one index; a key that is written meanwhile may be met or not.
        """
        after: str | None = ""
        while after is not None:
            page = await self.page(prefix, after, limit=PAGE_KEYS_MAX, values=values, stale=stale)
            for listed in page.keys:
                yield listed
            after = page.next

    async def register_session(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
    ) -> int:
        """Begin a session, and return its id; a `SessionStamp` under it makes writes run once."""
        return (await self._operations.register_session(timeout=timeout)).result.session

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
