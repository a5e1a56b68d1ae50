"""A cluster of cores in one hand: servers, disks and the network as plain data.

Nothing here waits or guesses.  A test says which message arrives, which write becomes durable,
who crashes and what of its unfinished writes survived; every step is checked as it is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from huffleraft.core import (
    ORIGIN,
    Apply,
    Configuration,
    ConfigurationRequested,
    Effect,
    Entry,
    EntryId,
    Event,
    Halt,
    InstallSnapshotRequest,
    Limits,
    Log,
    LogIndex,
    Message,
    NodeId,
    Persist,
    Persisted,
    ReadReady,
    Received,
    Ref,
    Reply,
    Restore,
    Send,
    SendSnapshot,
    Server,
    SnapshotSent,
    SnapshotTaken,
    Timer,
    TimerExpired,
    Vote,
    WriteNumber,
    recover,
    step,
)
from huffleraft.core.invariants import (
    Cluster,
    History,
    Image,
    check_cluster,
    check_step,
    replay,
    require,
)

ONE_AT_A_TIME = Limits(entries_per_append=1, trailing_entries=1)
"""One entry a request, as raft.tla sends them: wide batches hide the rule of §3.6.2.  One entry
stays behind a snapshot: enough for both cases, little enough to be outrun."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A message that has left its sender; `number` tells copies of equal messages apart.

    `copy` is the state machine that comes with a snapshot: a stream has become one packet, whose
    sender, in `boot`, is told what becomes of it.
    """

    number: int
    to: NodeId
    message: Message
    copy: tuple[Entry, ...] = ()
    boot: int = 0

    @property
    def source(self) -> NodeId:
        """Who sent it."""
        return self.message.source


@dataclass(slots=True)
class Node:
    """One node: its running server, if it runs, and what its disk holds durably.

    `rows` is the durable state machine, as the entries it came from; `staged` are copies received.
    """

    server: Server | None
    disk: Image
    boot: int = 1
    rows: tuple[Entry, ...] = ()
    staged: dict[EntryId, tuple[Entry, ...]] = field(default_factory=dict)
    unfinished: list[Persist] = field(default_factory=list)
    held: list[Send | SendSnapshot] = field(default_factory=list)
    durable: WriteNumber = 0

    def make_durable(self, write: WriteNumber) -> None:
        """Carry out every unfinished write up to number *write* on the disk."""
        while self.unfinished and self.unfinished[0].write <= write:
            persist = self.unfinished.pop(0)
            self.disk = replay(persist, self.disk)
            self.durable = persist.write


def addressed(nodes: Iterable[NodeId]) -> tuple[tuple[NodeId, str], ...]:
    """*nodes* with the addresses they advertise."""
    return tuple((node, f"{node}:1") for node in sorted(nodes))


class CoreCluster:
    """Nodes, the packets between them, and what clients were told."""

    def __init__(
        self,
        size: int,
        *,
        spares: int = 0,
        limits: Limits = ONE_AT_A_TIME,
        check_steps: bool = True,
    ) -> None:
        """Found a cluster of *size* nodes `n1`, `n2`, ..., each with entry 1:1 on its disk.

        The next *spares* nodes begin with nothing, as those do that are to join.
        """
        ids = [f"n{number}" for number in range(1, size + 1)]
        unfounded = [f"n{number}" for number in range(size + 1, size + spares + 1)]
        first = Entry(1, 1, Configuration.of(dict(addressed(ids))))
        self.limits = limits
        self.check_steps = check_steps
        disk = Image(Vote(1), None, Log(ORIGIN, (first,)))
        empty = Image(Vote(), None, Log())
        self.nodes = {node: Node(None, disk) for node in ids}
        self.nodes.update({node: Node(None, empty) for node in unfounded})
        self.network: list[Packet] = []
        self.replies: dict[Ref, Reply | ReadReady] = {}
        self.halted: dict[NodeId, str] = {}
        self.applied: dict[NodeId, list[Entry]] = {node: [] for node in self.nodes}
        self.effects: list[tuple[NodeId, tuple[Effect, ...]]] = []
        self.history = History()
        self._packets = 0
        self._refs = 0
        for node in self.nodes:
            self._boot(node)

    def __getitem__(self, node: NodeId) -> Server:
        """The running server of *node*."""
        server = self.nodes[node].server
        assert server is not None, f"{node} is down"
        return server

    @property
    def running(self) -> list[NodeId]:
        """The nodes that run, sorted."""
        return sorted(node for node, one in self.nodes.items() if one.server is not None)

    def new_ref(self) -> Ref:
        """A ref never used before."""
        self._refs += 1
        return self._refs

    def ask_for(
        self,
        node: NodeId,
        voters: Iterable[NodeId],
        learners: Iterable[NodeId] = (),
        *,
        force: bool = False,
        crash_after: int | None = None,
    ) -> Ref:
        """Let somebody ask *node* for a configuration of *voters* and *learners*."""
        ref = self.new_ref()
        wanted = ConfigurationRequested(ref, addressed(voters), addressed(learners), force=force)
        self.event(node, wanted, crash_after=crash_after)
        return ref

    # What can happen.

    def event(self, node: NodeId, event: Event, *, crash_after: int | None = None) -> None:
        """Let *event* happen; with *crash_after*, power fails after so many effects."""
        old = self[node]
        new, effects = step(old, event)
        if self.check_steps:
            check_step(old, event, new, effects)
        self.nodes[node].server = new
        self.effects.append((node, effects))
        for effect in effects[:crash_after]:
            self._carry_out(node, effect)
        if crash_after is not None:
            self.crash(node)
            self.restart(node)

    def expire(self, node: NodeId, timer: Timer, *, crash_after: int | None = None) -> None:
        """Let *timer* of *node* fall due."""
        self.event(node, TimerExpired(timer), crash_after=crash_after)

    def campaign(self, node: NodeId, *, crash_after: int | None = None) -> None:
        """Let *node* hear nobody until its election timeout; stickiness ends before (O5)."""
        self.expire(node, Timer.STICKINESS)
        self.expire(node, Timer.ELECTION, crash_after=crash_after)

    def flush(self, node: NodeId, writes: int | None = None) -> None:
        """Make the oldest *writes* unfinished writes of *node* durable (all by default)."""
        unfinished = self.nodes[node].unfinished[:writes]
        if not unfinished:
            return
        number = unfinished[-1].write
        self.nodes[node].make_durable(number)
        self._release(node)
        self.event(node, Persisted(number))

    def crash(self, node: NodeId, survive: int = 0) -> None:
        """Cut the power of *node*; its oldest *survive* unfinished writes reached the disk."""
        one = self.nodes[node]
        if survive and one.unfinished:
            one.make_durable(one.unfinished[:survive][-1].write)
        one.server, one.unfinished, one.held, one.durable = None, [], [], 0

    def restart(self, node: NodeId) -> None:
        """Start *node* from what its disk holds."""
        assert self.nodes[node].server is None, f"{node} runs already"
        self.nodes[node].boot += 1
        self._boot(node)

    def deliver(
        self, packet: Packet, *, keep: bool = False, crash_after: int | None = None
    ) -> None:
        """Let *packet* arrive; with *keep*, a copy stays on the network and may come again."""
        if not keep:
            self.network.remove(packet)
        up = self.nodes[packet.to].server is not None
        if up and isinstance(packet.message, InstallSnapshotRequest):
            self.nodes[packet.to].staged[packet.message.snapshot.id] = packet.copy
        if up:
            self.event(packet.to, Received(packet.message), crash_after=crash_after)
        if not keep:
            self._end_stream(packet, ok=up)

    def lose(self, packet: Packet) -> None:
        """Let *packet* never arrive."""
        self.network.remove(packet)
        self._end_stream(packet, ok=False)

    def _end_stream(self, packet: Packet, *, ok: bool) -> None:
        """Tell whoever streams a snapshot, and is still there, that the stream has ended."""
        source = self.nodes[packet.source]
        streamed = isinstance(packet.message, InstallSnapshotRequest)
        if streamed and source.server is not None and source.boot == packet.boot:
            self.event(packet.source, SnapshotSent(packet.to, ok))

    def take_snapshot(self, node: NodeId, index: LogIndex | None = None) -> None:
        """Make the machine of *node* durable as it stands, for a snapshot up to *index*."""
        self.check()  # so that the history has what is about to be dropped
        applied = self.applied[node]
        self.nodes[node].rows = tuple(applied)
        self.event(node, SnapshotTaken(len(applied) if index is None else index))

    def stabilize(self, side: Iterable[NodeId] | None = None, *, rounds: int = 200) -> None:
        """Flush and deliver all that can pass between the nodes of *side*, until nothing moves."""
        inside = set(self.running if side is None else side)
        for _ in range(rounds):
            for node in sorted(inside.intersection(self.running)):
                self.flush(node)
            passing = [one for one in self.network if {one.source, one.to} <= inside]
            if not passing:
                return
            for packet in passing:
                self.deliver(packet)
        message = f"{sorted(inside)} still talk after {rounds} rounds"
        raise AssertionError(message)

    def check(self) -> None:
        """Check what must hold between servers, disks and messages."""
        servers = {node: self[node] for node in self.running}
        disks = {node: one.disk for node, one in self.nodes.items()}
        messages = tuple(packet.message for packet in self.network)
        check_cluster(Cluster(servers, disks, messages), self.history)
        committed = [entry for entry, _ in self.history.committed]
        for node in self.running:
            machine = self.applied[node]
            require(
                (machine == committed[: len(machine)] and len(machine) == self[node].last_applied)
                or self[node].last_applied < self[node].log.base.index,
                "MachineIsPrefix",
                "{}, applied {}, holds {}",
                node,
                self[node].last_applied,
                machine,
            )

    # How effects are carried out.

    def _boot(self, node: NodeId) -> None:
        one, disk = self.nodes[node], self.nodes[node].disk
        entries = disk.log.between(disk.log.first_index, disk.log.last_index)
        self.applied[node] = list(one.rows)  # what was not made durable is applied again
        one.server, effects = recover(
            node,
            one.boot,
            self.limits,
            disk.vote,
            disk.snapshot,
            disk.log.base,
            entries,
            len(one.rows),
        )
        for effect in effects:
            self._carry_out(node, effect)

    def _carry_out(self, node: NodeId, effect: Effect) -> None:
        one = self.nodes[node]
        match effect:
            case Persist():
                one.unfinished.append(effect)
            case Send() | SendSnapshot():
                one.held.append(effect)
                self._release(node)
            case Apply(entries):
                self.applied[node].extend(entries)
            case Restore(snapshot):
                self.applied[node] = list(one.staged[snapshot.id])
                one.rows = one.staged[snapshot.id]
            case Reply(ref=ref) | ReadReady(ref=ref):
                assert ref not in self.replies, f"ref {ref} is answered twice"
                self.replies[ref] = effect
            case Halt(reason):
                self.halted[node] = reason
                self.crash(node)
            case _:
                pass

    def _release(self, node: NodeId) -> None:
        one = self.nodes[node]
        free = [send for send in one.held if (send.after or 0) <= one.durable]
        one.held = [send for send in one.held if (send.after or 0) > one.durable]
        for send in free:
            self._packets += 1
            copy: tuple[Entry, ...] = ()
            if isinstance(send, SendSnapshot):
                copy = tuple(self.applied[node][: send.message.snapshot.last_included_index])
            self.network.append(Packet(self._packets, send.to, send.message, copy, one.boot))
