"""The snapshot on its way in: staged piece by piece, delivered whole (`runtime.transfers`)."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from huffleraft.core.messages import InstallSnapshotRequest
from huffleraft.core.state import Server
from huffleraft.core.types import NodeId
from huffleraft.errors import HuffleraftError, SnapshotDamaged, StorageFailed, StorageFull
from huffleraft.ports import (
    Network,
    SnapshotChunk,
    SnapshotCopy,
    SnapshotOffer,
    Snapshots,
    SnapshotWanted,
    Standing,
)
from huffleraft.runtime.bell import Bell
from huffleraft.runtime.transfer_frames import is_whole

_log = logging.getLogger("huffleraft.node")

_CHUNKS_WAITING = 8
"""Chunks that wait to be staged; twice what an honest sender has under way."""


class Arriving:
    """The stream in place: who sends it, and how far it is."""

    __slots__ = ("chunks", "offer", "source", "staged", "wanted", "whole")

    def __init__(self, source: NodeId, offer: SnapshotOffer) -> None:
        self.source = source
        self.offer = offer
        self.staged = False
        """Whether the disk has said what is wanted next."""
        self.wanted = 0
        self.whole = False
        """Whether it is the core's affair now."""
        self.chunks: deque[SnapshotChunk] = deque()

    @property
    def install(self) -> InstallSnapshotRequest:
        """The request that its copy is for."""
        return self.offer.install

    @property
    def copy(self) -> SnapshotCopy:
        """The copy that was offered."""
        index = self.install.snapshot.last_included_index
        return SnapshotCopy(index, self.offer.size, self.offer.digest)

    def is_of_same_copy(self, other: Arriving) -> bool:
        """Whether the two bring the same bytes, of the same snapshot."""
        same = self.install.snapshot == other.install.snapshot
        return same and self.copy == other.copy


class Incoming:
    """Receives one copy at a time.  *ring* calls for a turn, in which it is delivered."""

    def __init__(
        self,
        snapshots: Snapshots,
        *,
        network: Network,
        server: Callable[[], Server],
        ring: Callable[[], None],
    ) -> None:
        self._snapshots = snapshots
        self._network = network
        self._server = server
        self._ring = ring
        self._bell = Bell()
        self._current: Arriving | None = None
        self._deliveries: deque[Arriving] = deque()
        self._installing: list[Arriving] = []
        self._unwanted = False  # a copy was delivered, and the core did not take it
        self._full = False
        self.failure: HuffleraftError | None = None
        """Why the node must halt; None while it need not."""

    # What the node's own task calls.

    def offered(self, source: NodeId, offer: SnapshotOffer) -> None:
        """Begin to receive what is offered, say how far it is, or refuse it."""
        server, current = self._server(), self._current
        install = offer.install
        if current is not None and (current.source, current.offer) == (source, offer):
            if current.staged:
                self._answer(current, Standing.MORE)
        elif (
            install.term < server.current_term or self._is_older(source, offer) or self._deliveries
        ):
            self._refuse(source, offer.number)
        elif install.snapshot.last_included_index <= server.commit_index:
            self._deliveries.append(Arriving(source, offer))
            self._ring()
        else:
            self._current = Arriving(source, offer)
            self._bell.ring()

    def _is_older(self, source: NodeId, offer: SnapshotOffer) -> bool:
        """Whether the stream in place is of a later term, or a later one of the same sender."""
        current = self._current
        if current is None:
            return False
        if current.source == source:
            return offer.number <= current.offer.number
        return offer.install.term < current.install.term

    def take(self, source: NodeId, chunk: SnapshotChunk) -> None:
        """Take *chunk*, if it is of the stream in place; lost if too many wait."""
        current = self._current
        if current is None or (current.source, current.offer.number) != (source, chunk.number):
            self._refuse(source, chunk.number)
        elif len(current.chunks) < _CHUNKS_WAITING:
            current.chunks.append(chunk)
            self._bell.ring()

    def next_delivery(self) -> Arriving | None:
        """What the core is to be given now; None if there is nothing."""
        return self._deliveries.popleft() if self._deliveries else None

    def delivered(self, delivery: Arriving, *, taken: bool) -> None:
        """The core has seen *delivery*; if it was not *taken*, a copy staged for it goes."""
        if taken:
            self._installing.append(delivery)
            return
        if delivery.staged:
            self._unwanted = True
            self._bell.ring()
        self._done(delivery)

    def after_turn(self) -> None:
        """Say that those are done whose install is durable: behind the core's own answer.

        Were the sender's core told earlier, it would take the peer for one that still lacks what
        came since the request was made.
        """
        durable = self._server().disk.snapshot_index
        for delivery in self._installing[:]:
            if delivery.copy.index <= durable:
                self._installing.remove(delivery)
                self._done(delivery)

    def _done(self, delivery: Arriving) -> None:
        delivery.wanted = delivery.offer.size
        self._answer(delivery, Standing.DONE)
        if self._current is delivery:
            self._current = None

    def _refuse(self, source: NodeId, number: int) -> None:
        self._network.send(source, SnapshotWanted(number, 0, Standing.REFUSED))

    def _answer(self, arriving: Arriving, standing: Standing) -> None:
        wanted = SnapshotWanted(arriving.offer.number, arriving.wanted, standing)
        self._network.send(arriving.source, wanted)

    # The one task that stages.

    async def run(self) -> None:
        """Stage what comes until cancelled, or until the storage fails."""
        while True:
            await self._bell.wait()
            try:
                await self._work()
            except HuffleraftError as failure:
                self.failure = failure
            except Exception as failure:  # noqa: BLE001  # nobody knows what is staged now
                self.failure = StorageFailed(f"receiving: {type(failure).__name__}: {failure}")
                self.failure.__cause__ = failure
            if self.failure is not None:
                self._ring()
                return

    async def _work(self) -> None:
        if self._unwanted:
            self._unwanted = False
            await self._snapshots.discard_staged()
        current = self._current
        if current is None or current.whole:
            return
        try:
            await self._advance(current)
        except SnapshotDamaged as damaged:
            _log.warning("%s sent a snapshot that cannot be used: %s", current.source, damaged)
            self._give_up(current, Standing.DAMAGED)
        except StorageFull as full:
            if not self._full:
                _log.error("no snapshot can be received: %s", full)
            self._full = True
            self._give_up(current, Standing.NO_ROOM)

    async def _advance(self, current: Arriving) -> None:
        """Stage what has come of *current*, and deliver it once it is whole.

        The disk takes bytes where they belong (IS.3); each piece is answered by what is wanted
        next (IS.4).
        """
        if not current.staged and not await self._begun(current):
            return
        while current.chunks and self._current is current:
            chunk = current.chunks.popleft()
            if is_whole(chunk):
                current.wanted = await self._snapshots.stage_bytes(chunk.offset, chunk.data)
                self._full = False
            if current.wanted < current.offer.size:
                self._answer(current, Standing.MORE)
        if self._current is current and current.wanted == current.offer.size:
            await self._finish(current)

    async def _begun(self, current: Arriving) -> bool:
        """Let the disk say where this copy begins, or goes on; False if it has no place (IS.2)."""
        try:
            current.wanted = await self._snapshots.stage(current.install.snapshot, current.copy)
        except ValueError as busy:  # the last one that was installed is still to be restored
            _log.debug("refused a snapshot of %s: %s", current.source, busy)
            self._give_up(current, Standing.REFUSED)
            return False
        current.staged = True
        self._answer(current, Standing.MORE)
        return True

    async def _finish(self, current: Arriving) -> None:
        await self._snapshots.finish_staged()
        successor = self._current
        if successor is current:
            current.whole = True
            self._deliveries.append(current)
            self._ring()
        elif successor is None or not successor.is_of_same_copy(current):
            await self._snapshots.discard_staged()  # it would wait for a restore for ever

    def _give_up(self, current: Arriving, standing: Standing) -> None:
        self._answer(current, standing)
        if self._current is current:
            self._current = None
