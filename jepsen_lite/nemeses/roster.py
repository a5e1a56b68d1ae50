"""Who shall be a member, and the way there: asked for again and again until it is so.

A change of members is never undone, it is completed: what was interrupted during the faults goes on
after the heal, and a cluster that is larger or smaller than it was made gets back to its size.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from jepsen_lite.clients.answers import Asking
from jepsen_lite.clients.connection import Broken, Connection, NoConnection
from jepsen_lite.cluster import State

if TYPE_CHECKING:
    from jepsen_lite.cluster import Cluster

ASK_SECONDS: Final = 2.0
"""How long one request for a removal may take; it is idempotent, and asked again."""

REST_SECONDS: Final = 0.15


class Roster:
    """The members that *cluster* shall have; at first all its nodes, and always *size* in the end.

    Only one thing at a time may be asked of it.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.size = len(cluster.nodes)
        self.wanted = set(cluster.nodes)
        self.left: dict[str, int | None] = {}
        """The exit status of each node that was removed and is gone."""

    @property
    def is_larger(self) -> bool:
        """Whether somebody joined in whose place nobody has left yet."""
        return len(self.wanted) > self.size

    @property
    def is_reached(self) -> bool:
        """Whether those who vote, and those who run, are the wanted ones and no others."""
        voters, told = self.cluster.voters(), self.cluster.configuration()
        return (
            set(self.cluster.nodes) == self.wanted == set(voters or ())
            and told is not None
            and told.named == self.wanted
        )

    async def admit(self) -> str:
        """Start a newcomer, which asks to be let in; its id."""
        node = await self.cluster.add()
        self.wanted.add(node)
        return node

    def dismiss(self, node: str) -> None:
        """*node* shall be a member no more."""
        self.wanted.discard(node)
        self.cluster.let_leave(node)

    async def reach(self) -> None:
        """Ask until the members are the wanted ones.  It has no end of its own."""
        while not self.is_reached:
            await self._push()
            await asyncio.sleep(REST_SECONDS)

    async def back_to_size(self) -> str:
        """Complete what was begun and get back to the size; what there was to do, in words."""
        told = []
        if late := sorted(set(self.cluster.nodes) ^ self.wanted):
            told.append(f"completed the change of {', '.join(late)}")
        await self.reach()
        while self.is_larger:
            self.dismiss(last := max(self.wanted, key=_age))
            told.append(f"removed {last}, which was one too many")
            await self.reach()
        while len(self.wanted) < self.size:
            told.append(f"let {await self.admit()} join, since one was missing")
            await self.reach()
        return "; ".join(told)

    async def finish(self, within: float) -> tuple[str, str]:
        """After the heal: what was still done in *within* seconds, and what could not be done."""
        try:
            async with asyncio.timeout(within):
                return await self.back_to_size(), ""
        except TimeoutError:
            return "", f"after {within:g} s {self._lack()}"

    async def _push(self) -> None:
        """Do what can be done now for one node that shall go."""
        cluster, told, voters = self.cluster, self.cluster.configuration(), self.cluster.voters()
        if told is None or voters is None:
            return
        for node in [one for one in cluster.nodes if one not in self.wanted]:
            cluster.let_leave(node)
            if node in told.named or node in voters or cluster.nodes[node].state is not State.DOWN:
                if await ask_removal(cluster, node) == HTTPStatus.NOT_FOUND:
                    await cluster.condemn(node)  # a newcomer that was never let in
                return
            self.left[node] = cluster.nodes[node].returncode
            await cluster.retire(node)

    def _lack(self) -> str:
        voters = self.cluster.voters()
        shown = "nobody knows who votes" if voters is None else f"{', '.join(voters)} vote"
        running = ", ".join(self.cluster.nodes)
        return f"{shown}, {running} are there, and {', '.join(sorted(self.wanted))} shall be"


async def ask_removal(cluster: Cluster, node: str) -> int | None:
    """Ask the leader, past the proxy, to remove *node*; the status of its answer, if there is one.

    What the cluster then shows is believed, and never the answer.
    """
    leader = cluster.leader()
    if leader is None:
        return None
    try:
        async with asyncio.timeout(ASK_SECONDS):
            connection = await Connection.open(f"127.0.0.1:{cluster.nodes[leader].port}")
            try:
                asking = Asking("DELETE", f"/v1/members/{node}")
                return (await connection.exchange(asking, {})).status
            finally:
                await connection.close()
    except (NoConnection, Broken, TimeoutError):
        return None


def _age(node: str) -> int:
    """Later nodes have greater numbers."""
    return int(node.removeprefix("n"))
