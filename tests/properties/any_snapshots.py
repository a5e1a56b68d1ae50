"""Any schedule in which snapshots are taken, sent, and installed.

A schedule of its own, and not part of any: what it adds makes the other stories rarer, and those
are what finds the other bugs.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from huffleraft.core import ClientRequested, NodeId, Timer
from tests.core.cluster import CoreCluster, Packet
from tests.properties.any_schedule import NODE, SOME, AnySchedule

SURVIVE = st.none() | st.integers(0, 2)
"""No power failure, or one that so many unfinished writes survive."""


class AnySnapshots(AnySchedule):
    """A cluster whose logs lose their beginnings."""

    @initialize(size=st.sampled_from([3, 3, 5]), trailing=st.sampled_from([0, 1]))
    def found(self, size: int, trailing: int) -> None:
        """Begin with three nodes, or five, that keep no entry behind a snapshot, or one."""
        limits = replace(self.limits, trailing_entries=trailing)
        self.cluster = CoreCluster(size, limits=limits, check_steps=self.check_steps)

    @rule(pick=NODE, back=st.integers(0, 2))
    def snapshot(self, pick: int, back: int) -> None:
        """A node takes a snapshot of what it has applied, or of a little less."""
        node = self.node(pick)
        index = len(self.cluster.applied[node]) - back
        if node in self.cluster.running and index > 0 and self.restored(node):
            self.cluster.take_snapshot(node, index)

    @rule(pick=NODE, start=NODE, length=st.integers(2, 5), count=st.integers(1, 3))
    def leave_behind(self, pick: int, start: int, length: int, count: int) -> None:
        """A leader and its side of a partition go on, and drop what led there from their logs.

        Whoever was on the other side needs a snapshot when it is heard again.
        """
        leader = self.some_leader(pick)
        if leader is None:
            return
        side = sorted({leader, *self.side(start, length)})
        for _ in range(count):
            ref = self.cluster.new_ref()
            self.cluster.event(leader, ClientRequested(((ref, b"%d" % ref),)))
            self.cluster.stabilize(side)
            if not self.leads(leader):
                return
        for node in side:
            if node in self.cluster.running and self.cluster.applied[node] and self.restored(node):
                self.cluster.take_snapshot(node)
        self.cluster.expire(leader, Timer.HEARTBEAT)

    @rule(pick=NODE)
    def speak(self, pick: int) -> None:
        """A leader's heartbeats are heard and answered by all, and streams begin or are cut."""
        leader = self.some_leader(pick)
        if leader is None:
            return
        for packet in self.streams():
            self.cluster.lose(packet)
        self.cluster.expire(leader, Timer.HEARTBEAT)
        for _ in range(2):  # there, and back
            for node in self.cluster.running:
                self.cluster.flush(node)
            for packet in [one for one in self.cluster.network if not one.copy]:
                self.cluster.deliver(packet)

    def streams(self) -> list[Packet]:
        """The snapshots on their way."""
        return [one for one in self.cluster.network if one.copy]

    @precondition(lambda self: self.streams())
    @rule(pick=SOME, arrives=st.sampled_from([True, True, False]), survive=SURVIVE)
    def install(self, pick: int, arrives: bool, survive: int | None) -> None:
        """A stream is cut; or it arrives whole, and perhaps power fails, with some writes done."""
        packet = self.streams()[pick % len(self.streams())]
        if not arrives:
            self.cluster.lose(packet)
            return
        self.cluster.deliver(packet)
        if survive is not None and packet.to in self.cluster.running:
            self.cluster.crash(packet.to, survive)
            self.cluster.restart(packet.to)

    def restored(self, node: NodeId) -> bool:
        """Whether the machine of *node* stands where its server believes it does."""
        return len(self.cluster.applied[node]) == self.cluster[node].last_applied
