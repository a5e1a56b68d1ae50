"""The port over real sockets: who comes, how long they may take, and how many they may be."""

import logging
from dataclasses import replace
from typing import cast

import anyio
import pytest
from anyio.abc import ByteStream, SocketStream

from huffleraft.http.front import Front
from huffleraft.http.limits import DROPS_MAX, DoorSettings
from huffleraft.http.listener import _warn_if_open
from huffleraft.http.parsers import MakeParser
from huffleraft.http.visit import Visit
from huffleraft.kv.limits import VALUE_BYTES_MAX
from huffleraft.runtime.frames import MAGIC
from tests.http.doors import BROKEN, open_door, response, until_closed
from tests.http.solitary import SolitaryStore

pytestmark = pytest.mark.anyio

HASTY = DoorSettings(
    head_timeout=0.2, body_timeout=0.2, send_timeout=0.2, idle_timeout=0.2, linger=0.2
)
"""Deadlines that a test can wait for."""

PUT = b"PUT /v1/kv/a HTTP/1.1\r\nHost: n1\r\nContent-Length: 5\r\n\r\nhello"
GET = b"GET /v1/kv/a HTTP/1.1\r\nHost: n1\r\n\r\n"
LAST = b"GET /livez HTTP/1.1\r\nHost: n1\r\nConnection: close\r\n\r\n"


# Who comes.


async def test_a_connection_serves_many_requests(make_parser: MakeParser) -> None:
    async with open_door(make_parser=make_parser) as door, await door.connect() as stream:
        for number in range(3):
            await stream.send(PUT)
            assert b'{"index":%d,' % (number + 1) in await response(stream)
        await stream.send(GET)
        assert (await response(stream)).endswith(b"hello")


async def test_requests_sent_together_are_answered_in_order(make_parser: MakeParser) -> None:
    async with open_door(make_parser=make_parser) as door:
        answers = await door.ask(PUT + GET + PUT + LAST)
        assert answers.count(b"HTTP/1.1 200 OK") == 4
        first, value, second, live = (
            answers.index(part) for part in (b'"index":1', b"hello", b'"index":2', b'"live"')
        )
        assert first < value < second < live


async def test_the_first_bytes_tell_a_peer_from_a_client(make_parser: MakeParser) -> None:
    async with open_door(make_parser=make_parser) as door:
        assert await door.ask(MAGIC + b"and more") == b"hello, peer"
        assert door.peers == [MAGIC + b"and more"]
        assert b"HTTP/1.1 200" in await door.ask(LAST)


async def test_a_mistake_in_one_peers_connection_ends_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_door() as door, await door.connect() as client:
        assert await door.ask(MAGIC + BROKEN) == b""
        assert [record.message for record in caplog.records] == [
            "a mistake of ours; the connection is closed"
        ]
        await client.send(LAST)
        assert b"HTTP/1.1 200" in await until_closed(client)


async def test_a_handshake_in_pieces_is_a_peers_still(make_parser: MakeParser) -> None:
    async with open_door(make_parser=make_parser) as door, await door.connect() as stream:
        for byte in MAGIC:
            await stream.send(bytes([byte]))
            await anyio.lowlevel.checkpoint()
        assert await until_closed(stream) == b"hello, peer"
        assert door.peers[0].startswith(MAGIC)


async def test_a_client_that_hangs_up_after_its_request_is_answered(
    make_parser: MakeParser,
) -> None:
    async with open_door(make_parser=make_parser) as door, await door.connect() as stream:
        await stream.send(GET)
        await stream.send_eof()
        assert b"404" in await until_closed(stream)


async def test_a_client_that_asks_leave_to_send_gets_it(make_parser: MakeParser) -> None:
    async with open_door(make_parser=make_parser) as door, await door.connect() as stream:
        start, _, body = PUT.partition(b"\r\n\r\n")
        await stream.send(start + b"\r\nExpect: 100-continue\r\n\r\n")
        assert await response(stream) == b"HTTP/1.1 100 Continue\r\n\r\n"
        await stream.send(body)
        assert b"HTTP/1.1 200 OK" in await response(stream)


async def test_the_largest_value_comes_back(make_parser: MakeParser) -> None:
    value = bytes(range(256)) * (VALUE_BYTES_MAX // 256)
    put = PUT.replace(b"Length: 5", b"Length: %d" % len(value)).removesuffix(b"hello") + value
    async with open_door(make_parser=make_parser) as door, await door.connect() as stream:
        await stream.send(put)
        assert b"200 OK" in await response(stream)
        await stream.send(GET)
        assert (await response(stream)).endswith(value)


async def test_a_mistake_of_ours_is_answered_and_logged_without_the_key(
    make_parser: MakeParser, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_door(make_parser=make_parser) as door, await door.connect() as stream:
        door.store.instead = ZeroDivisionError("broken")
        await stream.send(PUT.replace(b"kv/a", b"kv/private"))
        answer = await response(stream)
        assert b" 500 " in answer
        assert b"broken" not in answer
        assert "ZeroDivisionError" in caplog.text
        assert "private" not in caplog.text
        door.store.instead = None
        await stream.send(PUT)
        assert b" 200 " in await response(stream)


# Hostile input.


@pytest.mark.parametrize(
    "sent, status",
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (b"rubbish\r\n\r\n" * 10_000, b"400"),
        (b"GET /" + b"y" * 200_000, b"4"),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 200_000, b"4"),
        (
            b"PUT /v1/kv/a HTTP/1.1\r\nHost: n1\r\nContent-Length: %d\r\n\r\n" % (2 << 20)
            + bytes(2 << 20),
            b"413",
        ),
    ],
    ids=["tls", "rubbish", "target", "header", "body"],
)
async def test_who_is_refused_reads_why_though_it_sent_more(
    make_parser: MakeParser, sent: bytes, status: bytes
) -> None:
    async with open_door(make_parser=make_parser) as door, await door.connect() as stream:
        async with anyio.create_task_group() as both:
            both.start_soon(send_what_it_takes, stream, sent)
            answer = await until_closed(stream)
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert answer.count(b"HTTP/1.1 4") == 1
        assert b"Connection: close" in answer
        assert b'"definite":true' in answer
        assert b"Huffleraft-Node: n1" in answer


async def send_what_it_takes(stream: SocketStream, sent: bytes) -> None:
    try:
        await stream.send(sent)
        await stream.send_eof()
    except (anyio.BrokenResourceError, OSError):
        pass


@pytest.mark.parametrize(
    "sent, what",
    [(b"GET / HT", b"head"), (PUT[:-2], b"body"), (PUT + GET[:5], b"head")],
    ids=["head", "body", "second head"],
)
async def test_half_a_request_is_given_up_in_words(
    make_parser: MakeParser, sent: bytes, what: bytes
) -> None:
    async with open_door(HASTY, make_parser) as door:
        with anyio.fail_after(5):
            answer = await door.ask(sent)
        assert b"HTTP/1.1 408 Request Timeout" in answer
        assert b"the request's " + what in answer


async def test_drops_do_not_move_a_deadline(make_parser: MakeParser) -> None:
    async with open_door(HASTY, make_parser) as door, await door.connect() as stream:
        with anyio.fail_after(5):
            async with anyio.create_task_group() as both:
                both.start_soon(drip, stream)
                answer = await until_closed(stream)
                both.cancel_scope.cancel()
        assert answer.startswith(b"HTTP/1.1 408")


async def drip(stream: SocketStream) -> None:
    """A byte of a head at a time, always within any deadline for one read."""
    await stream.send(b"GET / HTTP/1.1\r\nX: ")
    try:
        while True:
            await stream.send(b"y")
            await anyio.sleep(HASTY.head_timeout / 10)
    except (anyio.BrokenResourceError, OSError):
        pass


class Drops:
    """A stream on which there is always one byte more."""

    def __init__(self) -> None:
        self.reads = 0

    async def receive(self, _most: int) -> bytes:
        await anyio.lowlevel.checkpoint()
        self.reads += 1
        return b"x"


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\nX: ", PUT.replace(b": 5", b": 99")],
    ids=["head", "body"],
)
async def test_who_sends_in_drops_is_left_unread_for_a_while(
    make_parser: MakeParser, sent: bytes
) -> None:
    drops, front = Drops(), Front(SolitaryStore())
    visit = Visit(
        cast("ByteStream", drops),
        front=front,
        settings=DoorSettings(drop_pause=3_600),
        make_parser=make_parser,
    )
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(visit.run, sent)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
    assert drops.reads == DROPS_MAX + 1


async def test_a_request_that_comes_in_drops_is_answered(make_parser: MakeParser) -> None:
    settings = DoorSettings(drop_pause=0.001)
    async with open_door(settings, make_parser) as door, await door.connect() as stream:
        for byte in PUT:
            await stream.send(bytes([byte]))
            await anyio.lowlevel.checkpoint()
        assert b"200 OK" in await response(stream)
        await stream.send(GET)
        assert (await response(stream)).endswith(b"hello")


@pytest.mark.parametrize("sent", [b"", MAGIC[:2]])
async def test_who_says_nothing_is_closed(make_parser: MakeParser, sent: bytes) -> None:
    async with open_door(HASTY, make_parser) as door, await door.connect() as stream:
        if sent:
            await stream.send(sent)
        with anyio.fail_after(5):
            assert await until_closed(stream) == b""
        assert door.peers == []


async def test_a_quiet_client_is_closed_without_words(make_parser: MakeParser) -> None:
    async with open_door(HASTY, make_parser) as door, await door.connect() as stream:
        await stream.send(PUT)
        assert b"200 OK" in await response(stream)
        with anyio.fail_after(5):
            assert await until_closed(stream) == b""
        assert door.listener.clients == 0


async def test_who_takes_no_answer_is_closed(make_parser: MakeParser) -> None:
    async with open_door(HASTY, make_parser) as door, await door.connect() as stream:
        await door.store.set("a", bytes(VALUE_BYTES_MAX))
        with anyio.fail_after(10):
            await stream.send(GET * 20)  # 20 MiB, more than any buffer between the two
            while door.listener.clients == 0:
                await anyio.lowlevel.checkpoint()
            while door.listener.clients:
                await anyio.lowlevel.checkpoint()


async def test_a_client_too_many_is_told_so_and_a_peer_still_heard(
    make_parser: MakeParser,
) -> None:
    settings = replace(HASTY, connections=1, idle_timeout=30.0)
    async with open_door(settings, make_parser) as door, await door.connect() as first:
        await first.send(PUT)
        await response(first)
        answer = await door.ask(PUT)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"too-many-connections" in answer
        assert b"Retry-After: 1\r\n" in answer
        assert await door.ask(MAGIC) == b"hello, peer"
        await first.send(GET)
        assert (await response(first)).endswith(b"hello")


async def test_a_stranger_too_many_is_closed(make_parser: MakeParser) -> None:
    settings = DoorSettings(strangers=1)
    async with open_door(settings, make_parser) as door:
        first, second = await door.connect(), await door.connect()
        async with first, second:
            assert await until_closed(second) == b""


# The end.


async def test_a_stop_gives_the_answer_under_way_and_closes(make_parser: MakeParser) -> None:
    async with open_door(make_parser=make_parser) as door:
        idle, midway = await door.connect(), await door.connect()
        async with idle, midway:
            await idle.send(PUT)
            await response(idle)
            await midway.send(PUT[:-1])
            while door.listener.clients < 2:
                await anyio.lowlevel.checkpoint()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(door.listener.stop, 5.0)
                assert await until_closed(idle) == b""
                await midway.send(PUT[-1:])
                answer = await until_closed(midway)
            assert b"200 OK" in answer
            assert b"Connection: close" in answer
        with pytest.raises(OSError):
            await door.connect()


async def test_a_stop_cuts_off_who_does_not_end(make_parser: MakeParser) -> None:
    async with open_door(make_parser=make_parser) as door, await door.connect() as stream:
        await stream.send(PUT[:-1])
        while not door.listener.clients:
            await anyio.lowlevel.checkpoint()
        with anyio.fail_after(5):
            await door.listener.stop(0.05)
            assert await until_closed(stream) == b""


async def test_only_a_door_beyond_this_machine_warns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as near:
            _warn_if_open(near.listeners[0])  # type: ignore[arg-type]  # TCP listeners all
        assert caplog.messages == []
        async with await anyio.create_tcp_listener(local_host="0.0.0.0") as far:
            _warn_if_open(far.listeners[0])  # type: ignore[arg-type]
        (message,) = caplog.messages
        assert "no authentication" in message
