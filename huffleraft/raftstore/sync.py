"""A `RaftStore` for scripts and threads: its event loop runs in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from anyio.from_thread import BlockingPortal, start_blocking_portal

from huffleraft.core import NodeId
from huffleraft.http.api import Joined, Roster
from huffleraft.kv.commands import SessionStamp
from huffleraft.kv.queries import PAGE_KEYS, PAGE_KEYS_MAX, Found, Listed, Missing, Page
from huffleraft.kv.results import CasMismatch, Changed, Removed
from huffleraft.raftstore.status import Status

if TYPE_CHECKING:
    from huffleraft.raftstore.store import RaftStore


class SyncRaftStore:
    """One node, asked by any thread; every operation waits, and raises, as `RaftStore` says.

    Any number of threads may ask at once.  After the block every operation raises RuntimeError.
    """

    def __init__(self, store: RaftStore, portal: BlockingPortal) -> None:
        self._store = store
        self._portal = portal

    def set(
        self,
        key: str,
        value: bytes,
        *,
        timeout: float | None = None,
        session: SessionStamp | None = None,
    ) -> Changed:
        """Give *key* the value *value*."""
        return self._portal.call(
            partial(self._store.set, key, value, timeout=timeout, session=session)
        )

    def get(
        self, key: str, *, timeout: float | None = None, stale: bool = False
    ) -> Found | Missing:
        """Read *key*: linearizably, or with *stale* what this node has applied so far."""
        return self._portal.call(partial(self._store.get, key, timeout=timeout, stale=stale))

    def delete(
        self, key: str, *, timeout: float | None = None, session: SessionStamp | None = None
    ) -> Removed:
        """Remove *key*; it also succeeds where there is nothing to remove."""
        return self._portal.call(partial(self._store.delete, key, timeout=timeout, session=session))

    def cas(
        self,
        key: str,
        old: bytes | None,
        new: bytes,
        *,
        timeout: float | None = None,
        session: SessionStamp | None = None,
    ) -> Changed | CasMismatch:
        """Give *key* the value *new* if it has *old*; None means that it is missing."""
        return self._portal.call(
            partial(self._store.cas, key, old, new, timeout=timeout, session=session)
        )

    def page(
        self,
        prefix: str = "",
        after: str = "",
        *,
        limit: int = PAGE_KEYS,
        values: bool = False,
        timeout: float | None = None,
        stale: bool = False,
    ) -> Page:
        """Keys in order, all of the state at one index: at most *limit* behind *after*."""
        wanted = partial(self._store.page, prefix, after, limit=limit, values=values)
        return self._portal.call(partial(wanted, timeout=timeout, stale=stale))

    def scan(
        self, prefix: str = "", *, values: bool = True, stale: bool = False
    ) -> Iterator[Listed]:
        """All keys that begin with *prefix*, in order, page by page."""
        after: str | None = ""
        while after is not None:
            page = self.page(prefix, after, limit=PAGE_KEYS_MAX, values=values, stale=stale)
            yield from page.keys
            after = page.next

    def register_session(self, *, timeout: float | None = None) -> int:
        """Begin a session, and return its id."""
        return self._portal.call(partial(self._store.register_session, timeout=timeout))

    def members(self) -> Roster:
        """Who belongs to the cluster, as this node knows it."""
        return self._store.members()

    def join(self, address: str, *, learner: bool = False, timeout: float = 60.0) -> Joined:
        """Let the node at *address* in, and return when it votes; a *learner* when it listens."""
        return self._portal.call(
            partial(self._store.join, address, learner=learner, timeout=timeout)
        )

    def joined(self) -> None:
        """Return once this node is what it wants to be."""
        self._portal.call(self._store.joined)

    def remove(self, node_id: NodeId, *, force: bool = False, timeout: float | None = None) -> None:
        """Remove a member for good; one that was removed before is no failure."""
        self._portal.call(partial(self._store.remove, node_id, force=force, timeout=timeout))

    def hand_over(self, to: NodeId | None = None, *, timeout: float | None = None) -> NodeId:
        """Let *to* lead, or whichever voter is best able to, and return when it does; its id."""
        return self._portal.call(partial(self._store.hand_over, to, timeout=timeout))

    @property
    def node_id(self) -> NodeId:
        """The node's id."""
        return self._store.node_id

    @property
    def address(self) -> str | None:
        """Where it really listens, HOST:PORT; None if it does not."""
        return self._store.address

    def leader_known(self) -> None:
        """Return once this node knows who leads."""
        self._portal.call(self._store.leader_known)

    def status(self, *, hash: bool = False) -> Status:  # noqa: A002  # the API's word
        """What the node says of itself; with *hash* also a hash of its state and its index."""
        return self._portal.call(partial(self._store.status, hash=hash))


class Opening:
    """What `RaftStore.open` gives, for one block: `async with` in a task, `with` in a thread."""

    def __init__(self, opened: Callable[[], AbstractAsyncContextManager[RaftStore]]) -> None:
        self._opened = opened()
        self._undo = ExitStack()

    async def __aenter__(self) -> RaftStore:
        return await self._opened.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self._opened.__aexit__(kind, error, trace)

    def __enter__(self) -> SyncRaftStore:
        with ExitStack() as undo:
            portal = undo.enter_context(start_blocking_portal(name="huffleraft"))
            store = undo.enter_context(portal.wrap_async_context_manager(self._opened))
            self._undo = undo.pop_all()
        return SyncRaftStore(store, portal)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return self._undo.__exit__(kind, error, trace)
