"""Commands, results, queries and answers as bytes: what goes in comes out, and nothing else."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from huffleraft.errors import FrameInvalid, InvalidKey
from huffleraft.kv.commands import Command, SessionStamp, Set, decode_command, encode_command
from huffleraft.kv.limits import INTEGER_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX, key_fault
from huffleraft.kv.queries import (
    Answer,
    Found,
    Get,
    Hashed,
    Listed,
    Missing,
    Page,
    Scan,
    StateHash,
    decode_answer,
    decode_query,
    encode_answer,
    encode_query,
)
from huffleraft.kv.results import (
    CasMismatch,
    Changed,
    Refused,
    Registered,
    Removed,
    Result,
    SequencePassed,
    SessionUnknown,
    as_replayed,
    decode_result,
    encode_result,
)
from tests.kv.logs import commands

Decode = Callable[[bytes], object]

DECODERS: tuple[Decode, ...] = (decode_command, decode_result, decode_query, decode_answer)

positive = st.integers(1, INTEGER_MAX)
blobs = st.binary(max_size=64)

results: st.SearchStrategy[Result] = st.one_of(
    st.builds(Changed, positive, positive, st.booleans()),
    st.builds(Removed, positive, st.booleans(), st.booleans()),
    st.builds(CasMismatch, blobs, positive, positive, positive, st.booleans()),
    st.builds(CasMismatch, st.none(), st.none(), positive, st.none()),
    st.builds(Registered, positive),
    st.just(SessionUnknown()),
    st.just(SequencePassed()),
    st.builds(Refused, st.text()),
)

answers: st.SearchStrategy[Answer] = st.one_of(
    st.builds(Found, blobs, positive, positive, positive),
    st.builds(Missing, st.integers(0, INTEGER_MAX)),
    st.builds(Hashed, st.binary(min_size=32, max_size=32), st.integers(0, INTEGER_MAX)),
    st.builds(Refused, st.text()),
)


@given(commands)
def test_a_command_comes_back_as_it_was(command: Command) -> None:
    assert decode_command(encode_command(command)) == command


@given(results)
def test_a_result_comes_back_as_it_was(result: Result) -> None:
    assert decode_result(encode_result(result)) == result


@given(answers)
def test_an_answer_comes_back_as_it_was(answer: Answer) -> None:
    assert decode_answer(encode_answer(answer)) == answer


@given(st.text(min_size=1).filter(lambda key: key_fault(key) is None))
def test_a_query_comes_back_as_it_was(key: str) -> None:
    assert decode_query(encode_query(Get(key))) == Get(key)
    assert decode_query(encode_query(StateHash())) == StateHash()
    for scan in (Scan("", "", 1, False), Scan(key, key, 1_000, True)):
        assert decode_query(encode_query(scan)) == scan


def test_the_largest_command_comes_back_as_it_was() -> None:
    command = Set(
        "k" * KEY_BYTES_MAX, bytes(VALUE_BYTES_MAX), SessionStamp(INTEGER_MAX, INTEGER_MAX)
    )
    assert decode_command(encode_command(command)) == command


def test_the_bytes_of_format_version_1_never_change() -> None:
    assert encode_command(
        Set("k", b"v", SessionStamp(7, 2))
    ).hex() == "01 94 00 a16b c40176 920702".replace(" ", "")
    assert encode_result(Changed(5, 3)).hex() == "01 94 00 05 03 c2".replace(" ", "")


# Hostile bytes.


def framed(fields: object) -> bytes:
    return b"\x01" + msgspec.msgpack.encode(fields)


BAD_COMMANDS = {
    "nothing": b"",
    "no version known": b"\x00" + encode_command(Set("k", b""))[1:],
    "a later version": b"\x02" + encode_command(Set("k", b""))[1:],
    "a version alone": b"\x01",
    "cut short": encode_command(Set("k", b"value"))[:-2],
    "one byte more": encode_command(Set("k", b"value")) + b"\x00",
    "no array": framed({"key": "k"}),
    "an unknown tag": framed([9, "k", b""]),
    "a field too many": framed([0, "k", b"", None, None]),
    "a field too few": framed([0, "k"]),
    "a value that is text": framed([0, "k", "text"]),
    "a key that is bytes": framed([0, b"k", b""]),
    "a key that is no UTF-8": b"\x01\x93\x00\xa1\xff\xc4\x00",
    "a key with a surrogate": b"\x01\x93\x00\xa3\xed\xa0\x80\xc4\x00",
    "an empty key": framed([0, "", b""]),
    "a long key": framed([0, "k" * (KEY_BYTES_MAX + 1), b""]),
    "a key long in bytes": framed([0, "ä" * (KEY_BYTES_MAX // 2 + 1), b""]),
    "a large value": framed([0, "k", bytes(VALUE_BYTES_MAX + 1)]),
    "sequence 0": framed([0, "k", b"", [1, 0]]),
    "session 0": framed([0, "k", b"", [0, 1]]),
    "a sequence beyond 63 bits": framed([0, "k", b"", [1, 1 << 63]]),
    "an array of four thousand million": b"\x01\xdd\xff\xff\xff\xff\x00",
    "a value of four thousand million": b"\x01\x93\x00\xa1k\xc6\xff\xff\xff\xff",
    "arrays in arrays in arrays": b"\x01" + b"\x91" * 100_000,
}


@pytest.mark.parametrize("payload", BAD_COMMANDS.values(), ids=BAD_COMMANDS.keys())
def test_bytes_that_are_no_command_are_refused_in_one_sentence(payload: bytes) -> None:
    with pytest.raises(FrameInvalid) as refused:
        decode_command(payload)
    assert "command" in refused.value.why
    assert "\n" not in str(refused.value)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"\x01" + tail))
@example(b"\x01\xc1")
def test_random_bytes_are_decoded_or_refused_by_name(data: bytes) -> None:
    for decode in DECODERS:
        try:
            decode(data)
        except FrameInvalid:
            continue


@given(st.data())
def test_a_damaged_command_is_refused_or_is_another_valid_one(data: st.DataObject) -> None:
    payload = bytearray(encode_command(data.draw(commands)))
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        command = decode_command(bytes(payload))
    except FrameInvalid:
        return
    assert decode_command(encode_command(command)) == command


def test_a_refusal_says_which_version_was_found_and_which_was_expected() -> None:
    with pytest.raises(FrameInvalid, match="format version 1 was expected, not version 7"):
        decode_command(b"\x07")


def test_only_a_kept_answer_can_be_replayed() -> None:
    with pytest.raises(FrameInvalid, match="kept answer"):
        as_replayed(encode_result(SequencePassed()))


def test_an_invalid_key_in_a_query_is_refused() -> None:
    with pytest.raises(FrameInvalid, match="a query's key is not valid"):
        decode_query(framed([0, "ä" * KEY_BYTES_MAX]))


def test_a_page_comes_back_whole() -> None:
    page = Page((Listed("a", 1, 2, b""), Listed("b", 3, 4, None)), "b", 9)
    assert decode_answer(encode_answer(page)) == page


def test_a_page_that_no_node_reads_is_refused_on_the_way_in_and_out() -> None:
    for limit in (0, 1_001, -1):
        with pytest.raises(ValueError, match="1 to 1000 keys are expected"):
            encode_query(Scan("", "", limit, False))
        with pytest.raises(FrameInvalid):
            decode_query(framed([2, "", "", limit, False]))
    with pytest.raises(InvalidKey):
        encode_query(Scan("a" * (KEY_BYTES_MAX + 1), "", 1, False))
    with pytest.raises(FrameInvalid, match="a query's key is not valid"):
        decode_query(framed([2, "", "ä" * KEY_BYTES_MAX, 1, False]))
