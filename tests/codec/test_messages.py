"""Messages as bytes: what is said is what is heard, and nothing else is."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huffleraft.codec.messages import decode, encode
from huffleraft.core.configuration import Configuration
from huffleraft.core.log import Entry
from huffleraft.core.messages import AppendEntriesRequest, Message, RequestVoteResponse
from huffleraft.core.types import EntryId
from huffleraft.errors import FrameInvalid
from tests.codec.strategies import messages


@given(messages)
def test_a_message_survives_the_wire(message: Message) -> None:
    assert decode(encode(message)) == message


@given(messages)
def test_a_memoryview_decodes_like_bytes(message: Message) -> None:
    assert decode(memoryview(bytearray(encode(message)))) == message


def test_the_bytes_of_the_format_do_not_change_by_accident() -> None:
    configuration = Configuration.of({"n1": "h:1"})
    entries = (Entry(1, 1, configuration), Entry(2, 2, None), Entry(2, 3, b"x"))
    message = AppendEntriesRequest("n1", 3, EntryId(0, 0), entries, 2, 7)
    assert encode(message).hex(" ") == (
        "97 05 a2 6e 31 03 92 00 00 93 92 01 95 01 91 a2 6e 31 91 92 a2 6e 31 a3 68 3a 31 90 90 "
        "92 02 c0 92 02 c4 01 78 02 07"
    )
    assert encode(RequestVoteResponse("n2", 300, True)).hex(" ") == "94 04 a2 6e 32 cd 01 2c c3"


@given(st.binary(max_size=200))
def test_random_bytes_raise_frame_invalid_or_are_a_message(data: bytes) -> None:
    assert_refused_or_whole(data)


@given(messages, st.data())
def test_mutated_bytes_raise_frame_invalid_or_are_a_message(
    message: Message, data: st.DataObject
) -> None:
    raw = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert_refused_or_whole(bytes(raw))


@given(messages, st.data())
def test_truncated_bytes_are_refused(message: Message, data: st.DataObject) -> None:
    raw = encode(message)
    with pytest.raises(FrameInvalid):
        decode(raw[: data.draw(st.integers(0, len(raw) - 1))])


@given(messages, st.binary(min_size=1, max_size=9))
def test_bytes_after_the_message_are_refused(message: Message, rest: bytes) -> None:
    with pytest.raises(FrameInvalid):
        decode(encode(message) + rest)


def assert_refused_or_whole(data: bytes) -> None:
    """What is not refused is a message that can be said again and is then the same."""
    with suppress(FrameInvalid):
        message = decode(data)
        assert decode(encode(message)) == message


HEARTBEAT = [5, "n1", 3, [2, 9], [], 8, 0]
ANSWER = [6, "n1", 3, [2, 9], True, 9, None, 0]


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ([99, "n1", 3], "Invalid value"),
        ([3, "n1", 3, [2, 9]], "at least length 5"),
        ([3, "n1", 3, [2, 9], 1], "Expected `bool`"),
        ([9, "n1", 3, 0], "at most length 2"),
        ([True, "n1", 3], "Expected `int`"),
        ([1, "n1", 3], "at least length 4"),
        ([1, "n1", 3, [2, 9], 0], "at most length 3"),
        ([1, "", 3, [2, 9]], "matching regex"),
        ([1, "n" * 65, 3, [2, 9]], "matching regex"),
        ([1, "n1\n", 3, [2, 9]], "matching regex"),
        ([1, "né", 3, [2, 9]], "matching regex"),
        ([1, b"n1", 3, [2, 9]], "Expected `str`"),
        ([1, "n1", -1, [2, 9]], "Expected `int` >= 0"),
        ([1, "n1", 1 << 63, [2, 9]], "Expected `int` <= 9223372036854775807"),
        ([1, "n1", 3.0, [2, 9]], "Expected `int`"),
        ([1, "n1", True, [2, 9]], "Expected `int`"),
        ([1, "n1", 3, [4, 9]], "4:9 is of a later term than the message's 3"),
        ([1, "n1", 3, [0, 9]], "0:9 is no entry's id"),
        ([1, "n1", 3, [2, 0]], "2:0 is no entry's id"),
        ([2, "n1", 3, 1], "Expected `bool`"),
        ([*HEARTBEAT[:4], [[1, None]], 8, 0], "terms must not fall"),
        ([*HEARTBEAT[:4], [[3, None], [2, None]], 8, 0], "terms must not fall"),
        ([*HEARTBEAT[:4], [[4, None]], 8, 0], "nor be higher"),
        ([*HEARTBEAT[:4], [[3, "text"]], 8, 0], "Expected `bytes | array | null`"),
        ([*HEARTBEAT[:4], [[3, b"", 0]], 8, 0], "of length 2"),
        ([*HEARTBEAT[:3], [2, (1 << 63) - 2], [[3, b""]] * 2, 8, 0], "cannot be"),
        ([*HEARTBEAT[:4], [[3, b""]] * 70_000, 8, 0], "length <= 65536"),
        ([*HEARTBEAT[:4], [[3, [1, ["b", "a"], [], [], []]]], 8, 0], "must be sorted"),
        ([*HEARTBEAT[:4], [[3, [1, ["a", "a"], [], [], []]]], 8, 0], "must be sorted"),
        (
            [*HEARTBEAT[:4], [[3, [1, ["a"], [["b", "h:1"]], [], []]]], 8, 0],
            "must name its members",
        ),
        ([*HEARTBEAT[:4], [[3, [1, [], [], [], []]]], 8, 0], "length >= 1"),
        ([*HEARTBEAT[:4], [[3, [1, ["a"], [["a", ""]], [], []]]], 8, 0], "length >= 1"),
        ([*HEARTBEAT[:4], [[3, [1, ["a"], [], ["c", "b"], []]]], 8, 0], "must be sorted"),
        ([*HEARTBEAT[:4], [[3, [1, ["a"], [], [], ["c", "b"]]]], 8, 0], "must be sorted"),
        ([*HEARTBEAT[:4], [[3, [1, ["a"], [], ["a"], []]]], 8, 0], "voter and learner"),
        ([*HEARTBEAT[:4], [[3, [1, ["a"], [], [], ["a"]]]], 8, 0], "must differ"),
        ([*ANSWER[:4], True, 9, [2, 8], 0], "succeeded names a conflict"),
        ([*ANSWER[:4], False, 9, None, 0], "refused names a match"),
        ([*ANSWER[:4], False, 0, [2, 10], 0], "not at or before 2:9"),
        ([*ANSWER[:4], False, 0, [3, 9], 0], "not at or before 2:9"),
    ],
)
def test_what_no_server_can_say_is_refused_in_one_sentence(
    fields: list[object], sentence: str
) -> None:
    with pytest.raises(FrameInvalid) as refused:
        decode(msgspec.msgpack.encode(fields))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("claim", ["dd ff ff ff ff", "97 05 a2 6e 31 03 92 00 00 dd ff ff ff ff"])
def test_a_claimed_length_allocates_nothing(claim: str) -> None:
    with pytest.raises(FrameInvalid):
        decode(bytes.fromhex(claim))


def test_more_entries_than_are_allowed_are_refused_before_room_is_made_for_them() -> None:
    count = 1 << 20
    batch = b"\xdd" + count.to_bytes(4, "big") + b"\x92\x01\xc0" * count
    frame = bytes.fromhex("97 05 a2 6e 31 01 92 00 00") + batch + b"\x00\x00"
    tracemalloc.start()
    try:
        with pytest.raises(FrameInvalid, match="of length <= 65536"):
            decode(frame)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < len(frame) // 10


@pytest.mark.parametrize("opening", [b"\x91", b"\x81"])
def test_deep_nesting_is_refused(opening: bytes) -> None:
    with pytest.raises(FrameInvalid):
        decode(opening * 100_000)
    with pytest.raises(FrameInvalid):
        decode(b"\x97" + opening * 100_000)
