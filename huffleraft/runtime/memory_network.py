"""A network inside one process: for tests, and for a cluster embedded in one program.

Messages are values, so handing one over is enough.  Each is delivered at once or never; what
else a network does to messages (delay, repeat, reorder) a simulator does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from huffleraft.core.types import NodeId
from huffleraft.ports import Inbox, PeerMessage


class MemoryHub:
    """Where the nodes of one process meet; cuts and heals the ways between them."""

    def __init__(self) -> None:
        self._inboxes: dict[NodeId, Inbox] = {}
        self._peers: dict[NodeId, frozenset[NodeId]] = {}
        self._cut: set[tuple[NodeId, NodeId]] = set()

    def network(self, node: NodeId) -> MemoryNetwork:
        """The network as *node* sees it."""
        return MemoryNetwork(self, node)

    def attach(self, node: NodeId, inbox: Inbox) -> None:
        """Let *node* be reached from now on."""
        self._inboxes[node] = inbox

    def detach(self, node: NodeId) -> None:
        """Let *node* be gone: the others lose their links to it."""
        if self._inboxes.pop(node, None) is not None:
            for inbox in list(self._inboxes.values()):
                inbox.link_lost(node)

    def cut(self, source: NodeId, to: NodeId) -> None:
        """Lose all that *source* sends to *to*; nobody is told."""
        self._cut.add((source, to))

    def isolate(self, node: NodeId) -> None:
        """Cut *node* off from all others, both ways."""
        for other in self._inboxes:
            if other != node:
                self.cut(node, other)
                self.cut(other, node)

    def heal(self) -> None:
        """Undo every cut."""
        self._cut.clear()

    def keep(self, node: NodeId, peers: Iterable[NodeId]) -> None:
        """Let *node* have links to exactly *peers*."""
        self._peers[node] = frozenset(peers)

    def attached(self, node: NodeId) -> bool:
        """Whether *node* is there."""
        return node in self._inboxes

    def linked(self, source: NodeId, to: NodeId) -> bool:
        """Whether either keeps a link to the other: whoever is called can answer."""
        return to in self._peers.get(source, ()) or source in self._peers.get(to, ())

    def deliver(self, source: NodeId, to: NodeId, message: PeerMessage) -> bool:
        """Hand *message* over; False if *to* is not there, as a network would know."""
        inbox = self._inboxes.get(to)
        if inbox is None or source not in self._inboxes:
            return False
        if (source, to) not in self._cut:
            inbox.receive(source, message)
        return True


class MemoryNetwork:
    """One node's side of a `MemoryHub`."""

    def __init__(self, hub: MemoryHub, node: NodeId) -> None:
        self._hub = hub
        self._node = node

    def send(self, to: NodeId, message: PeerMessage) -> bool:
        """Deliver *message* at once; False if *to* is not there, or neither is the other's peer."""
        linked = self._hub.linked(self._node, to)
        return linked and self._hub.deliver(self._node, to, message)

    def reaches(self, peer: NodeId) -> bool:
        """Whether *peer* is there; a cut is not seen, as on a network."""
        return self._hub.attached(peer)

    def connect(self, addresses: Mapping[NodeId, str]) -> None:
        """Keep links to exactly these peers from now on; their addresses mean nothing here."""
        self._hub.keep(self._node, addresses)
