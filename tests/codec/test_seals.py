"""Seals tell any change from none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from huffleraft.codec.seals import SEAL_BYTES, chain, genesis, seal

VALUES = st.lists(st.one_of(st.none(), st.integers(0, 99), st.text(max_size=3), st.binary()))


@given(VALUES, VALUES)
def test_unlike_values_have_unlike_seals(
    one: list[int | str | bytes | None], other: list[int | str | bytes | None]
) -> None:
    assert (seal("row", *one) == seal("row", *other)) == (one == other)


def test_a_seal_knows_the_kind_of_thing_it_seals() -> None:
    assert seal("vote", 3, "n1") != seal("base", 3, "n1")
    assert len(seal("vote", 3, "n1")) == SEAL_BYTES


def test_a_link_of_the_chain_knows_its_place_and_all_before_it() -> None:
    begin = genesis("cluster", "n1")
    links = {
        chain(begin, 1, 2, b"batch"),
        chain(begin, 1, 3, b"batch"),
        chain(begin, 2, 2, b"batch"),
        chain(begin, 1, 2, b"match"),
        chain(genesis("cluster", "n2"), 1, 2, b"batch"),
        chain(genesis("other", "n1"), 1, 2, b"batch"),
    }
    assert len(links) == 6
