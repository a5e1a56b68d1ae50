from hashlib import sha256

import pytest

from huffleraft.codec.digest import digest


def test_an_empty_state_hashes_the_header_alone() -> None:
    assert digest([], []) == sha256(b"huffleraft state 1\n").digest()


def test_the_hashed_bytes_are_as_written_down() -> None:
    rows = [("ä".encode(), b"v", 2, 9)]
    sessions = [(3, 1, 9, b"ok")]
    written = (
        b"huffleraft state 1\n"
        + bytes.fromhex("72 00000002 00000001 0000000000000002 0000000000000009")
        + "ä".encode()
        + b"v"
        + bytes.fromhex("73 0000000000000003 0000000000000001 0000000000000009 00000002")
        + b"ok"
    )
    assert digest(rows, sessions) == sha256(written).digest()


def test_every_field_counts() -> None:
    states = [
        ([(b"k", b"v", 1, 1)], []),
        ([(b"l", b"v", 1, 1)], []),
        ([(b"k", b"w", 1, 1)], []),
        ([(b"k", b"v", 2, 1)], []),
        ([(b"k", b"v", 1, 2)], []),
        ([(b"kv", b"", 1, 1)], []),
        ([], [(1, 1, 1, b"r")]),
        ([], [(2, 1, 1, b"r")]),
        ([], [(1, 2, 1, b"r")]),
        ([], [(1, 1, 2, b"r")]),
        ([], [(1, 1, 1, b"s")]),
    ]
    assert len({digest(rows, sessions) for rows, sessions in states}) == len(states)


def test_rows_and_sessions_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="rising key order"):
        digest([(b"b", b"", 1, 1), (b"a", b"", 1, 1)], [])
    with pytest.raises(ValueError, match="rising key order"):
        digest([(b"a", b"", 1, 1), (b"a", b"", 1, 1)], [])
    with pytest.raises(ValueError, match="rising order"):
        digest([], [(2, 1, 1, b""), (1, 1, 1, b"")])


def test_key_order_is_that_of_utf8_bytes() -> None:
    keys = sorted(["z", "ä", "\uffff", "\U0001f511"])
    assert len(digest([(key.encode(), b"", 1, 1) for key in keys], [])) == 32
