"""A link: the connection that carries this node's frames to one peer.

Frames travel one way, from who dialled; the other end says its hello and nothing else.  A link
is dialled again for ever, with pauses that grow and jitter, for as long as the configuration
names the peer.

What waits to leave is bounded, and when the bound is reached the *newest* frame is dropped:
what waits is a run of appends each of which continues the one before it, so a hole at its
beginning would make all the rest useless, and one at its end costs only the end.  While the
link is down nothing waits at all: the protocol repeats itself, and old news would be stale.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio
from anyio.abc import ByteStream

from huffleraft.core.types import NodeId
from huffleraft.errors import FrameInvalid, HandshakeRefused, MemberRemoved
from huffleraft.ports import Clock, Dice
from huffleraft.runtime.bell import Bell
from huffleraft.runtime.frames import KEEPALIVE
from huffleraft.runtime.handshake import (
    Acquaintances,
    Hello,
    Member,
    Welcome,
    decode_answer,
    judge_answer,
    opening,
)
from huffleraft.runtime.streams import LOST, prepare, read_opening
from huffleraft.settings import NodeSettings

_log = logging.getLogger("huffleraft.links")

_FAILURES = (*LOST, TimeoutError, FrameInvalid, HandshakeRefused)


async def call(address: str, hello: Hello) -> tuple[ByteStream, bytes]:
    """Dial *address* and say *hello*: the stream, and the body of the answer.

    Raises OSError or FrameInvalid.  The caller sets the deadline, and judges the answer.
    """
    host, _, port = address.rpartition(":")
    stream = await anyio.connect_tcp(host.strip("[]"), int(port))
    try:
        prepare(stream)
        await stream.send(opening(hello))
        body, _reader = await read_opening(stream)
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise
    return stream, body


class Link:
    """One peer's frames on their way out."""

    def __init__(
        self,
        peer: NodeId,
        address: str,
        *,
        me: Member,
        acquaintances: Acquaintances,
        settings: NodeSettings,
        clock: Clock,
        dice: Dice,
        lost: Callable[[NodeId], None],
        told_to_leave: Callable[[], None],
    ) -> None:
        self.peer = peer
        self.address = address
        self._me = me
        self._acquaintances = acquaintances
        self._settings = settings
        self._clock = clock
        self._dice = dice
        self._lost = lost
        self._told_to_leave = told_to_leave
        self._scope = anyio.CancelScope()
        self._complaint = ""
        # Of the connection that stands, if one does.
        self.up = False
        self._waiting: list[bytes] = []
        self._bytes_waiting = 0
        self._bell = Bell()
        self._busy_since: float | None = None
        self._last_sent = 0.0
        self._connection = anyio.CancelScope()

    def offer(self, frame: bytes) -> bool:
        """Queue *frame*; False if it was dropped, because the link is down or its queue full."""
        size = self._bytes_waiting + len(frame)
        settings = self._settings
        if (
            not self.up
            or len(self._waiting) >= settings.frames_waiting
            or size > settings.frame_bytes_waiting
        ):
            return False
        self._waiting.append(frame)
        self._bytes_waiting = size
        self._bell.ring()
        return True

    def close(self) -> None:
        """End the connection, and do not dial again."""
        self.up = False
        self._scope.cancel()

    def inspect(self, now: float) -> None:
        """Say that a quiet link still stands; give up one whose send does not end."""
        if not self.up:
            return
        if self._busy_since is not None:
            if now - self._busy_since > self._settings.link_dead:
                self._connection.cancel()
        elif now - self._last_sent > self._settings.link_idle:
            self.offer(KEEPALIVE)

    async def run(self) -> None:
        """Keep the link up until it is closed."""
        with self._scope:
            pause = self._settings.redial_min
            while True:
                try:
                    stream = await self._dial()
                except MemberRemoved:
                    self._told_to_leave()
                    return
                except _FAILURES as failure:
                    self._complain(failure)
                else:
                    pause = self._settings.redial_min
                    await self._carry(stream)
                await anyio.sleep(self._dice(pause / 2, pause))
                pause = min(2 * pause, self._settings.redial_max)

    async def _dial(self) -> ByteStream:
        with anyio.fail_after(self._settings.dial_timeout):
            stream, body = await call(self.address, self._me.hello())
        try:
            welcome = self._judge(body)
        except (FrameInvalid, HandshakeRefused, MemberRemoved):
            await anyio.aclose_forcefully(stream)
            raise
        self._acquaintances.meet(self.peer, welcome.boot)
        return stream

    def _judge(self, body: bytes) -> Welcome:
        return judge_answer(self._me, self.peer, decode_answer(body), self._acquaintances)

    async def _carry(self, stream: ByteStream) -> None:
        """Send what is offered until the connection ends; then tell that it did."""
        self._waiting, self._bytes_waiting = [], 0
        self._busy_since, self._last_sent = None, self._clock.now()
        self._complaint = ""
        self.up = True
        try:
            with anyio.CancelScope() as self._connection:
                async with anyio.create_task_group() as both:
                    both.start_soon(self._watch, stream, both.cancel_scope)
                    await self._send_all(stream)
                    both.cancel_scope.cancel()
        finally:
            self.up = False
            self._lost(self.peer)
            await anyio.aclose_forcefully(stream)

    async def _send_all(self, stream: ByteStream) -> None:
        while True:
            await self._bell.wait()
            # All that waits leaves as one: a send for each frame would cost ten times as much.
            frames, self._waiting, self._bytes_waiting = self._waiting, [], 0
            self._busy_since = self._clock.now()
            try:
                await stream.send(frames[0] if len(frames) == 1 else b"".join(frames))
            except LOST:
                return
            self._last_sent = self._busy_since
            self._busy_since = None

    async def _watch(self, stream: ByteStream, connection: anyio.CancelScope) -> None:
        """Notice at once that the other end is gone; it has nothing to say."""
        try:
            await stream.receive(1)
            _log.warning("%s sent bytes where it has nothing to say; link closed", self.peer)
        except LOST:
            pass
        connection.cancel()

    def _complain(self, failure: Exception) -> None:
        """Log why there is no link, once for each reason in a row."""
        known = isinstance(failure, FrameInvalid | HandshakeRefused)
        complaint = str(failure) if known else "it cannot be reached"
        if complaint != self._complaint:
            self._complaint = complaint
            level = logging.WARNING if known else logging.INFO
            _log.log(level, "no link to %s at %s: %s", self.peer, self.address, complaint)
