import pytest

from huffleraft.errors import InvalidKey, ValueTooLarge
from huffleraft.kv.commands import Cas, Command, Delete, SessionStamp, Set, encode_command
from huffleraft.kv.limits import KEY_BYTES_MAX, VALUE_BYTES_MAX, check_key, check_value
from huffleraft.kv.queries import Get, encode_query

HALF = KEY_BYTES_MAX // 2

BAD_KEYS = {
    "empty": "",
    "one byte too long": "k" * (KEY_BYTES_MAX + 1),
    "too long in bytes though not in characters": "ä" * HALF + "k",
    "a lone surrogate": "a\ud800",
}


@pytest.mark.parametrize(
    "key", ["k", "ä", "\x00", "a/b//c", "k" * KEY_BYTES_MAX, "ä" * HALF, "\U0001f511"]
)
def test_a_key_is_1_to_4096_bytes_of_utf8(key: str) -> None:
    check_key(key)


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_any_other_key_is_refused_before_anything_is_proposed(key: str) -> None:
    with pytest.raises(InvalidKey):
        check_key(key)
    with pytest.raises(InvalidKey):
        encode_query(Get(key))
    commands: list[Command] = [Set(key, b""), Delete(key), Cas(key, None, b"")]
    for command in commands:
        with pytest.raises(InvalidKey):
            encode_command(command)


def test_a_refused_key_says_how_long_it_is_and_how_long_it_may_be() -> None:
    with pytest.raises(InvalidKey, match=r"it has 4097 bytes and 4096 are allowed"):
        check_key("ä" * HALF + "k")


def test_a_key_given_as_bytes_is_refused() -> None:
    with pytest.raises(InvalidKey, match="bytes; give it as text"):
        check_key(b"k")  # type: ignore[arg-type]


def test_a_value_may_be_empty_and_may_have_1_mib() -> None:
    check_value(b"")
    check_value(bytes(VALUE_BYTES_MAX))


def test_a_larger_value_is_refused_wherever_it_stands() -> None:
    large = bytes(VALUE_BYTES_MAX + 1)
    commands: list[Command] = [Set("k", large), Cas("k", large, b""), Cas("k", b"", large)]
    for command in commands:
        with pytest.raises(ValueTooLarge) as refused:
            encode_command(command)
        assert (refused.value.size, refused.value.limit) == (1048577, 1048576)


def test_a_value_given_as_text_is_refused() -> None:
    with pytest.raises(TypeError, match="a value is bytes, not str"):
        check_value("text")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "stamp", [SessionStamp(0, 1), SessionStamp(1, 0), SessionStamp(1, 1 << 63)]
)
def test_a_stamp_counts_from_1_to_what_64_bits_hold(stamp: SessionStamp) -> None:
    with pytest.raises(ValueError, match=r"a stamp's (session|sequence) is"):
        encode_command(Set("k", b"", stamp))
