"""What a user types becomes a value, or one sentence that says what was expected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huffleraft.cli.options import (
    Address,
    ElectionBounds,
    UnreadableError,
    parse_address,
    parse_advertised,
    parse_bootstrap,
    parse_election_ms,
    parse_node_id,
)
from huffleraft.errors import ConfigurationInvalid


@pytest.mark.parametrize(
    "text,host,port",
    [
        ("127.0.0.1:7201", "127.0.0.1", 7201),
        ("[::1]:0", "::1", 0),
        ("node-1.example.org:65535", "node-1.example.org", 65535),
        ("0.0.0.0:80", "0.0.0.0", 80),
    ],
)
def test_an_address_is_read_and_printed_as_it_was_typed(text: str, host: str, port: int) -> None:
    address = parse_address(text)

    assert address == Address(host, port)
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "7201", ":7201", "host", "host:", "host:x", "host:-1", "host:65536"),
        *("host:٣", "host: 1", "::1:7201", "[::1]", "[::1:7201", "[host]:7201", "[fe80::1%eth0]:1"),
        *("[127.0.0.1]:1", "a b:1", "http://host:1", "host/path:1", "-h:1", "h\n:1", "h\0:1"),
        "h" * 254 + ":1",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UnreadableError, match=r"is not an address: .*such as") as caught:
        parse_address(text)

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", ["0.0.0.0:7201", "[::]:7201", "[::ffff:0.0.0.0]:1", "127.0.0.1:0"])
def test_an_address_that_names_no_place_is_not_advertised(text: str) -> None:
    with pytest.raises(ConfigurationInvalid, match="cannot be advertised"):
        parse_advertised(text)


@pytest.mark.parametrize("text", ["n1", "A.b_c-9", "x" * 64])
def test_a_node_id_needs_no_quoting_anywhere(text: str) -> None:
    assert parse_node_id(text) == text


@pytest.mark.parametrize("text", ["", "x" * 65, "n 1", "n/1", "n1\n", "ü", "n=1", "n,1"])
def test_what_is_no_node_id_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError, match="is not a node id: expected 1 to 64 characters"):
        parse_node_id(text)


def test_founders_are_named_with_their_addresses() -> None:
    assert parse_bootstrap("n1=127.0.0.1:1, n2=[::1]:2") == {"n1": "127.0.0.1:1", "n2": "[::1]:2"}


@pytest.mark.parametrize(
    "text,error,words",
    [
        ("", UnreadableError, "does not name a founder"),
        ("n1", UnreadableError, "expected ID=HOST:PORT"),
        ("n1=a:1,", UnreadableError, "does not name a founder"),
        ("=a:1", UnreadableError, "is not a node id"),
        ("n1=a", UnreadableError, "is not an address"),
        ("n1=a:1,n1=b:1", ConfigurationInvalid, "n1 is named twice"),
        ("n1=a:1,n2=a:1", ConfigurationInvalid, "a:1 is given to two founders"),
        ("n1=0.0.0.0:1", ConfigurationInvalid, "cannot be advertised"),
    ],
)
def test_founders_that_cannot_be_are_refused(text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        parse_bootstrap(text)


def test_election_bounds_are_two_numbers_of_milliseconds() -> None:
    assert parse_election_ms("600-1200") == ElectionBounds(600, 1200)


@pytest.mark.parametrize("text", ["", "600", "600-", "-600", "a-b", "600 - 1200", "1e3-2e3"])
def test_what_are_no_election_bounds_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError, match=r"expected MIN-MAX in milliseconds"):
        parse_election_ms(text)


@given(text=st.text(max_size=200))
def test_no_text_at_all_is_answered_with_anything_but_a_value_or_a_sentence(text: str) -> None:
    for parse in (parse_address, parse_advertised, parse_bootstrap, parse_election_ms):
        answer: object
        try:
            answer = parse(text)
        except (UnreadableError, ConfigurationInvalid) as error:
            answer = error
        assert str(answer).isprintable()
