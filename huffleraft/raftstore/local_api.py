"""One node's face towards its own port: it answers for itself, unless asked to hand it on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from huffleraft.core import LogIndex, NodeId, Term
from huffleraft.http.api import Facts, MemberApi, Readiness, Roster
from huffleraft.raftstore.operations import Operations
from huffleraft.raftstore.status import Status
from huffleraft.runtime.node import Node
from huffleraft.settings import NodeSettings


class LocalApi(Operations):
    """Implements `http.api.StoreApi`: NotLeader is raised, for an HTTP client to follow."""

    def __init__(
        self,
        node: Node,
        settings: NodeSettings,
        *,
        status: Callable[[bool], Awaitable[Status]],
        ready: Callable[[], Awaitable[Readiness]],
        facts: Callable[[], Facts],
        members: Callable[[], Roster],
        changing: Callable[[bool], MemberApi],
    ) -> None:
        super().__init__(node, settings, forward=False, persist=False)
        self._forwarding = Operations(node, settings, forward=True, persist=False)
        self._status = status
        self._ready = ready
        self._facts = facts
        self._members = members
        self._changing = changing

    @property
    def node_id(self) -> NodeId:
        """The node's name."""
        return self._node.server.id

    @property
    def term(self) -> Term:
        """The term it is in now."""
        return self._node.server.current_term

    @property
    def applied(self) -> LogIndex:
        """The index up to which it has applied."""
        return self._node.applied

    @property
    def forwarding(self) -> Operations:
        """The same operations, handed to the leader where this node does not lead; one hop."""
        return self._forwarding

    def members(self) -> Roster:
        """Who belongs to the cluster, as this node knows it."""
        return self._members()

    def changing(self, *, forward: bool) -> MemberApi:
        """Changes of members; with *forward* handed to the leader."""
        return self._changing(forward)

    async def status(self, *, hash: bool = False) -> Status:  # noqa: A002  # the API's word
        """What is to be seen of this node; with *hash* also the hash of its state."""
        return await self._status(hash)

    async def ready(self) -> Readiness:
        """Whether it may be sent requests."""
        return await self._ready()

    def facts(self) -> Facts:
        """What is to be counted of this node, now."""
        return self._facts()
