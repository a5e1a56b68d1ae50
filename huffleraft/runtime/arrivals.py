"""A connection from a peer, once both ends know each other: its frames, one after another."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from anyio.abc import ByteStream

from huffleraft.core.types import NodeId
from huffleraft.errors import FrameInvalid
from huffleraft.ports import (
    Clock,
    Forward,
    Forwarded,
    Inbox,
    PeerMessage,
    SnapshotAsk,
    SnapshotChunk,
    SnapshotOffer,
    SnapshotWanted,
)
from huffleraft.runtime.frames import FRAME_BYTES_MAX, FrameReader, decode_peer_message
from huffleraft.runtime.streams import LOST, READ_BYTES


class Arrival:
    """Reads one peer's messages and hands them to the inbox.

    *speaks* is called before its first one: until then it may still refuse who welcomed it.
    """

    def __init__(
        self,
        peer: NodeId,
        stream: ByteStream,
        reader: FrameReader,
        inbox: Inbox,
        clock: Clock,
        *,
        speaks: Callable[[], None],
    ) -> None:
        self._peer = peer
        self._stream = stream
        self._reader = reader
        self._inbox = inbox
        self._speaks: Callable[[], None] | None = speaks
        self._clock = clock
        self._last_received = clock.now()
        self._scope = anyio.CancelScope()

    def close(self) -> None:
        """Stop hearing this connection."""
        self._scope.cancel()

    def inspect(self, now: float, dead: float) -> None:
        """Close a connection that was silent for *dead* seconds: its peer says that it stands."""
        if now - self._last_received > dead:
            self.close()

    async def run(self) -> None:
        """Hand over messages until the connection ends.  Raises FrameInvalid for a bad one."""
        self._reader.limit = FRAME_BYTES_MAX
        with self._scope:
            while True:
                try:
                    received = await self._stream.receive(READ_BYTES)
                except LOST:
                    return
                self._last_received = self._clock.now()
                for body in self._reader.feed(received):
                    self._take(body)

    def _take(self, body: bytes) -> None:
        try:
            message = decode_peer_message(body)
        except FrameInvalid as error:
            raise FrameInvalid(f"a frame from {self._peer}: {error.why}") from error
        source = _source(message)
        if source is not None and source != self._peer:
            raise FrameInvalid(
                f"{self._peer} sent a message that names {source} as its source; "
                "each node speaks for itself only"
            )
        if self._speaks is not None:
            self._speaks()
            self._speaks = None
        self._inbox.receive(self._peer, message)


def _source(message: PeerMessage) -> NodeId | None:
    """Whom *message* names as its source; None if it names nobody."""
    match message:
        case Forward() | Forwarded() | SnapshotAsk() | SnapshotChunk() | SnapshotWanted():
            return None
        case SnapshotOffer(install=install):
            return install.source
        case _:
            return message.source
