"""Batches of entries as bytes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huffleraft.codec.entries import ENTRIES_MAX, pack_entries, unpack_entries
from huffleraft.codec.fields import NUMBER_MAX
from huffleraft.core.log import Entry
from huffleraft.errors import FrameInvalid
from tests.codec.strategies import batches


@given(batches(7, 1, NUMBER_MAX))
def test_a_batch_survives_packing(entries: tuple[Entry, ...]) -> None:
    assert unpack_entries(7, pack_entries(entries)) == entries


@given(st.binary(max_size=100))
def test_random_bytes_raise_frame_invalid_or_are_a_batch(blob: bytes) -> None:
    with suppress(FrameInvalid):
        entries = unpack_entries(1, blob)
        assert unpack_entries(1, pack_entries(entries)) == entries


def test_a_batch_may_hold_so_many_entries_and_no_more() -> None:
    entries = tuple(Entry(1, 1 + i, b"") for i in range(ENTRIES_MAX))
    assert unpack_entries(1, pack_entries(entries)) == entries
    more = (*entries, Entry(1, ENTRIES_MAX + 1, b""))
    with pytest.raises(FrameInvalid, match="of length <= 65536"):
        unpack_entries(1, pack_entries(more))


def test_an_entry_of_term_zero_cannot_be() -> None:
    with pytest.raises(FrameInvalid, match="entry 5 has term 0"):
        unpack_entries(5, pack_entries((Entry(0, 5, None),)))
