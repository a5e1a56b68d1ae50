"""Snapshots on their way between two nodes, in frames on the links that carry everything else.

What is promised:

- To the sender's core: each `SendSnapshot` ends in exactly one `SnapshotSent`, unless the node
  itself ends.  `ok` says that the copy is whole and durable at the peer, or not needed there.
- To the receiver's core: an `InstallSnapshotRequest` is received only when the copy that it
  speaks of has been verified, whole, and is durable (W11).
- To the disks: one copy on its way out, however many peers receive it, and one on its way in.
- To everybody else on the link: at most `WINDOW_BYTES` of a copy are under way to a peer, so a
  heartbeat waits behind no more than that; and neither end holds more of it in memory.

Who sends what, and who waits for whom:

1. ``Ask``: the sender asks whether anybody is there, before it makes a copy for nobody.
2. ``Offer``: it has a copy (made now, or kept from before: any will do from whose index its own
   log goes on), whose index it has reported by `SnapshotTaken`, and offers it under the request
   that its core made, as long as it still leads in that request's term.
3. ``Wanted``: the receiver names the offset it wants next: 0, or more if part of that very copy,
   by its digest, lies there from a stream, a link or a boot before.
4. ``Chunk``, each answered by ``Wanted`` with the next offset.  The window moves with the
   answers.  A chunk that is damaged, or not the one wanted, is passed over.
5. The last ``Wanted`` says how it ended: done, damaged, no room, or refused.

How each wait ends:

- The sender waits for ``Wanted``.  Without progress for an election timeout (a quarter of
  `link_dead` at most) it repeats its ask or its offer, which the receiver answers with what it
  wants, and goes back to that offset; so any frame may be lost.  It gives up (`ok` false) when it
  has heard nothing for `link_dead`.
- It gives up at once when the link is lost, when it no longer leads in that term, or when the
  peer is no member any more; and after an election timeout where a disk is full or a copy came
  damaged, at either end.  The core tries again at a heartbeat, and the next stream goes on where
  this one stopped.
- A later `SendSnapshot` for the same peer takes the place of the stream under way, and both
  orders end when that one does: an end told earlier would be taken for the later one's.
- Whoever needs a new copy waits until the last stream of the old one has ended.
- The receiver waits for nothing: a stream that has gone silent keeps its part on the disk, and
  nothing else, until another takes its place.  A stream is known by (sender, number); an offer
  takes the place of another sender's unless its term is lower, and of the same sender's if its
  number is higher.  Whatever else comes is refused.  Only bytes of the stream in place are ever
  staged, by one task, one piece at a time.
- An offer of what the receiver's log already includes is done at once: its core is given the
  request, and says so.
- "Done" is said once the install is durable, behind the core's own answer on the same link, so
  that the sender's core knows of the install before it is told that the stream has ended.
- A copy that was delivered and not taken by the core (its term was over) is let go.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from anyio.abc import TaskGroup

from huffleraft.core.effects import SendSnapshot
from huffleraft.core.events import Event, Received, SnapshotSent, SnapshotTaken
from huffleraft.core.state import Server
from huffleraft.core.types import NodeId
from huffleraft.errors import HuffleraftError
from huffleraft.ports import (
    Clock,
    Network,
    SnapshotAsk,
    SnapshotChunk,
    SnapshotOffer,
    Snapshots,
    SnapshotWanted,
    Standing,
    TransferMessage,
)
from huffleraft.runtime.machines import Machine
from huffleraft.runtime.transfer_copies import Copies
from huffleraft.runtime.transfers_in import Incoming
from huffleraft.runtime.transfers_out import Outgoing
from huffleraft.settings import NodeSettings


class Transfers:
    """Both ends of one node's transfers, as its own task sees them.

    *ring* calls for a turn; *without_flushes* is entered while the machine is copied.
    """

    def __init__(
        self,
        boot: int,
        *,
        machine: Machine,
        snapshots: Snapshots,
        network: Network,
        clock: Clock,
        settings: NodeSettings,
        server: Callable[[], Server],
        ring: Callable[[], None],
        without_flushes: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._network = network
        self._server = server
        self._ring = ring
        self._events: list[SnapshotTaken | SnapshotSent] = []
        self._copies = copies = Copies(
            machine, snapshots, server, report=self._report, without_flushes=without_flushes
        )
        self._outgoing = Outgoing(
            boot,
            copies=copies,
            network=network,
            clock=clock,
            settings=settings,
            server=server,
            report=self._report,
        )
        self._incoming = Incoming(snapshots, network=network, server=server, ring=ring)

    @property
    def sending(self) -> bool:
        """Whether any snapshot is on its way out."""
        return self._outgoing.busy

    @property
    def failure(self) -> HuffleraftError | None:
        """Why the node must halt; None while it need not."""
        return self._outgoing.failure or self._incoming.failure

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work, in *tasks*."""
        self._outgoing.start(tasks)
        tasks.start_soon(self._incoming.run, name="incoming snapshots")

    def send(self, order: SendSnapshot) -> None:
        """Carry out *order*, which may begin now."""
        self._outgoing.send(order)

    def receive(self, source: NodeId, message: TransferMessage) -> None:
        """Take one message of a transfer."""
        match message:
            case SnapshotAsk(number):
                self._network.send(source, SnapshotWanted(number, 0, Standing.MORE))
            case SnapshotOffer():
                self._incoming.offered(source, message)
            case SnapshotChunk():
                self._incoming.take(source, message)
            case SnapshotWanted():
                self._outgoing.wanted(source, message)

    def link_lost(self, peer: NodeId) -> None:
        """End what is on its way to *peer*: the link there, or from there, was lost."""
        self._outgoing.link_lost(peer)

    def take_turn(self, handle: Callable[[Event], None]) -> None:
        """Let *handle* see all that transfers have come to; then end what has lost its sense."""
        events, self._events = self._events, []
        for event in events:
            handle(event)
        while (delivery := self._incoming.next_delivery()) is not None:
            before = self._server().snapshot
            handle(Received(delivery.install))
            taken = self._server().snapshot is not before
            self._incoming.delivered(delivery, taken=taken)
        self._incoming.after_turn()
        self._outgoing.after_turn()
        self._copies.after_turn()

    def _report(self, event: SnapshotTaken | SnapshotSent) -> None:
        self._events.append(event)
        self._ring()
