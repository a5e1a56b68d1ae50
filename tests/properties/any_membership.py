"""Any schedule in which the members change too.

Founders and spare nodes, which begin with nothing.  Besides what happens in any schedule,
somebody asks a leader to take a node in as a learner, to promote its learners, to remove or
demote a voter, or to replace all its voters at once; or all of that settles on one side of a
partition.  At the end a healed cluster has left every joint configuration behind.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from huffleraft.core import (
    NodeId,
    PreVoteRequest,
    PreVoteResponse,
    RequestVoteRequest,
    RequestVoteResponse,
    Timer,
)
from tests.core.cluster import CoreCluster
from tests.properties.any_schedule import CRASH, NODE
from tests.properties.any_snapshots import AnySnapshots

SPARES = 2

CHANGE = st.sampled_from(["learn", "learn", "promote", "promote", "remove", "demote", "replace"])
"""What is asked for, given the configuration in force."""


def forced(change: str) -> bool:
    """Whether it is to happen whatever becomes of the quorum: else the best changes are refused."""
    return change != "demote"


class AnyMembership(AnySnapshots):
    """A cluster whose members come and go."""

    @initialize(size=st.sampled_from([1, 2, 3, 3]), trailing=st.sampled_from([0, 1]))
    def found(self, size: int, trailing: int) -> None:
        """Begin with a few founders and two nodes that belong to nothing yet."""
        limits = replace(self.limits, trailing_entries=trailing)
        self.cluster = CoreCluster(size, spares=SPARES, limits=limits, check_steps=self.check_steps)

    @rule(pick=NODE, change=CHANGE, which=NODE, crash=CRASH)
    def configure(self, pick: int, change: str, which: int, crash: int | None) -> None:
        """Somebody asks a leader, or anybody, for a change of members."""
        node = self.some_leader(pick) or self.node(pick)
        voters, learners = self.changed(node, change, self.node(which))
        self.cluster.ask_for(node, voters, learners, force=forced(change), crash_after=crash)

    @rule(pick=NODE, change=CHANGE, which=NODE, start=NODE, length=st.integers(2, 5))
    def reconfigure(self, pick: int, change: str, which: int, start: int, length: int) -> None:
        """A leader is asked for a change, which settles on one side of a partition."""
        leader, other = self.some_leader(pick), self.node(which)
        if leader is None:
            return
        side = {leader, *self.side(start, length)}
        if change == "learn":
            side.add(other)
        voters, learners = self.changed(leader, change, other)
        self.cluster.ask_for(leader, voters, learners, force=forced(change))
        self.cluster.stabilize(side)

    @rule(pick=NODE, change=CHANGE, which=NODE, start=NODE, length=st.integers(2, 5))
    def usurp(self, pick: int, change: str, which: int, start: int, length: int) -> None:
        """A node is elected by one side of a partition, and is asked for a change at once."""
        node = self.node(pick)
        side = {node, *self.side(start, length)}
        for one in sorted(side):
            self.cluster.expire(one, Timer.STICKINESS)
        self.cluster.campaign(node)
        for _ in range(5):  # requests, promises, requests, votes
            for one in sorted(side.intersection(self.cluster.running)):
                self.cluster.flush(one)
            asked = (PreVoteRequest, RequestVoteRequest, PreVoteResponse, RequestVoteResponse)
            for packet in list(self.cluster.network):
                inside = {packet.source, packet.to} <= side
                if inside and isinstance(packet.message, asked) and not self.leads(node):
                    self.cluster.deliver(packet)
        if self.leads(node):
            self.cluster.ask_for(node, *self.changed(node, change, self.node(which)))
        self.cluster.stabilize(side)

    @rule(pick=NODE, which=NODE)
    def admit(self, pick: int, which: int) -> None:
        """A node joins, learns, and is promoted, while the whole cluster is well."""
        leader, newcomer = self.some_leader(pick), self.node(which)
        if leader is None:
            return
        for change in ("learn", "promote"):
            if not self.leads(leader):
                return
            voters, learners = self.changed(leader, change, newcomer)
            self.cluster.ask_for(leader, voters, learners)
            self.cluster.stabilize()
            for node in self.cluster.running:
                self.cluster.expire(node, Timer.STICKINESS)

    def changed(self, node: NodeId, change: str, other: NodeId) -> tuple[set[NodeId], set[NodeId]]:
        """The voters and the learners that *node*'s configuration has after *change*."""
        configuration = self.cluster[node].configuration
        voters, learners = set(configuration.voters), set(configuration.learners)
        match change:
            case "learn":
                return voters, (learners | {other}) - voters
            case "promote":
                return voters | learners, set()
            case "demote":
                return voters - {other}, learners | ({other} & voters)
            case "replace":
                return set(self.cluster.nodes) - voters, set()
            case _:
                return voters - {other}, learners - {other}
