"""A socket of the proxy, as asyncio drives it, told in the four words of a conversation."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ears:
    """Who is told what happens at one end: it opened, bytes came, it ended, it is full or not."""

    opened: Callable[[asyncio.Transport], None]
    received: Callable[[bytes], None]
    ended: Callable[[bool], None]
    """Called with False when the other side sends no more, with True when it is gone."""
    full: Callable[[bool], None]


class SocketEnd(asyncio.Protocol):
    """One socket of a conversation; the end of one direction leaves the other open."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is connected."""
        assert isinstance(transport, asyncio.Transport)
        self._ears.opened(transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._ears.received(data)

    def eof_received(self) -> bool:
        """The other side sends no more; it may still read, so the socket stays open."""
        self._ears.ended(False)
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """The other side is gone, or we closed."""
        self._ears.ended(True)

    def pause_writing(self) -> None:
        """More than enough waits to be sent."""
        self._ears.full(True)

    def resume_writing(self) -> None:
        """There is room again."""
        self._ears.full(False)


def abort(transport: asyncio.Transport) -> None:
    """Close *transport* so that the other side sees a reset, not an orderly end."""
    sock = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        with suppress(OSError):  # some systems refuse it for a socket that was reset already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
