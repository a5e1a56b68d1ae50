"""Members let in and taken out, and one made leader, as one door asks it of a node.

Why it is as it is: docs/decisions, 8 and 10.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from huffleraft.core import Leader, NodeId, Server
from huffleraft.errors import BadRequest, ConfigurationInvalid, MemberRefused, NotLeader
from huffleraft.http.api import Joined, Member, Placed, Roster, Standing
from huffleraft.naming import check_advertised
from huffleraft.raftstore.persisting import Persistence
from huffleraft.runtime.changes import Admit, Remove
from huffleraft.runtime.handshake import Welcome
from huffleraft.runtime.node import Node
from huffleraft.runtime.requests import change_pending, no_leader
from huffleraft.settings import NodeSettings


class Membership:
    """Implements `http.api.MemberApi` over *node*, which is reached at *address*.

    *call* asks who is at an address, and raises MemberUnreachable or MemberRefused.  *forward*
    and *persist* are as for `Operations`.
    """

    def __init__(
        self,
        node: Node,
        settings: NodeSettings,
        *,
        address: str | None,
        call: Callable[[str], Awaitable[Welcome]],
        forward: bool,
        persist: bool,
    ) -> None:
        self._node = node
        self._settings = settings
        self._address = address
        self._call = call
        self._forward = forward
        self._persistence = Persistence(node, settings, persist=persist)

    async def join(
        self,
        address: str,
        *,
        node_id: NodeId | None = None,
        learner: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
    ) -> Placed[Joined]:
        """One step of letting the node at *address* in; as `MemberApi.join`."""
        try:
            check_advertised(address)
        except ConfigurationInvalid as error:
            raise BadRequest(error.why) from None

        async def step(left: float) -> Placed[Joined]:
            self._require_leader()
            who, empty = await self._who_is(address, node_id)
            answer = await self._node.change(
                Admit(who, address, learner, empty), left, forward=self._forward
            )
            standing = _standing(answer.payload)
            if standing is None:  # removed by somebody else just now
                raise change_pending(self._settings)
            joined = Joined(Member(who, address, standing), learner or standing == "voter")
            return Placed(joined, answer.index, answer.term)

        return await self._persistence.attempt(step, self._persistence.seconds(timeout))

    async def remove(
        self,
        node_id: NodeId,
        *,
        force: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
    ) -> Placed[None]:
        """Take *node_id* out; as `MemberApi.remove`."""

        async def step(left: float) -> Placed[None]:
            answer = await self._node.change(Remove(node_id, force), left, forward=self._forward)
            return Placed(None, answer.index, answer.term)

        return await self._persistence.attempt(step, self._persistence.seconds(timeout))

    async def hand_over(
        self,
        to: NodeId | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
    ) -> Placed[NodeId]:
        """Let another node lead; as `MemberApi.hand_over`."""

        async def step(left: float) -> Placed[NodeId]:
            answer = await self._node.hand_over(to, left, forward=self._forward)
            return Placed(answer.payload.decode(), answer.index, answer.term)

        return await self._persistence.attempt(step, self._persistence.seconds(timeout))

    def _require_leader(self) -> None:
        """Whoever only tells where the leader is need not call anybody first."""
        server = self._node.server
        if self._forward or isinstance(server.role, Leader):
            return
        raise _not_leader(server) or no_leader(self._settings)

    async def _who_is(self, address: str, node_id: NodeId | None) -> tuple[NodeId, bool]:
        """Whose that address is, and whether it holds nothing yet."""
        if address == self._address:  # our own: nobody has to be called
            found, empty = self._node.server.id, self._node.is_empty
        else:
            welcome = await self._call(address)
            found, empty = welcome.node_id, welcome.empty
        if node_id is not None and node_id != found:
            raise MemberRefused(
                f"at {address} answers {found}, and not {node_id}; name the node that is there, or "
                "the address of the one that is meant"
            )
        return found, empty


def _not_leader(server: Server) -> NotLeader | None:
    if server.leader is None:
        return None
    return NotLeader(server.leader, server.configuration.address_of(server.leader))


def _standing(told: bytes) -> Standing | None:
    match told:
        case b"voter":
            return "voter"
        case b"learner":
            return "learner"
        case _:
            return None


def roster_of(server: Server, cluster_id: str) -> Roster:
    """The members that *server*'s configuration in force names."""
    configuration = server.configuration
    members = tuple(
        Member(node, configuration.address_of(node) or "", _standing_in(server, node))
        for node in configuration.members
    )
    index, joint = server.membership.index, configuration.is_joint
    return Roster(cluster_id, server.leader, index, joint, members)


def _standing_in(server: Server, node: NodeId) -> Standing:
    if node in server.configuration.voters:
        return "voter"
    return "learner" if node in server.configuration.learners else "leaving"
