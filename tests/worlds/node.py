"""One node of a small world as a value: its server, its disk, and what waits between them.

A node is up: one that is down is one that nothing happens to, so a crash and the start after it are
one move.  Whoever follows has always forgotten its leader's claim on it by now (the stickiness
timer has no length): where it had not, it would only ignore a request, which may as well be late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from huffleraft.core import (
    Committed,
    Effect,
    Event,
    Follower,
    Halt,
    InstallSnapshotRequest,
    LogIndex,
    Message,
    NodeId,
    Persist,
    Persisted,
    ReadReady,
    Ref,
    Rejected,
    Reply,
    Restore,
    Send,
    SendSnapshot,
    Server,
    SnapshotTaken,
    Timer,
    TimerExpired,
    WriteNumber,
    recover,
    step,
)
from huffleraft.core.invariants import (
    Image,
    canonical,
    check_step,
    durable_writes,
    replay,
    require,
)


class Letter(NamedTuple):
    """A message on its way to one node."""

    to: NodeId
    message: Message


class Told(NamedTuple):
    """What a client was told: a command is committed *at* an index, or a read is served there.

    A read that is refused is at none.
    """

    ref: Ref
    at: LogIndex | None
    read: bool


@dataclass(frozen=True, slots=True)
class Node:
    """A running node, with its writes numbered from the first that is not durable yet.

    ``rows`` is up to where the durable state machine goes; ``streams`` are the snapshots that it
    sends and has not heard the end of.
    """

    server: Server
    disk: Image
    rows: LogIndex = 0
    writes: tuple[Persist, ...] = ()
    held: tuple[Send | SendSnapshot, ...] = ()
    streams: tuple[Letter, ...] = ()

    def renumbered(self) -> Node:
        """The same, with the first write that is not durable as number 1."""
        durable = durable_writes(self.server)
        if not durable and self.server.boot == 1:
            return self
        return replace(
            self,
            server=canonical(self.server),
            writes=tuple(replace(one, write=one.write - durable) for one in self.writes),
            held=tuple(replace(one, after=(one.after or 0) - durable) for one in self.held),
        )


class After(NamedTuple):
    """A node after something happened, what left it, and what its clients were told."""

    node: Node
    letters: tuple[Letter, ...] = ()
    told: tuple[Told, ...] = ()


@dataclass(slots=True)
class Physics:
    """How a world's nodes behave: whose disks are slow, and whether each step is looked at.

    ``taken`` counts the steps of the core.
    """

    slow: frozenset[NodeId] = frozenset()
    check_steps: bool = True
    taken: int = 0

    def happen(self, node: Node, event: Event) -> After:
        """*node* after *event*; where disks are fast, after its writes too."""
        after = _loyal_to_nobody(self._step(node, event), self._step)
        while after.node.writes and node.server.id not in self.slow:
            after = _joined(after, self.flush(after.node, len(after.node.writes)))
        return after

    def flush(self, node: Node, count: int) -> After:
        """*node* once its oldest *count* writes are durable, and it has heard of the last."""
        number = node.writes[count - 1].write
        free, held = _parted(node.held, number)
        durable = replace(
            node, disk=_written(node, count), writes=node.writes[count:], held=tuple(held)
        )
        # What waited for these writes leaves before the server hears of them.
        released = _post(durable, free)
        after = _joined(released, self._step(released.node, Persisted(number)))
        return after._replace(node=after.node.renumbered())

    def crash(self, node: Node, survive: int) -> After:
        """*node* started again after its power failed, with its oldest *survive* writes done."""
        disk = _written(node, survive)
        entries = disk.log.between(disk.log.first_index, disk.log.last_index)
        server, effects = recover(
            node.server.id,
            1,
            node.server.limits,
            disk.vote,
            disk.snapshot,
            disk.log.base,
            entries,
            node.rows,
        )
        after = _carried_out(Node(server, disk, node.rows), effects)
        # A stream that has left goes on without its sender, who will not hear of its end.
        after = after._replace(letters=node.streams)
        return _loyal_to_nobody(after, self._step)

    def take_snapshot(self, node: Node) -> After:
        """*node* once its machine is durable as it stands, and a snapshot stands for that."""
        durable = replace(node, rows=node.server.last_applied)
        return self.happen(durable, SnapshotTaken(durable.rows))

    def _step(self, node: Node, event: Event) -> After:
        self.taken += 1
        new, effects = step(node.server, event)
        if self.check_steps:
            check_step(node.server, event, new, effects)
        return _carried_out(replace(node, server=new), effects)


def _loyal_to_nobody(after: After, take: Callable[[Node, Event], After]) -> After:
    role = after.node.server.role
    if not (isinstance(role, Follower) and role.sticky):
        return after
    return _joined(after, take(after.node, TimerExpired(Timer.STICKINESS)))


def _joined(first: After, second: After) -> After:
    return After(second.node, first.letters + second.letters, first.told + second.told)


def _parted(
    held: Iterable[Send | SendSnapshot], durable: WriteNumber
) -> tuple[list[Send | SendSnapshot], list[Send | SendSnapshot]]:
    """Those of *held* that write *durable* lets go, and the others."""
    waiting: list[Send | SendSnapshot] = []
    free: list[Send | SendSnapshot] = []
    for one in held:
        (free if (one.after or 0) <= durable else waiting).append(one)
    return free, waiting


def _written(node: Node, count: int) -> Image:
    """The disk of *node* with its oldest *count* writes; terms rise, and a vote stands."""
    disk = node.disk
    for persist in node.writes[:count]:
        before, disk = disk.vote, replay(persist, disk)
        require(
            disk.vote.current_term > before.current_term
            or (
                disk.vote.current_term == before.current_term
                and before.voted_for in (None, disk.vote.voted_for)
            ),
            "VoteOnce",
            "the disk of {} had {}, and then {}",
            node.server.id,
            before,
            disk.vote,
        )
    return disk


def _post(node: Node, sends: Iterable[Send | SendSnapshot]) -> After:
    letters: list[Letter] = []
    streams: list[Letter] = []
    for send in sends:
        letter = Letter(send.to, send.message)
        (streams if isinstance(send.message, InstallSnapshotRequest) else letters).append(letter)
    if streams:
        node = replace(node, streams=(*node.streams, *streams))
    return After(node, tuple(letters))


def _carried_out(node: Node, effects: Iterable[Effect]) -> After:
    durable = durable_writes(node.server)
    sends: list[Send | SendSnapshot] = []
    writes, told, rows = list(node.writes), list[Told](), node.rows
    for effect in effects:
        match effect:
            case Persist():
                writes.append(effect)
            case Send() | SendSnapshot():
                sends.append(effect)
            case Restore(snapshot):
                rows = snapshot.last_included_index
            case Reply(ref, Committed(index)):
                told.append(Told(ref, index, read=False))
            case Reply(ref, Rejected()):
                told.append(Told(ref, None, read=True))
            case ReadReady(ref):
                told.append(Told(ref, node.server.last_applied, read=True))
            case Halt(reason):
                require(False, "NobodyHalts", "{} halts: {}", node.server.id, reason)
            case _:
                pass
    free, held = _parted(sends, durable)
    node = replace(node, writes=tuple(writes), rows=rows, held=(*node.held, *held))
    return _post(node, free)._replace(told=tuple(told))
