"""A node that is not yet what it wants to be, and asks for it until it is.

A newcomer asks its seeds, and later every member that it learns of.  Once it hears a leader it
has a shorter way: its own node hands the wish on.  So no crash, of a leader or of itself, leaves
it half way; and a member whose address has changed tells its new one by the same words.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

import anyio

from huffleraft.core import NodeId
from huffleraft.errors import HuffleraftError, MemberRefused, MemberRemoved, SeedsSilent
from huffleraft.raftstore.membership import Membership
from huffleraft.runtime.node import Node

_log = logging.getLogger("huffleraft.node")

_PAUSE: Final = 0.1
"""Seconds between two steps."""

_STEP: Final = 5.0
"""Seconds that one step may take."""


async def find_cluster(seeds: Sequence[str], node_id: NodeId, patience: float) -> str:
    """The id of the cluster that *seeds* are members of; a newcomer *node_id* founds itself on it.

    *patience* is in seconds.  Raises SeedsSilent, and MemberRefused where that id is a member's
    already: whoever has an empty directory under it has lost its disk.
    """
    from huffleraft.client import Client, OperationFailed, Patience  # noqa: PLC0415  # a slow load

    async with Client(seeds, patience=Patience(total=patience)) as client:
        try:
            roster = await client.members()
        except OperationFailed as failed:
            raise SeedsSilent(tuple(seeds), str(failed)) from None
    if any(member.node_id == node_id for member in roster.members):
        raise MemberRefused(
            f"{node_id} is a member already, and this data directory is empty: its disk is gone, "
            f"or two nodes were given one id. Remove it (`huffleraft cluster remove {node_id}`) "
            "and join under a new id"
        )
    return roster.cluster_id


class Joining:
    """The wish of one node to belong, at *address*, as a voter or a *learner*.

    *seeds* are members' addresses; without any it only tells a new address.
    """

    def __init__(
        self, node: Node, own: Membership, *, address: str, seeds: Sequence[str], learner: bool
    ) -> None:
        self._node = node
        self._own = own
        self._address = address
        self._seeds = seeds
        self._learner = learner
        self._complaint = ""
        self._joined = anyio.Event()

    async def joined(self) -> None:
        """Return once it is what it wants to be."""
        await self._joined.wait()

    async def run(self) -> None:
        """Ask until it is.  Raises MemberRefused or MemberRemoved where it never will be."""
        while not self._is_done():
            try:
                await self._step()
            except MemberRemoved:
                raise
            except MemberRefused as refusal:
                if self._node.server.configuration.address_of(self._node.server.id) is None:
                    raise
                self._complain(str(refusal))
            except HuffleraftError as error:
                self._complain(str(error))
            if not self._is_done():
                await anyio.sleep(_PAUSE)
        self._joined.set()

    def _is_done(self) -> bool:
        server = self._node.server
        configuration = server.configuration
        known = configuration.address_of(server.id)
        if known is None:
            return not self._seeds  # nobody to ask: a member has to name it
        votes = server.id in configuration.voters
        return known == self._address and (votes or self._learner or not self._seeds)

    async def _step(self) -> None:
        if self._node.server.leader is not None:
            await self._own.join(self._address, learner=self._learner, timeout=_STEP)
        elif endpoints := self._endpoints():
            await self._ask(endpoints)

    def _endpoints(self) -> list[str]:
        members = dict(self._node.server.configuration.addresses)
        members.pop(self._node.server.id, None)
        return list(dict.fromkeys((*self._seeds, *members.values())))

    async def _ask(self, endpoints: Sequence[str]) -> None:
        from huffleraft.client import Client, OperationFailed, Patience  # noqa: PLC0415  # likewise

        node_id = self._node.server.id
        async with Client(endpoints, patience=Patience(total=_STEP)) as client:
            try:
                await client.join(self._address, node_id=node_id, learner=self._learner)
            except OperationFailed as failed:
                if failed.code == MemberRemoved.code:
                    raise MemberRemoved(node_id) from None
                if failed.code == MemberRefused.code:
                    raise MemberRefused(failed.attempts[-1].detail) from None
                self._complain(str(failed))

    def _complain(self, complaint: str) -> None:
        if complaint != self._complaint:
            self._complaint = complaint
            _log.warning("%s is not let in yet: %s", self._node.server.id, complaint)
