"""The last act of a run: is a vote still remembered after kill -9?

Chance hardly ever shows a forgotten vote: two candidates of one term would have to ask the same
node just before and just after it dies.  So it is arranged.  A copy of one stopped node's data is
started alone.  We speak to it as its peers, in the product's own handshake and codec: as A we ask
for its vote in a term far ahead, and kill it in the moment in which the grant arrives.  Started
again, it is asked as B for the same term, once it has forgotten to be loyal.  A sound node refuses.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import anyio
import httpx2
from anyio.abc import SocketStream

from huffleraft.core import EntryId, NodeId, RequestVoteRequest, RequestVoteResponse, Term
from huffleraft.runtime.clock import BoottimeClock
from huffleraft.runtime.handshake import Member
from huffleraft.runtime.network import PeerNetwork
from huffleraft.settings import NodeSettings
from jepsen_lite.cluster import NodeNotStarted, NodeProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from huffleraft.ports import PeerMessage
    from jepsen_lite.cluster import Cluster

ACTORS: Final = 3
"""The node that is asked, and two as whom we ask it."""

ANSWER_SECONDS: Final = 15.0
START_SECONDS: Final = 30.0
TERMS_AHEAD: Final = 5
ASK_EVERY: Final = 0.05
"""Seconds between two requests: until stickiness has passed the node answers none."""

BOOT: Final = 1_000_000
"""The boot that we claim: above any that the peer whose name we use can have had."""


@dataclass(slots=True)
class Votes:
    """Takes what the node says, and notices the answers to vote requests of one term."""

    term: Term
    granted: Callable[[], None]
    answered: anyio.Event = field(default_factory=anyio.Event)
    grant: bool = False

    def receive(self, source: NodeId, message: PeerMessage) -> None:  # noqa: ARG002
        """One message; a refusal of an earlier term says nothing."""
        if not isinstance(message, RequestVoteResponse) or message.term != self.term:
            return
        if message.vote_granted and not self.answered.is_set():
            self.granted()
            self.grant = True
        self.answered.set()

    def link_lost(self, peer: NodeId) -> None:
        """Links come and go here."""

    @property
    def is_empty(self) -> bool:
        """Whoever we speak as has a log: to have none would be to have lost one's disk."""
        return False

    def told_to_leave(self) -> None:
        """Whoever we speak as is a member: the cluster's end named it."""

    def has_left(self, node: NodeId) -> bool:  # noqa: ARG002
        """Nobody was removed, as far as we know."""
        return False


async def ask_twice(
    cluster: Cluster, run_folder: Path, *, avoid: Collection[str]
) -> tuple[bool | None, str]:
    """Play the act with a copy of one node's data; whether it voted twice, and the story.

    The *cluster* has been stopped.  Those of *avoid* are taken last: they ended by themselves, and
    might again.  The advertised addresses must be free: whoever we speak as listens at its own.
    Fewer than three nodes cannot play it, and then there is no story; what the node does never
    raises.
    """
    if len(cluster.nodes) < ACTORS:
        return None, ""
    node, first, second = sorted(cluster.nodes, key=lambda one: one in avoid)[:ACTORS]
    folder = run_folder / "act"
    shutil.copytree(run_folder / "nodes" / node / "data", folder / "data")
    process = NodeProcess(
        node,
        cluster.nodes[node].command,
        folder,
        now=lambda: 0,
        tell=lambda _event: None,
        lost=lambda _end: None,
    )
    try:
        return await _play(process, first, second, cluster.addresses)
    except (NodeNotStarted, httpx2.HTTPError) as failure:
        said = " ".join(str(failure).split()) or type(failure).__name__
        return None, f"{node} did not play the last act to its end: {said}"


async def _play(
    process: NodeProcess, first: str, second: str, addresses: Mapping[str, str]
) -> tuple[bool | None, str]:
    """Ask as *first*, kill, ask as *second*.  Raises NodeNotStarted, HTTPError."""
    node = process.node
    await process.start(START_SECONDS)
    try:
        status = await _status(process)
        cluster_id, term = str(status["cluster_id"]), int(str(status["term"])) + TERMS_AHEAD
        as_first = Member(cluster_id, first, BOOT)
        if not await _ask(as_first, addresses, process, term, granted=process.signal_kill):
            return None, f"{node} gave {first} no vote in term {term}, so nothing was shown"
        await process.gone()
        await process.start(START_SECONDS)
        as_second = Member(cluster_id, second, BOOT)
        again = await _ask(as_second, addresses, process, term, granted=lambda: None)
    finally:
        await process.kill()
    told = f"{node} voted for {first} in term {term}, was killed, and asked by {second} it"
    if again is None:
        return None, f"{told} did not answer"
    return again, f"{told} {'voted again' if again else 'refused'}"


async def _ask(
    me: Member,
    addresses: Mapping[str, str],
    process: NodeProcess,
    term: Term,
    *,
    granted: Callable[[], None],
) -> bool | None:
    """Ask *process* as *me* for its vote in *term* until it answers; None if it never does."""
    # A log that nobody's is ahead of; its entries are asked for by nobody.
    request = RequestVoteRequest(me.node_id, term, EntryId(term, 1_000_000_000))
    votes = Votes(term, granted)
    async with _speaking_as(me, addresses, process, votes) as network:
        with anyio.move_on_after(ANSWER_SECONDS):
            while not votes.answered.is_set():
                network.send(process.node, request)
                with anyio.move_on_after(ASK_EVERY):
                    await votes.answered.wait()
    return votes.grant if votes.answered.is_set() else None


@asynccontextmanager
async def _speaking_as(
    me: Member, addresses: Mapping[str, str], process: NodeProcess, votes: Votes
) -> AsyncIterator[PeerNetwork]:
    """The product's own links, under the name and at the address of *me*."""
    host, _, port = addresses[me.node_id].rpartition(":")
    network = PeerNetwork(me, settings=NodeSettings(), clock=BoottimeClock(), dice=Random().uniform)
    listener = await anyio.create_tcp_listener(
        local_host=host, local_port=int(port), reuse_port=False
    )

    async def hear(stream: SocketStream) -> None:
        async with stream:
            await network.serve_peer(stream)

    async with listener, anyio.create_task_group() as tasks:
        network.connect({process.node: f"127.0.0.1:{process.port}"})
        await tasks.start(network.run, votes)
        tasks.start_soon(listener.serve, hear)
        yield network
        tasks.cancel_scope.cancel()


async def _status(process: NodeProcess) -> Mapping[str, object]:
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{process.port}/v1/status")
    found: Mapping[str, object] = answer.raise_for_status().json()
    return found
