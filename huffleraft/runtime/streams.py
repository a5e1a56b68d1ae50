"""What both ends of a peer connection do with its stream before frames travel."""

from __future__ import annotations

import contextlib
import socket

import anyio
from anyio.abc import ByteStream, SocketAttribute

from huffleraft.errors import FrameInvalid
from huffleraft.runtime.frames import MAGIC, FrameReader
from huffleraft.runtime.handshake import HELLO_BYTES_MAX

READ_BYTES = 1 << 18
"""How much is taken from a socket at once, at most."""

LOST = (OSError, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)
"""How a connection ends that nobody meant to end."""


def prepare(stream: ByteStream) -> None:
    """Let small frames leave at once, and the system notice a peer that vanished."""
    raw = stream.extra(SocketAttribute.raw_socket, None)  # noqa: S610  # no Django here
    if raw is None:
        return
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def read_opening(stream: ByteStream, received: bytes = b"") -> tuple[bytes, FrameReader]:
    """The body of the other end's first frame, and a reader that holds nothing else yet.

    *received* was read before.  Raises FrameInvalid for anything but the magic and one frame of
    at most `HELLO_BYTES_MAX`, and what the stream raises when it ends.
    """
    while len(received) < len(MAGIC):
        if not MAGIC.startswith(received):
            break
        received += await stream.receive(HELLO_BYTES_MAX)
    if not received.startswith(MAGIC):
        raise FrameInvalid(
            f"a peer connection begins with {MAGIC!r} and this one began with "
            f"{received[: len(MAGIC)]!r}: what answers there is no node of ours"
        )
    reader = FrameReader(HELLO_BYTES_MAX)
    bodies = reader.feed(received[len(MAGIC) :])
    while not bodies:
        bodies = reader.feed(await stream.receive(HELLO_BYTES_MAX))
    if len(bodies) > 1 or reader.partial:
        raise FrameInvalid("more than a hello came before it was answered")
    return bodies[0], reader
