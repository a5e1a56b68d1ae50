"""An accepted connection as a stream of bytes, at the least price that the event loop asks.

On asyncio a stream is the loop's own protocol object.  anyio's stream begins and ends to watch its
socket at every read, and passes the turn to all other tasks at every send: for a request of a few
dozen microseconds that is a fifth of it.  Here the socket stays watched while somebody waits for
it, and a send that the system takes at once costs nothing else.  Elsewhere anyio's stream serves.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketListener, SocketStream

_READ_BYTES = 64 << 10


async def accepted(listener: SocketListener) -> ByteStream:
    """The next connection to *listener*.  Raises OSError where there is none to be had."""
    listening: socket.socket = listener.extra(SocketAttribute.raw_socket)  # noqa: S610  # no Django
    await anyio.wait_readable(listening)
    connection, _ = listening.accept()
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # another event loop
            return await SocketStream.from_socket(connection)
        stream = LoopStream(loop)
        await loop.connect_accepted_socket(lambda: stream, connection)
    except BaseException:
        connection.close()
        raise
    return stream


class LoopStream(asyncio.Protocol, ByteStream):
    """One connection on asyncio.  One task may receive and one may send at a time.

    What nobody waits for is not read: the first bytes that come unawaited end the watching, so
    no more than one read of the loop's is ever held.
    """

    _transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._held: deque[bytes] = deque()
        self._receiving: asyncio.Future[None] | None = None
        self._watching = True
        self._sent: asyncio.Future[None] | None = None
        """Done when the system has taken what was sent; None while it takes all at once."""
        self._ended = False
        self._failure: Exception | None = None
        self._closed = False

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The stream begins."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._held.append(data)
        if self._receiving is None:
            self._watching = False
            self._transport.pause_reading()
        else:
            _finish(self._receiving)

    def eof_received(self) -> bool:
        """The other end will say no more; it may still be answered."""
        self._ended = True
        _finish(self._receiving)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is over, both ways."""
        self._ended = True
        self._failure = exc or ConnectionResetError("the connection was closed")
        _finish(self._receiving)
        _finish(self._sent)

    def pause_writing(self) -> None:
        """The system does not take more for now."""
        self._sent = self._loop.create_future()

    def resume_writing(self) -> None:
        """The system has taken all."""
        sent, self._sent = self._sent, None
        _finish(sent)

    # ByteStream.

    async def receive(self, max_bytes: int = _READ_BYTES) -> bytes:
        """The next bytes.  Raises EndOfStream, BrokenResourceError or ClosedResourceError."""
        while not self._held:
            self._require_open()
            if self._ended:
                if isinstance(self._failure, OSError):
                    raise anyio.BrokenResourceError from self._failure
                raise anyio.EndOfStream
            if not self._watching:
                self._watching = True
                self._transport.resume_reading()
            self._receiving = self._loop.create_future()
            try:
                await self._receiving
            finally:
                self._receiving = None
        piece = self._held.popleft()
        if len(piece) > max_bytes:
            self._held.appendleft(piece[max_bytes:])
            piece = piece[:max_bytes]
        return piece

    async def send(self, item: bytes) -> None:
        """Send *item*; return once the system has taken it."""
        self._require_open()
        if self._failure is None and not self._transport.is_closing():
            self._transport.write(item)
            if self._sent is None:
                return
            await self._sent
        if self._failure is not None or self._transport.is_closing():
            raise anyio.BrokenResourceError from self._failure

    async def send_eof(self) -> None:
        """Say no more, once all is sent."""
        self._require_open()
        if not self._transport.is_closing():
            self._transport.write_eof()

    async def aclose(self) -> None:
        """Close the stream; what the system has not taken yet is lost."""
        self._closed = True
        self._transport.close()
        try:
            await anyio.lowlevel.checkpoint()
        finally:
            self._transport.abort()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """What is to be known of the socket below."""
        told = self._transport.get_extra_info
        return {
            SocketAttribute.raw_socket: lambda: told("socket"),
            SocketAttribute.remote_port: lambda: told("peername")[1],
        }

    def _require_open(self) -> None:
        if self._closed:
            raise anyio.ClosedResourceError


def _finish(awaited: asyncio.Future[None] | None) -> None:
    if awaited is not None and not awaited.done():
        awaited.set_result(None)
