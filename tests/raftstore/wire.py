"""A network in memory that a test listens to and meddles with, and observers of many nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import anyio

from huffleraft.core import Effect, Event, SendSnapshot, Server, SnapshotSent
from huffleraft.ports import PeerMessage, SnapshotAsk, SnapshotChunk, SnapshotOffer
from huffleraft.runtime.memory_network import MemoryHub

Meddle: TypeAlias = Callable[[str, str, PeerMessage], PeerMessage | None]
"""What arrives in the place of a message between two nodes; None if it is lost."""


class TappedHub(MemoryHub):
    """Notes the snapshots' frames, and lets the test meddle with any."""

    def __init__(self, orders: Orders) -> None:
        super().__init__()
        self.meddle: Meddle = lambda _source, _to, message: message
        self.chunks: list[tuple[str, str, SnapshotChunk]] = []
        self.offers: list[tuple[str, str, SnapshotOffer]] = []
        self._orders = orders

    def deliver(self, source: str, to: str, message: PeerMessage) -> bool:
        if isinstance(message, SnapshotAsk) and to in self._inboxes:
            self._orders.is_up(to)
        if isinstance(message, SnapshotChunk):
            self.chunks.append((source, to, message))
        if isinstance(message, SnapshotOffer):
            self.offers.append((source, to, message))
        meddled = self.meddle(source, to, message)
        return meddled is None or super().deliver(source, to, meddled)

    def lose_link(self, one: str, other: str) -> None:
        """Let both ends notice that their connection is gone."""
        self._inboxes[one].link_lost(other)
        self._inboxes[other].link_lost(one)

    def bytes_sent(self) -> int:
        """Bytes of chunks that left, repeated ones as often as they did."""
        return sum(len(chunk.data) for _, _, chunk in self.chunks)


class Orders:
    """Sees every node's steps, and keeps the books of streams: ordered, and ended.

    An order for a peer that is down ends at once, and counts for nothing.
    """

    def __init__(self) -> None:
        self.ordered: dict[str, list[SendSnapshot]] = {}
        self.ends: dict[str, list[bool]] = {}
        self.watch: Callable[[str, tuple[Effect, ...]], None] = lambda _node, _effects: None
        self._up: set[str] = set()
        self._changed = anyio.Event()

    def is_up(self, peer: str) -> None:
        """Count from the order under way to *peer* on."""
        if peer not in self._up:
            self._up.add(peer)
            self.ordered[peer], self.ends[peer] = self.ordered[peer][-1:], []

    def of(self, node_id: str) -> Callable[[Server, Event, Server, tuple[Effect, ...]], None]:
        """The observer of one node."""

        def observe(_old: Server, event: Event, _new: Server, effects: tuple[Effect, ...]) -> None:
            if isinstance(event, SnapshotSent):
                self.ends.setdefault(event.to, []).append(event.ok)
            for effect in effects:
                if isinstance(effect, SendSnapshot):
                    self.ordered.setdefault(effect.to, []).append(effect)
            self.watch(node_id, effects)
            self._changed.set()

        return observe

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once *holds*, which is asked after every step of any node."""
        while not holds():
            self._changed = anyio.Event()
            await self._changed.wait()

    async def settled(self, peer: str) -> None:
        """Return once each order for *peer* has its end, which is told exactly once."""
        ordered, ends = self.ordered[peer], self.ends[peer]
        await self.until(lambda: len(ends) >= len(ordered))
        assert len(ends) == len(ordered)
