"""Any schedule: Hypothesis tells stories, in the words people use for them.

Uniformly random steps hardly ever reach what breaks Raft.  So the rules are the sentences of a
scenario: a node campaigns, proposes, one side of a partition settles, a message arrives and a
copy of it stays, power fails after the k-th effect.  Requests carry one entry each, as in
raft.tla: with wide batches the rule of §3.6.2 never matters.  But one entry always fills such a
request, so a second machine has requests of three, which gather.

What is checked: every step (`check_step`), every moment (`check_cluster`), every read against
what had been acknowledged when it was asked, and at the end that a healed cluster makes
progress and that nobody waits for an answer.
"""

from __future__ import annotations

import sys
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from huffleraft.core import (
    ClientRequested,
    Committed,
    Leader,
    Limits,
    LogIndex,
    NodeId,
    ReadReady,
    ReadRequested,
    Ref,
    Reply,
    Timer,
)
from huffleraft.core.invariants import require
from tests.core.cluster import ONE_AT_A_TIME, CoreCluster, Packet
from tests.properties.healing import heal

CRASH = st.none() | st.none() | st.none() | st.integers(0, 4)
"""Mostly nothing; else power fails after so many effects of the step."""

NODE = st.integers(0, 4)
"""Picks a node of any cluster: taken modulo its size."""

SOME = st.integers(0, 30)
"""Picks one of what there is, the newest first: taken modulo how many there are."""


class AnySchedule(RuleBasedStateMachine):
    """A cluster of cores, and what Hypothesis lets happen to it."""

    check_steps: ClassVar[bool] = True
    """Off, only what is visible between servers is checked."""
    limits: ClassVar[Limits] = ONE_AT_A_TIME
    """How much a request carries, and how many are under way."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = CoreCluster(3)
        self.asked: dict[Ref, tuple[NodeId, LogIndex]] = {}
        self.seen_replies = 0

    @initialize(size=st.sampled_from([3, 3, 5]))
    def found(self, size: int) -> None:
        """Begin with a cluster of three, or of five."""
        self.cluster = CoreCluster(size, limits=self.limits, check_steps=self.check_steps)

    # Who is meant.

    def node(self, pick: int) -> NodeId:
        """The node that *pick* means."""
        ids = sorted(self.cluster.nodes)
        return ids[pick % len(ids)]

    def side(self, start: int, length: int) -> list[NodeId]:
        """Some neighbours on the ring of all nodes: at least two."""
        size = len(self.cluster.nodes)
        return [self.node(start + step) for step in range(max(2, length % (size + 1)))]

    def packet(self, pick: int) -> Packet:
        """The packet that *pick* means, the newest first."""
        network = self.cluster.network
        return network[-1 - pick % len(network)]

    def some_leader(self, pick: int) -> NodeId | None:
        """One of the nodes that believe they lead."""
        leaders = [n for n in sorted(self.cluster.nodes) if self.leads(n)]
        return leaders[pick % len(leaders)] if leaders else None

    def leads(self, node: NodeId) -> bool:
        """Whether *node* runs and believes it leads."""
        return node in self.cluster.running and isinstance(self.cluster[node].role, Leader)

    # What happens.

    @rule(pick=NODE, crash=CRASH)
    def campaign(self, pick: int, crash: int | None) -> None:
        """A node hears nobody, and campaigns."""
        self.cluster.campaign(self.node(pick), crash_after=crash)

    @rule(pick=NODE, start=NODE, length=st.integers(2, 5))
    def elect(self, pick: int, start: int, length: int) -> None:
        """A node campaigns while one side of a partition, its own, hears nobody else."""
        side = sorted({self.node(pick), *self.side(start, length)})
        for node in side:
            self.cluster.expire(node, Timer.STICKINESS)
        self.cluster.campaign(self.node(pick))
        self.cluster.stabilize(side)

    @rule(pick=NODE, crash=CRASH)
    def propose(self, pick: int, crash: int | None) -> None:
        """A client offers a command to a leader, or to anybody."""
        ref = self.cluster.new_ref()
        node = self.some_leader(pick) or self.node(pick)
        self.cluster.event(node, ClientRequested(((ref, b"%d" % ref),)), crash_after=crash)

    @rule(pick=NODE)
    def read(self, pick: int) -> None:
        """A client asks a leader, or anybody, to read."""
        ref = self.cluster.new_ref()
        node = self.some_leader(pick) or self.node(pick)
        self.asked[ref] = (node, self.acknowledged())
        self.cluster.event(node, ReadRequested((ref,)))

    @rule(start=NODE, length=st.integers(2, 5))
    def stabilize(self, start: int, length: int) -> None:
        """All that can pass between the nodes on one side of a partition passes."""
        self.cluster.stabilize(self.side(start, length))

    @precondition(lambda self: self.cluster.network)
    @rule(pick=SOME, keep=st.booleans(), crash=CRASH)
    def deliver(self, pick: int, keep: bool, crash: int | None) -> None:
        """One message arrives, and perhaps a copy of it stays and arrives again."""
        self.cluster.deliver(self.packet(pick), keep=keep, crash_after=crash)

    @precondition(lambda self: self.cluster.network)
    @rule(pick=SOME, count=st.integers(1, 6))
    def lose(self, pick: int, count: int) -> None:
        """Messages are lost."""
        for _ in range(min(count, len(self.cluster.network))):
            self.cluster.lose(self.packet(pick))

    @rule(pick=NODE, writes=st.none() | st.integers(1, 2))
    def flush(self, pick: int, writes: int | None) -> None:
        """A disk finishes its oldest writes."""
        self.cluster.flush(self.node(pick), writes)

    @rule(pick=NODE, survive=st.integers(0, 3))
    def crash(self, pick: int, survive: int) -> None:
        """A node loses power, and some of its unfinished writes, and starts again."""
        self.cluster.crash(self.node(pick), survive)
        self.cluster.restart(self.node(pick))

    @rule(pick=NODE)
    def heartbeat(self, pick: int) -> None:
        """A heartbeat is due."""
        self.cluster.expire(self.node(pick), Timer.HEARTBEAT)

    @rule(pick=NODE)
    def check_quorum(self, pick: int) -> None:
        """A leader looks whether a quorum still answers."""
        self.cluster.expire(self.node(pick), Timer.CHECK_QUORUM)

    # What must hold.

    @invariant()
    def cluster_is_safe(self) -> None:
        """Nothing between servers, disks and messages is wrong."""
        require(not self.cluster.halted, "NobodyHalts", "{}", self.cluster.halted)
        self.cluster.check()

    @invariant()
    def reads_see_what_was_acknowledged(self) -> None:
        """A read served now sees every write acknowledged before it was asked."""
        for ref, (node, acknowledged) in list(self.asked.items()):
            if isinstance(self.cluster.replies.get(ref), ReadReady):
                applied = len(self.cluster.applied[node])
                require(
                    applied >= acknowledged,
                    "LinearizableRead",
                    "{} served read {} at {} when {} was acknowledged",
                    node,
                    ref,
                    applied,
                    acknowledged,
                )
                del self.asked[ref]

    def acknowledged(self) -> LogIndex:
        """The highest index that any client was told is committed."""
        committed = (
            reply.outcome.index
            for reply in self.cluster.replies.values()
            if isinstance(reply, Reply) and isinstance(reply.outcome, Committed)
        )
        return max(committed, default=0)

    def teardown(self) -> None:
        """Heal everything: then somebody leads, a proposal commits, and nobody waits."""
        if sys.exception() is not None:
            return  # what is broken is about to be told; healing it would only hide that
        acknowledged = self.acknowledged()
        leader = heal(self.cluster)
        require(
            self.cluster[leader].commit_index > acknowledged,
            "AcknowledgedSurvives",
            "commit {} after healing, acknowledged {}",
            self.cluster[leader].commit_index,
            acknowledged,
        )


class AnyScheduleOfBatches(AnySchedule):
    """The same, where a request that is not full waits for the answer under way."""

    limits: ClassVar[Limits] = Limits(entries_per_append=3, appends_in_flight=2)

    @rule(pick=NODE, count=st.integers(2, 7))
    def propose_many(self, pick: int, count: int) -> None:
        """Clients offer several commands at once."""
        node = self.some_leader(pick) or self.node(pick)
        refs = [self.cluster.new_ref() for _ in range(count)]
        self.cluster.event(node, ClientRequested(tuple((ref, b"%d" % ref) for ref in refs)))
