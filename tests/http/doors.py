"""A listener on a free port of this machine, and the ways a test talks to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketStream

from huffleraft.http.limits import DoorSettings
from huffleraft.http.listener import Listener
from huffleraft.http.parsers import HttptoolsParser, MakeParser
from tests.http.solitary import SolitaryStore

BROKEN = b"a mistake of ours"
"""A peer that says so meets one."""


@dataclass
class OpenDoor:
    """A listener that serves, and what came to it."""

    store: SolitaryStore
    listener: Listener
    port: int
    peers: list[bytes] = field(default_factory=list)
    """What each peer's connection began with."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def connect(self) -> SocketStream:
        return await anyio.connect_tcp("127.0.0.1", self.port)

    async def ask(self, sent: bytes) -> bytes:
        """All that comes back for *sent* until the node closes."""
        async with await self.connect() as stream:
            await stream.send(sent)
            return await until_closed(stream)


@asynccontextmanager
async def open_door(
    settings: DoorSettings | None = None, make_parser: MakeParser = HttptoolsParser
) -> AsyncIterator[OpenDoor]:
    """Serve a store of one while the block runs."""
    store = SolitaryStore()
    peers: list[bytes] = []

    async def serve_peer(stream: ByteStream, received: bytes) -> None:
        peers.append(received)
        if received.endswith(BROKEN):
            raise ZeroDivisionError
        await stream.send(b"hello, peer")
        await stream.aclose()

    listener = Listener(store, serve_peer, settings=settings, make_parser=make_parser)
    multi = await anyio.create_tcp_listener(local_host="127.0.0.1")
    (listening,) = multi.listeners
    port = listening.extra(SocketAttribute.local_port)
    async with anyio.create_task_group() as tasks:
        await tasks.start(listener.serve, listening)
        yield OpenDoor(store, listener, port, peers)
        tasks.cancel_scope.cancel()


async def until_closed(stream: SocketStream) -> bytes:
    """Everything that comes until the other side closes; a reset counts as that."""
    received = b""
    try:
        while True:
            received += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return received


async def response(stream: SocketStream) -> bytes:
    """One response that has a length, whole."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += await stream.receive()
    start, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in start.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        body += await stream.receive()
    return start + b"\r\n\r\n" + body
