"""The client: whom it asks, what it follows, what it sends again, and what it tells."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from huffleraft import errors
from huffleraft.client import Mismatch, OperationFailed, Patience, Written
from huffleraft.client.contacts import Session
from huffleraft.errors import InvalidKey, ValueTooLarge
from huffleraft.kv.limits import KEY_BYTES_MAX, VALUE_BYTES_MAX
from tests.client.faces import Face, MakeFace
from tests.http.doors import open_door
from tests.http.solitary import SolitaryStore

pytestmark = pytest.mark.anyio

HASTY = Patience(total=0.5, pause=(0.001, 0.002), obey_retry_after=False)
PINNED = Patience(total=0.5, retries=False, sessions=False, hops=2)


@asynccontextmanager
async def rude_node(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers each connection with the next of *answers*, whatever it says, and hangs up.

    Yields its address, and what it has heard.  A client whose time is up may leave unheard.
    """
    heard: list[bytes] = []
    left = list(answers)

    async def answer(stream: SocketStream) -> None:
        async with stream:
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                heard.append(await stream.receive())
                if left:
                    await stream.send(left.pop(0))

    multi = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = multi.extra(SocketAttribute.local_port)
    async with multi, anyio.create_task_group() as tasks:
        tasks.start_soon(multi.serve, answer)
        yield f"127.0.0.1:{port}", heard
        tasks.cancel_scope.cancel()


async def unused_address() -> str:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as multi:
        return f"127.0.0.1:{multi.extra(SocketAttribute.local_port)}"


@pytest.mark.parametrize("key", ["a", "a/b", "..", ".", "a%2Fb", "ä\n?#&", " ", "\x00"])
async def test_every_operation_means_the_same_key(face: MakeFace, key: str) -> None:
    async with open_door() as door, face([door.address]) as client:
        written = await client.set(key, b"1")
        assert written.version == 1
        read = await client.get(key)
        assert (read.value, read.version, read.index) == (b"1", 1, written.index)
        swapped = await client.cas(key, b"1", b"")
        assert isinstance(swapped, Written)
        assert (await client.get(key)).value == b""
        assert not (await client.delete(key)).replayed
        assert (await client.get(key)).value is None


async def test_a_mismatch_is_an_answer_and_shows_what_is_there(face: MakeFace) -> None:
    async with open_door() as door, face([door.address]) as client:
        missing = await client.cas("a", b"1", b"2")
        assert isinstance(missing, Mismatch)
        assert (missing.current, missing.version) == (None, None)
        await client.set("a", b"\xff")
        found = await client.cas("a", None, b"2")
        assert isinstance(found, Mismatch)
        assert (found.current, found.version) == (b"\xff", 1)


async def test_what_can_never_be_stored_is_not_asked(face: MakeFace) -> None:
    async with open_door() as door, face([door.address]) as client:
        with pytest.raises(InvalidKey):
            await client.get("")
        with pytest.raises(ValueTooLarge):
            await client.set("a", bytes(VALUE_BYTES_MAX + 1))
        with pytest.raises(ValueTooLarge):
            await client.cas("a", None, bytes(VALUE_BYTES_MAX + 1))
        assert door.store.asked == []


async def test_an_answer_tells_who_gave_it_and_from_where_in_the_log(face: MakeFace) -> None:
    async with open_door() as door, face([door.address], patience=PINNED) as client:
        served = (await client.set("a", b"1")).served
        assert (served.node, served.term, served.index) == ("n1", 3, 1)
        assert (served.endpoint, served.status, served.code) == (door.address, 200, None)


async def test_a_write_borrows_a_session_that_no_other_uses(face: MakeFace) -> None:
    async with open_door() as door, face([door.address]) as client:
        session = await client.register()
        await client.set("a", b"1")
        await client.set("a", b"2")
        assert door.store.applied == 3  # one register, two sets
        async with anyio.create_task_group() as tasks:
            for n in range(5):
                tasks.start_soon(client.set, f"b{n}", b"")
        assert session == 1
        assert {(await client.get(f"b{n}")).version for n in range(5)} == {1}


# Pages.


async def test_pages_list_keys_in_order_and_say_where_to_go_on(face: MakeFace) -> None:
    async with open_door() as door, face([door.address]) as client:
        for key in ("b", "a/&=+ 2", "a/1", "ä"):
            await client.set(key, key.encode())
        first = await client.page("a/", limit=1)
        assert [(one.key, one.version, one.value) for one in first.keys] == [("a/&=+ 2", 1, None)]
        assert (first.next, first.index) == ("a/&=+ 2", 5)
        second = await client.page("a/", "a/&=+ 2", limit=1, values=True)
        assert [(one.key, one.value) for one in second.keys] == [("a/1", b"a/1")]
        assert second.next is None
        met = [key async for key in client.keys()]  # noqa: SIM118  # it is no dict
        assert met == ["a/&=+ 2", "a/1", "b", "ä"]


async def test_a_scan_goes_through_all_pages(face: MakeFace) -> None:
    async with open_door() as door, face([door.address]) as client:
        half = bytes(VALUE_BYTES_MAX // 2)
        for number in range(5):
            await client.set(f"k{number}", half)
        before = len(door.store.asked)
        assert [one.value async for one in client.scan("k")] == [half] * 5
        assert len(door.store.asked) - before == 5


async def test_a_page_of_the_strangest_keys_is_read_whole(face: MakeFace) -> None:
    """In JSON each of these bytes takes six."""
    async with open_door() as door, face([door.address]) as client:
        names = ["\x01" * (KEY_BYTES_MAX - 3) + f"{number:03}" for number in range(255)]
        for name in names:
            await door.store.set(name, b"")
        page = await client.page(limit=1_000)
        assert [one.key for one in page.keys] == names


@pytest.mark.parametrize("limit", [0, 1_001])
async def test_a_page_that_no_node_gives_is_not_asked_for(face: MakeFace, limit: int) -> None:
    async with open_door() as door, face([door.address]) as client:
        with pytest.raises(ValueError, match="1 to 1000 keys are expected"):
            await client.page(limit=limit)
        with pytest.raises(InvalidKey):
            await client.page("a" * (KEY_BYTES_MAX + 1))
        assert door.store.asked == []


# The leader.


async def test_a_redirect_is_followed_and_remembered(face: MakeFace) -> None:
    async with open_door() as follower, open_door() as leader:
        follower.store.instead = errors.NotLeader("n2", leader.address)
        async with face([follower.address]) as client:
            written = await client.set("a/b", b"1")
            assert [one.code for one in written.attempts] == ["not-leader", None, None]
            assert client.endpoint == leader.address
            assert len((await client.get("a/b")).attempts) == 1


async def test_a_pinned_client_follows_and_comes_back(face: MakeFace) -> None:
    async with open_door() as follower, open_door() as leader:
        follower.store.instead = errors.NotLeader("n2", leader.address)
        async with face([follower.address], patience=PINNED) as client:
            for _ in range(2):
                codes = [one.code for one in (await client.set("a", b"1")).attempts]
                assert codes == ["not-leader", None]
                assert client.endpoint == follower.address


async def test_redirects_in_a_circle_end(face: MakeFace) -> None:
    async with open_door() as one, open_door() as other:
        one.store.instead = errors.NotLeader("n2", other.address)
        other.store.instead = errors.NotLeader("n1", one.address)
        async with face([one.address], patience=PINNED) as client:
            with pytest.raises(OperationFailed) as failed:
                await client.set("a", b"1")
        assert [one.code for one in failed.value.attempts] == ["not-leader"] * 3
        assert failed.value.definite
        assert failed.value.code == "not-leader"


async def test_another_node_is_asked_when_one_is_gone(face: MakeFace) -> None:
    async with open_door() as door:
        async with face([await unused_address(), door.address], patience=HASTY) as client:
            read = await client.get("a")
        assert [one.code for one in read.attempts] == ["unreachable", "key-not-found"]
        assert read.attempts[0].definite


async def test_clients_begin_at_an_endpoint_drawn_by_chance(face: MakeFace) -> None:
    async with open_door() as door:
        gone = await unused_address()
        endpoints = [gone, door.address, gone]
        async with face(endpoints, dice=lambda low, high: (low + high) / 2) as client:
            assert len((await client.get("a")).attempts) == 1
        async with face(endpoints, dice=lambda _, high: high) as client:
            assert client.endpoint == gone


async def test_stale_reads_take_the_endpoints_in_turn_and_the_leader_is_kept(
    face: MakeFace,
) -> None:
    async with (
        open_door() as one,
        open_door() as other,
        face(f"{one.address}, {other.address}") as client,
    ):
        await client.set("a", b"1")
        asked = [(await client.get("a", stale=True)).served.endpoint for _ in range(3)]
        assert asked == [other.address, one.address, other.address]
        assert client.endpoint == one.address


# What is sent again.


async def test_a_definite_refusal_is_tried_again_until_the_time_is_up(face: MakeFace) -> None:
    async with open_door() as door, face([door.address], patience=HASTY) as client:
        await client.register()
        door.store.instead = errors.NoLeader(1)
        with anyio.fail_after(5), pytest.raises(OperationFailed) as failed:
            await client.set("a", b"1")
        *refused, last = failed.value.attempts
        assert len(refused) > 1
        assert {(one.code, one.definite) for one in refused} == {("no-leader", True)}
        # The time may end while the last request is under way, and then nobody knows.
        assert last.code in ("no-leader", "timed-out")
        assert failed.value.definite == last.definite


async def test_a_mistake_in_the_request_is_not_tried_again(face: MakeFace) -> None:
    async with open_door() as door, face([door.address]) as client:
        door.store.instead = errors.BadRequest("it makes no sense")
        with pytest.raises(OperationFailed) as failed:
            await client.get("a")
        assert len(failed.value.attempts) == 1
        assert failed.value.code == "bad-request"
        assert "makes no sense" in str(failed.value)


LOST = {
    "nothing": b"",
    "half": b"HTTP/1.1 200 OK\r\nHuffleraft-Node: n1\r\nContent-Length: 9\r\n\r\nhalf",
    "foreign": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "proxy": b"HTTP/1.1 503 Oops\r\nHuffleraft-Node: n1\r\nContent-Length: 2\r\n\r\nhi",
    "rubbish": b"\x00\x01\x02\r\n\r\n",
    "no text": b"HTTP/1.1 503 Oops\r\nHuffleraft-Node: n1\r\nContent-Length: 3\r\n"
    b'Content-Type: application/problem+json\r\n\r\n"\xff"',
    "nested": b"HTTP/1.1 503 Oops\r\nHuffleraft-Node: n1\r\nContent-Length: 4000\r\n"
    b"Content-Type: application/problem+json\r\n\r\n" + b"[" * 4_000,
}


@pytest.mark.parametrize("answer", LOST.values(), ids=LOST)
async def test_a_write_in_doubt_is_not_sent_again_without_a_session(
    face: MakeFace, answer: bytes
) -> None:
    patience = Patience(total=2.0, sessions=False)
    async with rude_node(answer) as (address, heard):
        async with face([address], patience=patience) as client:
            with pytest.raises(OperationFailed) as failed:
                await client.set("a", b"1")
        assert len(heard) == 1
        assert not failed.value.definite
        assert failed.value.code in ("connection-lost", "foreign-answer")


@pytest.mark.parametrize("answer", LOST.values(), ids=LOST)
async def test_a_write_in_doubt_is_sent_again_under_its_session(
    face: MakeFace, answer: bytes
) -> None:
    async with open_door() as door, rude_node(answer) as (rude, heard):
        async with face([door.address, rude], patience=HASTY) as client:
            await client.register()
            door.store.instead = errors.NoLeader(1)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lead_again_when_heard, door.store, heard)
                written = await client.set("a", b"1")
        stamps = [line for line in heard[0].split(b"\r\n") if b"Sequence" in line]
        assert stamps == [b"Huffleraft-Sequence: 1"]
        assert written.version == 1
        assert [one.code for one in written.attempts][:1] == ["no-leader"]


def said(status: str, kind: str, document: bytes) -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nHuffleraft-Node: n1\r\nConnection: close\r\n"
        f"Content-Type: application/{kind}\r\nContent-Length: {len(document)}\r\n\r\n"
    ).encode() + document


SIGNED_RUBBISH = {
    "no etag": (said("200 OK", "json", b"{}"), lambda client: client.set("a", b"1"), False),
    "no number": (
        said("200 OK", "json", b"{}").replace(b"\r\n\r\n", b'\r\nETag: "x"\r\n\r\n'),
        lambda client: client.get("a"),
        True,
    ),
    "no page": (
        said("200 OK", "json", b'{"index": 1, "keys": [{}]}'),
        lambda client: client.page(),
        True,
    ),
    "nested": (
        said("200 OK", "json", b'{"index": 1, "keys": [], "next": null, "x": ' + b"[" * 4_000),
        lambda client: client.page(),
        True,
    ),
    "no base64": (
        said(
            "409 Conflict",
            "problem+json",
            b'{"code":"cas-mismatch","definite":true,"current":"!","version":1}',
        ),
        lambda client: client.cas("a", None, b"1"),
        False,
    ),
}


@pytest.mark.parametrize("answer, ask, definite", SIGNED_RUBBISH.values(), ids=SIGNED_RUBBISH)
async def test_an_answer_that_bears_a_node_s_name_and_is_none_leaves_a_write_in_doubt(
    face: MakeFace, answer: bytes, ask: Callable[[Face], Awaitable[object]], definite: bool
) -> None:
    patience = Patience(total=2.0, sessions=False)
    async with rude_node(answer) as (address, _), face([address], patience=patience) as client:
        with pytest.raises(OperationFailed) as failed:
            await ask(client)
    assert (failed.value.code, failed.value.definite) == ("foreign-answer", definite)


async def test_a_session_that_cannot_be_begun_leaves_no_write_in_doubt(face: MakeFace) -> None:
    async with rude_node() as (rude, heard), face([rude], patience=HASTY) as client:
        with pytest.raises(OperationFailed) as failed:
            await client.set("a", b"1")
    assert {one.split(b" ")[0] for one in heard} <= {b"POST", b""}
    assert failed.value.code in ("connection-lost", "timed-out")
    assert failed.value.definite


async def test_a_read_is_never_in_doubt(face: MakeFace) -> None:
    async with rude_node() as (rude, _), face([rude], patience=HASTY) as client:
        with pytest.raises(OperationFailed) as failed:
            await client.get("a")
    assert not failed.value.attempts[0].definite
    assert failed.value.definite


async def test_a_session_that_may_have_begun_leaves_no_write_in_doubt(face: MakeFace) -> None:
    answers = (
        b"",
        said("201 Created", "json", b'{"session":7}'),
        said("400 Bad", "problem+json", b'{"code":"bad-request","definite":true}'),
    )
    async with rude_node(*answers) as (rude, heard), face([rude], patience=HASTY) as client:
        with pytest.raises(OperationFailed) as failed:
            await client.set("a", b"1")
    assert [one.split(b" ")[0] for one in heard] == [b"POST", b"POST", b"PUT"]
    codes = [one.code for one in failed.value.attempts]
    assert codes == ["connection-lost", None, "bad-request"]
    assert failed.value.definite


async def lead_again_when_heard(store: SolitaryStore, heard: list[bytes]) -> None:
    while not heard:
        await anyio.lowlevel.checkpoint()
    store.instead = None


async def test_a_write_that_had_run_is_answered_as_replayed(face: MakeFace) -> None:
    async with open_door() as door, face([door.address]) as client:
        session = await client.register()
        stamp = f"Huffleraft-Session: {session}\r\nHuffleraft-Sequence: 1\r\n".encode()
        before = await door.ask(
            b"PUT /v1/kv/a HTTP/1.1\r\nHost: n\r\nConnection: close\r\nContent-Length: 1\r\n"
            + stamp
            + b"\r\n1"
        )
        assert b"200 OK" in before
        written = await client.set("a", b"1")
        assert written.replayed
        assert (await client.get("a")).version == 1


async def test_a_session_that_ended_is_replaced_where_nothing_is_in_doubt(face: MakeFace) -> None:
    async with open_door() as door, face([door.address]) as client:
        await client.register()
        client.contacts._sessions[0].id = 4711
        written = await client.set("a", b"1")
        assert written.version == 1
        assert [one.code for one in written.attempts] == ["session-unknown", None, None]
        assert all(one.definite for one in written.attempts)


async def test_a_session_that_ended_with_a_write_in_doubt_leaves_it_so(face: MakeFace) -> None:
    async with open_door() as door, rude_node(b"") as (rude, _):
        async with face([rude, door.address], patience=HASTY) as client:
            client.contacts.give_back(Session(4711))
            with pytest.raises(OperationFailed) as failed:
                await client.set("a", b"1")
        assert [one.code for one in failed.value.attempts] == [
            "connection-lost",
            "session-unknown",
        ]
        assert not failed.value.definite


async def test_a_node_that_does_not_answer_is_given_up_in_time(face: MakeFace) -> None:
    patience = Patience(total=0.2, retries=False, sessions=False)
    async with open_door() as door:
        door.store.hang = anyio.Event()
        async with face([door.address], patience=patience) as client:
            with anyio.fail_after(5), pytest.raises(OperationFailed) as failed:
                await client.set("a", b"1")
    assert (failed.value.code, failed.value.definite) == ("timed-out", False)


async def test_a_node_is_told_how_long_the_client_will_wait(face: MakeFace) -> None:
    patience = Patience(total=2.0, server=0.6, retries=False, sessions=False)
    async with open_door() as door:
        async with face([door.address], patience=patience) as client:
            await client.set("a", b"1")
        async with face([door.address], patience=Patience(total=2.0)) as client:
            await client.get("a")
        stated, derived = door.store.asked
        assert stated == 0.6
        assert derived is not None
        assert 1.0 < derived <= 1.8


@asynccontextmanager
async def dripping_node() -> AsyncIterator[str]:
    """Answers at once, and then byte by byte for ever."""

    async def drip(stream: SocketStream) -> None:
        async with stream:
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                await stream.receive()
                await stream.send(b"HTTP/1.1 200 OK\r\n")
                while True:
                    await stream.send(b"X: 1\r\n")
                    await anyio.sleep(0.02)  # a drop must fall well within any timeout

    multi = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = multi.extra(SocketAttribute.local_port)
    async with multi, anyio.create_task_group() as tasks:
        tasks.start_soon(multi.serve, drip)
        yield f"127.0.0.1:{port}"
        tasks.cancel_scope.cancel()


async def test_an_answer_that_drips_in_does_not_outlast_the_deadline(face: MakeFace) -> None:
    patience = Patience(total=0.3, retries=False, sessions=False)
    async with dripping_node() as address, face([address], patience=patience) as client:
        with anyio.fail_after(5), pytest.raises(OperationFailed) as failed:
            await client.set("a", b"1")
    assert (failed.value.code, failed.value.definite) == ("timed-out", False)
