"""Frames and hellos as bytes: what is taken, and what hostile bytes are told."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import cycle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huffleraft.core import (
    AppendEntriesRequest,
    Configuration,
    Entry,
    InstallSnapshotRequest,
    PreVoteRequest,
    Snapshot,
)
from huffleraft.core.types import EntryId
from huffleraft.errors import FrameInvalid, HandshakeRefused, MemberRemoved
from huffleraft.ports import (
    Forward,
    Forwarded,
    Kind,
    PeerMessage,
    SnapshotAsk,
    SnapshotOffer,
    SnapshotWanted,
    Standing,
)
from huffleraft.runtime.frames import (
    FRAME_BYTES_MAX,
    MAGIC,
    FrameReader,
    decode_peer_message,
    encode_peer_message,
    framed,
)
from huffleraft.runtime.handshake import (
    ASKING,
    KNOWN_MAX,
    Acquaintances,
    Hello,
    Member,
    Refusal,
    Welcome,
    answer,
    decode_answer,
    decode_hello,
    judge_answer,
    opening,
)
from huffleraft.runtime.transfer_frames import is_whole, sealed_chunk

INSTALL = InstallSnapshotRequest(
    "n1", 4, Snapshot(9, 3, Configuration.of({"n1": "a:1", "n2": "b:2"})), 7
)
ME = Member("c1", "n1", 3)
HER = Member("c1", "n2", 5)


def body_of(first: Hello | Welcome | Refusal) -> bytes:
    sent = opening(first)
    assert sent.startswith(MAGIC)
    (body,) = FrameReader().feed(sent[len(MAGIC) :])
    return body


# Frames.


@given(
    st.lists(st.binary(max_size=40) | st.just(bytes(3_000)), max_size=10),
    st.lists(st.integers(1, 50) | st.just(5_000), min_size=1, max_size=10),
)
def test_frames_come_out_whole_however_the_bytes_are_cut(
    bodies: list[bytes], cuts: list[int]
) -> None:
    """An empty body is a sign of life, and no message."""
    stream = b"".join(framed(body) for body in bodies)
    reader = FrameReader()
    received: list[bytes] = []
    sizes = cycle(cuts)

    at = 0
    while at < len(stream):
        size = next(sizes)
        received += reader.feed(stream[at : at + size])
        at += size

    assert received == [body for body in bodies if body]
    assert not reader.partial


def test_a_length_above_the_limit_is_refused_before_its_body_comes() -> None:
    reader = FrameReader(limit=100)
    assert reader.feed(framed(bytes(100))) == [bytes(100)]
    with pytest.raises(FrameInvalid, match="announces 101 bytes where at most 100 are allowed"):
        reader.feed((101).to_bytes(4, "big"))


def test_no_frame_of_ours_is_longer_than_a_peer_takes() -> None:
    with pytest.raises(ValueError, match="are allowed"):
        framed(bytes(FRAME_BYTES_MAX + 1))


@pytest.mark.parametrize(
    "message",
    [
        SnapshotAsk((7 << 32) + 1),
        SnapshotOffer(3, INSTALL, 1 << 40, bytes(range(32))),
        sealed_chunk(3, 65_536, b"some bytes"),
        SnapshotWanted(3, 65_536, Standing.NO_ROOM),
        Forward((7 << 32) + 1, Kind.WRITE, b"\x00command"),
        Forwarded((1 << 63) - 1, "ok", b"result", 9, 2),
        Forwarded(0, "unknown", b"", 0, 0),
        PreVoteRequest("n1", 3, EntryId(2, 9)),
        AppendEntriesRequest("n1", 3, EntryId(2, 9), (Entry(3, 10, b"x"),), 9, 4),
    ],
    ids=lambda message: type(message).__name__,
)
def test_peer_messages_come_back_as_they_went(message: PeerMessage) -> None:
    assert decode_peer_message(encode_peer_message(message)) == message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\xc1",
        b"GET / HTTP/1.1",
        b"\x94\xa7forward\xff\xc3\xc4\x00",  # a negative number
        b"\x94\xa7forward\x01\xc3",  # cut short
        b"\x96\xa9forwarded\x01\xa5great\xc4\x00\x00\x00",  # an outcome that there is not
        b"\x93\xa8forwards\x01\xc3",  # a kind that there is not
        b"\x96\xa9forwarded\x01\xa2\xff\xfe\xc4\x00\x00\x00",  # an outcome that is no text
    ],
)
def test_bytes_that_are_no_message_are_named_so_in_one_sentence(body: bytes) -> None:
    with pytest.raises(FrameInvalid) as error:
        decode_peer_message(body)
    assert "\n" not in str(error.value)


NESTED = b"\x91" * 1_000_000 + b"\x00"
"""An array in an array, and so on, deeper than any Python follows.

What ends it is the recursion limit of Python 3.11, a fixed 10,000 of 3.12 and 3.13, and the size
of the stack, commonly 8 MiB, in later ones.
"""


def with_another_field(body: bytes, field: bytes) -> bytes:
    """*body*, which is an array, with *field* behind its own: as a later version may send it."""
    return bytes([body[0] + 1]) + body[1:] + field


@pytest.mark.parametrize(
    "message",
    [
        SnapshotAsk(1),
        SnapshotOffer(3, INSTALL, 5, bytes(32)),
        sealed_chunk(1, 0, b"x"),
        SnapshotWanted(1, 0, Standing.MORE),
        Forward(1, Kind.WRITE, b"x"),
        Forwarded(1, "ok", b"", 0, 0),
        PreVoteRequest("n1", 3, EntryId(2, 9)),
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_nests_too_deep_to_be_skipped_is_refused(message: PeerMessage) -> None:
    with pytest.raises(FrameInvalid):
        decode_peer_message(with_another_field(encode_peer_message(message), NESTED))


@given(st.data())
def test_damaged_bytes_are_a_message_or_frame_invalid_and_nothing_else(data: st.DataObject) -> None:
    messages: list[PeerMessage] = [
        AppendEntriesRequest("n1", 3, EntryId(2, 9), (Entry(3, 10, b"x"),), 9, 4),
        Forward(9, Kind.READ, b"query"),
        Forwarded(9, "ok", b"answer", 3, 3),
    ]
    good = encode_peer_message(data.draw(st.sampled_from(messages)))
    at = data.draw(st.integers(0, len(good) - 1))
    damaged = good[:at] + bytes([data.draw(st.integers(0, 255))]) + good[at + 1 :]
    try:
        message = decode_peer_message(damaged)
    except FrameInvalid:
        return
    assert decode_peer_message(encode_peer_message(message)) == message


# Hellos.


def test_two_members_of_a_cluster_welcome_each_other() -> None:
    met = Acquaintances()
    met.meet("n2", 4)

    said = answer(ME, decode_hello(body_of(HER.hello())), met)

    assert said == Welcome(1, "c1", "n1", 3, known_boot=4)
    assert judge_answer(HER, "n1", decode_answer(body_of(said)), Acquaintances()) == said


def test_the_highest_common_version_is_used_and_none_is_refused_by_name() -> None:
    both = answer(ME, Hello((1, 2, 9), "c1", "n2", 5), Acquaintances())
    none = answer(ME, Hello((2, 9), "c1", "n2", 5), Acquaintances())

    assert isinstance(both, Welcome)
    assert both.version == 1
    assert isinstance(none, Refusal)
    assert "n1 speaks versions 1 of the peer protocol and n2 speaks 2, 9" in none.why


@pytest.mark.parametrize(
    "hello, why",
    [
        (Hello((1,), "c2", "n2", 5), "n2 belongs to cluster c2 and n1 to c1"),
        (Hello((1,), "c1", "n1", 5), "n1 is this node's own id"),
        (Hello((1,), "c1", "n2", 4), "n2 calls in its boot 4 and was met in boot 5 already"),
    ],
    ids=["cluster", "own id", "lower boot"],
)
def test_strangers_are_refused_and_told_why(hello: Hello, why: str) -> None:
    met = Acquaintances()
    met.meet("n2", 5)

    said = answer(ME, hello, met)

    assert isinstance(said, Refusal)
    assert why in said.why
    with pytest.raises(HandshakeRefused, match="n1 says: "):
        judge_answer(HER, "n1", said, Acquaintances())


def test_who_is_in_no_configuration_known_here_is_heard() -> None:
    assert isinstance(answer(ME, Hello((1,), "c1", "n9", 1), Acquaintances()), Welcome)


def test_who_was_removed_is_told_so_and_nothing_else() -> None:
    said = answer(ME, HER.hello(), Acquaintances(), has_left=lambda node: node == "n2")

    assert said == Refusal("n2 was removed from this cluster", removed=True)
    with pytest.raises(MemberRemoved, match="n2 was removed from its cluster"):
        judge_answer(HER, "n1", decode_answer(body_of(said)), Acquaintances())


def test_hellos_of_before_they_grew_are_understood() -> None:
    hello = msgspec.msgpack.encode(["hello", [1], "c1", "n2", 5])
    welcome = msgspec.msgpack.encode(["welcome", 1, "c1", "n1", 3, 0])
    refusal = msgspec.msgpack.encode(["refusal", "go away"])

    assert decode_hello(hello) == Hello((1,), "c1", "n2", 5, address="")
    assert decode_answer(welcome) == Welcome(1, "c1", "n1", 3, 0, empty=False)
    assert decode_answer(refusal) == Refusal("go away", removed=False)


def test_the_same_boot_may_call_again_and_a_higher_one_may_follow() -> None:
    met = Acquaintances()
    met.meet("n2", 5)
    for boot in (5, 6):
        assert isinstance(answer(ME, Hello((1,), "c1", "n2", boot), met), Welcome)


def test_whoever_names_many_ids_makes_a_node_forget_none_that_it_meets_again() -> None:
    met = Acquaintances()
    met.meet("n2", 5)
    for number in range(2 * KNOWN_MAX):
        met.meet(f"stranger-{number}", 1)
        met.meet("n2", 5)

    assert met.boot_of("n2") == 5
    assert met.boot_of("stranger-0") == 0


def test_a_founder_that_asks_is_told_in_which_boot_it_was_met() -> None:
    met = Acquaintances()
    met.meet("n2", 5)
    said = answer(ME, Hello((1,), "c1", "n2", ASKING), met)
    assert isinstance(said, Welcome)
    assert said.known_boot == 5


@pytest.mark.parametrize(
    "said, why",
    [
        (Welcome(1, "c1", "n3", 1, 0), "at the address of n2 answers n3"),
        (Welcome(1, "c2", "n2", 1, 0), "n2 belongs to cluster c2"),
        (Welcome(7, "c1", "n2", 1, 0), "n2 chose version 7"),
        (Welcome(1, "c1", "n2", 2, 0), "n2 calls in its boot 2 and was met in boot 4"),
    ],
    ids=["another node", "another cluster", "unasked version", "lower boot"],
)
def test_the_caller_judges_who_answers(said: Welcome, why: str) -> None:
    met = Acquaintances()
    met.meet("n2", 4)
    with pytest.raises(HandshakeRefused, match=why):
        judge_answer(ME, "n2", said, met)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc0",
        b"\x95\xa5hello\x91\x01",
        body_of(Refusal("no")),
        b"\x95\xa5hello\x91\x01\xa2c1\xa2\xff\xfe\x01",
    ],
    ids=["nothing", "nil", "cut short", "another frame", "no text"],
)
def test_what_is_no_hello_is_named_so(body: bytes) -> None:
    with pytest.raises(FrameInvalid, match="the first frame is no hello"):
        decode_hello(body)


def test_a_first_frame_that_nests_too_deep_is_refused() -> None:
    with pytest.raises(FrameInvalid, match="the first frame is no hello"):
        decode_hello(with_another_field(body_of(HER.hello()), NESTED))
    with pytest.raises(FrameInvalid, match="the answer to the hello cannot be read"):
        decode_answer(with_another_field(body_of(Refusal("no")), NESTED))


def test_a_first_frame_nested_as_deep_as_it_may_be_long_is_read_past_or_refused() -> None:
    nested = b"\x91" * 3_900 + b"\x00"
    with suppress(FrameInvalid):  # by Python 3.11
        assert decode_hello(with_another_field(body_of(HER.hello()), nested)) == HER.hello()


def test_an_answer_that_is_no_text_is_named_so() -> None:
    with pytest.raises(FrameInvalid, match="the answer to the hello cannot be read"):
        decode_answer(b"\x92\xa7refusal\xa2\xff\xfe")


def test_a_later_version_may_add_to_its_hello() -> None:
    fields = msgspec.msgpack.decode(body_of(HER.hello()))
    longer = msgspec.msgpack.encode([*fields, "new"])
    assert decode_hello(longer) == HER.hello()


def test_a_chunk_knows_of_any_damage_to_itself() -> None:
    chunk = sealed_chunk(3, 4, b"abc")
    assert is_whole(chunk)
    for damaged in (
        replace(chunk, number=4),
        replace(chunk, offset=5),
        replace(chunk, data=b"abd"),
        replace(chunk, seal=bytes(16)),
    ):
        assert not is_whole(damaged)


@pytest.mark.parametrize(
    "message",
    [
        SnapshotOffer(3, INSTALL, 5, bytes(31)),
        replace(sealed_chunk(1, 0, b"x"), data=bytes((256 << 10) + 1)),
        replace(sealed_chunk(1, 0, b"x"), data=b""),
        SnapshotAsk(-1),
    ],
)
def test_frames_of_snapshots_have_bounds(message: PeerMessage) -> None:
    with pytest.raises(FrameInvalid, match="a frame of a snapshot cannot be read"):
        decode_peer_message(encode_peer_message(message))


def test_a_snapshot_is_offered_with_nothing_but_its_request() -> None:
    other = PreVoteRequest("n1", 4, EntryId(1, 1))
    offer = SnapshotOffer(3, other, 5, bytes(32))  # type: ignore[arg-type]  # as a liar would
    with pytest.raises(FrameInvalid, match="an InstallSnapshotRequest was expected"):
        decode_peer_message(encode_peer_message(offer))
