"""An accepted connection as a stream: the same on every event loop, and cheap on asyncio."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute, SocketListener, SocketStream

from huffleraft.http.accepting import LoopStream, accepted
from huffleraft.raftstore.door import bind

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def both_ends() -> AsyncIterator[tuple[ByteStream, SocketStream]]:
    """The accepted end and the caller's."""
    async with await SocketListener.from_socket(bind("127.0.0.1:0")) as listener:
        caller = await anyio.connect_tcp("127.0.0.1", listener.extra(SocketAttribute.local_port))
        stream = await accepted(listener)
    with anyio.fail_after(5):
        async with caller:
            try:
                yield stream, caller
            finally:
                await anyio.aclose_forcefully(stream)


def reset(caller: SocketStream) -> None:
    """Have the caller's end reset the connection when it is closed."""
    raw = caller.extra(SocketAttribute.raw_socket)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def test_bytes_come_in_pieces_no_larger_than_wanted_and_then_the_end() -> None:
    async with both_ends() as (stream, caller):
        await caller.send(b"0123456789")
        pieces = [await stream.receive(4) for _ in range(3)]
        assert pieces == [b"0123", b"4567", b"89"]
        await caller.send_eof()
        with pytest.raises(anyio.EndOfStream):
            await stream.receive(4)
        await stream.send(b"an answer")
        assert await caller.receive() == b"an answer"


async def test_much_goes_both_ways_whole() -> None:
    much = bytes(range(256)) * 40_000
    async with both_ends() as (stream, caller), anyio.create_task_group() as tasks:
        tasks.start_soon(caller.send, much)
        heard = b""
        while len(heard) < len(much):
            heard += await stream.receive(65_536)
        assert heard == much

        tasks.start_soon(stream.send, much)
        heard = b""
        while len(heard) < len(much):
            heard += await caller.receive()
        assert heard == much


async def test_a_send_waits_for_who_takes_nothing_and_ends_with_the_connection() -> None:
    async with both_ends() as (stream, caller):
        with anyio.move_on_after(0.05) as patience:
            await stream.send(bytes(50_000_000))
        assert patience.cancelled_caught

    async with both_ends() as (stream, caller), anyio.create_task_group() as tasks:
        tasks.start_soon(a_broken_send, stream)
        await caller.receive()
        reset(caller)
        await caller.aclose()


async def a_broken_send(stream: ByteStream) -> None:
    with pytest.raises(anyio.BrokenResourceError):
        await stream.send(bytes(50_000_000))


async def test_a_reset_is_told_to_who_receives_and_to_who_sends() -> None:
    async with both_ends() as (stream, caller):
        reset(caller)
        await caller.aclose()
        with pytest.raises(anyio.BrokenResourceError):
            await stream.receive(1)
        with pytest.raises(anyio.BrokenResourceError):
            await stream.send(b"x")


async def test_a_closed_stream_says_so() -> None:
    async with both_ends() as (stream, _):
        await stream.aclose()
        with pytest.raises(anyio.ClosedResourceError):
            await stream.receive(1)
        with pytest.raises(anyio.ClosedResourceError):
            await stream.send(b"x")


class Watched(asyncio.Transport):
    """A transport that notes when it is to be watched."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """It never writes."""

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")


def test_a_socket_is_watched_until_bytes_come_that_nobody_waits_for() -> None:
    async def story() -> list[str]:
        transport, stream = Watched(), LoopStream(asyncio.get_running_loop())
        stream.connection_made(transport)
        for _ in range(3):
            waiting = asyncio.ensure_future(stream.receive())
            await asyncio.sleep(0)
            stream.data_received(b"awaited")
            assert await waiting == b"awaited"
        assert transport.told == []

        stream.data_received(b"early")
        assert transport.told == ["pause"]
        assert await stream.receive() == b"early"
        waiting = asyncio.ensure_future(stream.receive())
        await asyncio.sleep(0)
        stream.data_received(b"awaited again")
        assert await waiting == b"awaited again"
        return transport.told

    assert asyncio.run(story()) == ["pause", "resume"]
