"""Snapshots on their way out: one stream for each peer that needs one (`runtime.transfers`)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import anyio
from anyio.abc import TaskGroup

from huffleraft.core.effects import SendSnapshot
from huffleraft.core.events import SnapshotSent
from huffleraft.core.messages import InstallSnapshotRequest
from huffleraft.core.state import Leader, Server
from huffleraft.core.types import NodeId, replace
from huffleraft.errors import HuffleraftError, StorageFailed
from huffleraft.ports import (
    Clock,
    Network,
    SnapshotAsk,
    SnapshotOffer,
    SnapshotWanted,
    Standing,
)
from huffleraft.runtime.bell import Bell
from huffleraft.runtime.transfer_copies import Copies, Kept
from huffleraft.runtime.transfer_frames import CHUNK_BYTES, sealed_chunk
from huffleraft.settings import NodeSettings

_log = logging.getLogger("huffleraft.node")

WINDOW_BYTES: Final = 4 * CHUNK_BYTES
"""Bytes of a copy that are under way to one peer, at most."""

_BOOT_BITS = 32
"""A number begins with the boot, so an answer to a former boot's stream fits none of ours."""


_ENDS: Final = {
    Standing.DONE: "is whole there",
    Standing.DAMAGED: "came damaged",
    Standing.NO_ROOM: "found no room there",
    Standing.REFUSED: "was refused",
    None: "was given up, as nothing was heard",
}


class Stream:
    """One snapshot on its way to one peer, and the orders that end with it."""

    def __init__(self, number: int, order: SendSnapshot, orders: int) -> None:
        self.number = number
        self.peer: NodeId = order.to
        self.request: InstallSnapshotRequest = order.message
        self.orders = orders
        self.scope = anyio.CancelScope()
        self._answer: SnapshotWanted | None = None
        self._bell = Bell()

    def put(self, answer: SnapshotWanted) -> None:
        """Take the peer's word; the last stands, and one that ends the stream for good."""
        if self._answer is None or self._answer.standing is Standing.MORE:
            self._answer = answer
            self._bell.ring()

    async def answer(self, patience: float) -> SnapshotWanted | None:
        """The peer's next word; None if it says nothing for *patience* seconds."""
        with anyio.move_on_after(patience):
            while self._answer is None:
                await self._bell.wait()
        answer, self._answer = self._answer, None
        return answer


class Outgoing:
    """Streams to peers; *report* tells the core, in a turn to come, how each order ended."""

    def __init__(
        self,
        boot: int,
        *,
        copies: Copies,
        network: Network,
        clock: Clock,
        settings: NodeSettings,
        server: Callable[[], Server],
        report: Callable[[SnapshotSent], None],
    ) -> None:
        self._copies = copies
        self._network = network
        self._clock = clock
        self._settings = settings
        # How long the peer's word is waited for before it is asked again.
        self._pause = min(settings.election_max, settings.link_dead / 4)
        self._server = server
        self._report = report
        self._last_number = boot << _BOOT_BITS
        self._streams: dict[NodeId, Stream] = {}
        self._troubled: set[NodeId] = set()  # whose disk is full, or worse: it was told
        self._tasks: TaskGroup | None = None
        self.failure: HuffleraftError | None = None
        """Why the node must halt; None while it need not."""

    @property
    def busy(self) -> bool:
        """Whether any stream is under way."""
        return bool(self._streams)

    def start(self, tasks: TaskGroup) -> None:
        """Run streams in *tasks* from now on."""
        self._tasks = tasks

    # What the node's own task calls.

    def send(self, order: SendSnapshot) -> None:
        """Begin a stream for *order*; it takes the place of one that is under way to that peer."""
        assert self._tasks is not None, "no order comes before the node runs"
        former = self._streams.pop(order.to, None)
        if former is not None:
            former.scope.cancel()
        self._last_number += 1
        stream = Stream(self._last_number, order, 1 + (former.orders if former else 0))
        self._streams[order.to] = stream
        self._tasks.start_soon(self._run, stream, name=f"snapshot to {order.to}")

    def wanted(self, source: NodeId, answer: SnapshotWanted) -> None:
        """Hand *answer* to the stream it speaks of."""
        stream = self._streams.get(source)
        if stream is not None and stream.number == answer.number:
            stream.put(answer)

    def link_lost(self, peer: NodeId) -> None:
        """End the stream to *peer*: it goes on under the next order."""
        if (stream := self._streams.get(peer)) is not None:
            self._end(stream, ok=False)

    def after_turn(self) -> None:
        """End the streams that this server has no right to any more."""
        for stream in list(self._streams.values()):
            if not _is_due(stream, self._server()):
                self._end(stream, ok=False)

    def _end(self, stream: Stream, *, ok: bool) -> None:
        """Tell the core, once for each order.  Whoever comes later finds the stream gone."""
        if self._streams.get(stream.peer) is not stream:
            return
        del self._streams[stream.peer]
        stream.scope.cancel()
        for _ in range(stream.orders):
            self._report(SnapshotSent(stream.peer, ok))

    # A stream's own task.

    async def _run(self, stream: Stream) -> None:
        ok = False
        with stream.scope:
            try:
                ok = await self._carried(stream)
            except HuffleraftError as failure:
                self.failure = failure
            except Exception as failure:  # noqa: BLE001  # nobody knows what its disk is worth
                self.failure = StorageFailed(f"sending: {type(failure).__name__}: {failure}")
                self.failure.__cause__ = failure
        self._end(stream, ok=ok)

    async def _carried(self, stream: Stream) -> bool:
        """Carry the stream to its end; whether the peer has all of it."""
        if await self._answered(stream, SnapshotAsk(stream.number)) is None:
            return False
        async with self._copies.lent() as kept:
            standing = await self._offered(stream, kept) if kept is not None else Standing.NO_ROOM
            if kept is not None and standing is Standing.DAMAGED:
                self._copies.spoiled(kept)
        if standing in (Standing.NO_ROOM, Standing.DAMAGED):
            await anyio.sleep(self._settings.election_max)  # at once it would be no better
        return standing is Standing.DONE

    async def _offered(self, stream: Stream, kept: Kept) -> Standing | None:
        """Offer *kept* and send what is wanted of it: how it ended, None for silence."""
        install = replace(stream.request, snapshot=kept.snapshot)
        offer = SnapshotOffer(stream.number, install, kept.copy.size, kept.copy.digest)
        answer = await self._answered(stream, offer)
        if answer is None:
            return None
        if answer.standing is not Standing.MORE:
            return answer.standing
        begun = self._clock.now()
        level = logging.DEBUG if stream.peer in self._troubled else logging.INFO
        _log.log(
            level,
            "sends %s the snapshot at %d: %d bytes, from %d on",
            *(stream.peer, kept.copy.index, offer.size, answer.offset),
        )
        how = "was given up"
        try:
            standing = await self._poured(stream, offer, kept, answer)
            how = _ENDS[standing]
            if standing is Standing.DONE:
                self._troubled.discard(stream.peer)
                level = logging.INFO
            return standing
        finally:
            seconds = self._clock.now() - begun
            _log.log(level, "the snapshot to %s %s after %.2f s", stream.peer, how, seconds)
            if how in (_ENDS[Standing.DAMAGED], _ENDS[Standing.NO_ROOM]):
                self._troubled.add(stream.peer)  # it will be so again and again

    async def _answered(
        self, stream: Stream, message: SnapshotAsk | SnapshotOffer
    ) -> SnapshotWanted | None:
        """The peer's answer to *message*, which is repeated; None if it does not come."""
        until = self._clock.now() + self._settings.link_dead
        while self._clock.now() < until:
            if not self._network.send(stream.peer, message):
                return None
            answer = await stream.answer(self._pause)
            if answer is not None:
                return answer
        return None

    async def _poured(
        self, stream: Stream, offer: SnapshotOffer, kept: Kept, answer: SnapshotWanted
    ) -> Standing | None:
        """Send chunk after chunk as they are wanted; how it ended, None for silence."""
        pause, silence = self._pause, self._settings.link_dead
        following = wanted = answer.offset
        heard = moved = self._clock.now()
        while answer.standing is Standing.MORE:
            while following < min(offer.size, wanted + WINDOW_BYTES):
                data = await self._copies.read(kept, following, CHUNK_BYTES)
                if not self._network.send(
                    stream.peer, sealed_chunk(stream.number, following, data)
                ):
                    break
                following += len(data)
            word = await stream.answer(pause)
            now = self._clock.now()
            if word is not None:
                answer, heard = word, now
                if word.offset != wanted:
                    wanted, moved = word.offset, now
                    following = max(following, wanted)
            elif now - heard >= silence:
                return None
            if now - moved >= pause:
                self._network.send(stream.peer, offer)
                following, moved = wanted, now
        return answer.standing


def _is_due(stream: Stream, server: Server) -> bool:
    """Whether *server* still leads in the stream's term, with its peer as a member."""
    return (
        isinstance(server.role, Leader)
        and server.current_term == stream.request.term
        and any(peer == stream.peer for peer, _ in server.role.progress)
    )
