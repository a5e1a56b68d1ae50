"""Any schedule in which leaders hand their office over, while members change and logs are cut.

Somebody asks a leader to hand over to a node, or to any; that settles on one side of a partition,
or with a client's command under way, or expires while its word is still on the network.  At the
end every request for a transfer that no crash has made its node forget has its one answer, and in
a healed cluster one more transfer succeeds.
"""

from __future__ import annotations

import sys

from hypothesis import strategies as st
from hypothesis.stateful import rule

from huffleraft.core import (
    ClientRequested,
    HandedOver,
    NodeId,
    Ref,
    Reply,
    Timer,
    TransferRequested,
)
from huffleraft.core.invariants import require
from tests.properties.any_membership import AnyMembership
from tests.properties.any_schedule import CRASH, NODE

TO = st.none() | NODE
"""To whom: whoever is best able to lead, or a node."""


class AnyTransfers(AnyMembership):
    """A cluster whose leaders go of themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.wished: dict[Ref, tuple[NodeId, int]] = {}

    def ask(self, node: NodeId, to: int | None, crash: int | None = None) -> None:
        """Ask *node* to hand over to the node that *to* means."""
        ref = self.cluster.new_ref()
        self.wished[ref] = (node, self.cluster.nodes[node].boot)
        wish = TransferRequested(ref, None if to is None else self.node(to))
        self.cluster.event(node, wish, crash_after=crash)

    @rule(pick=NODE, to=TO, crash=CRASH)
    def transfer(self, pick: int, to: int | None, crash: int | None) -> None:
        """A leader, or anybody, is asked to hand its office over."""
        self.ask(self.some_leader(pick) or self.node(pick), to, crash)

    @rule(pick=NODE, to=TO, start=NODE, length=st.integers(2, 5))
    def hand_over(self, pick: int, to: int | None, start: int, length: int) -> None:
        """A leader that owes a client an answer hands over, on one side of a partition."""
        leader = self.some_leader(pick)
        if leader is None:
            return
        ref = self.cluster.new_ref()
        self.cluster.event(leader, ClientRequested(((ref, b"%d" % ref),)))
        self.ask(leader, to)
        self.cluster.stabilize({leader, *self.side(start, length)})

    @rule(pick=NODE)
    def transfer_expires(self, pick: int) -> None:
        """A leader waits no longer for the one it hands its office to."""
        self.cluster.expire(self.node(pick), Timer.TRANSFER)

    def teardown(self) -> None:
        """Expire what is under way: nobody waits for it then.  Heal: then a transfer succeeds."""
        if sys.exception() is not None:
            return  # as in any schedule
        for node in self.cluster.running:
            self.cluster.expire(node, Timer.TRANSFER)
        waiting = {
            ref: node
            for ref, (node, boot) in self.wished.items()
            if ref not in self.cluster.replies and self.cluster.nodes[node].boot == boot
        }
        require(not waiting, "TransfersEnd", "{} wait", waiting)
        super().teardown()
        leader = next(node for node in self.cluster.running if self.leads(node))
        if self.cluster[leader].configuration.voters != (leader,):
            self.hand_over_at_last(leader)

    def hand_over_at_last(self, leader: NodeId) -> None:
        """In a cluster that is well, all obey their leader, and its wish about its successor."""
        ref = self.cluster.new_ref()
        self.cluster.event(leader, TransferRequested(ref))
        self.cluster.stabilize()
        self.cluster.check()
        reply = self.cluster.replies.get(ref)
        outcome = reply.outcome if isinstance(reply, Reply) else None
        require(
            isinstance(outcome, HandedOver) and self.leads(outcome.to),
            "TransfersSucceed",
            "{} says {}",
            leader,
            outcome,
        )
