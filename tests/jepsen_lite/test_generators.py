"""Chance that can be told again: one seed, many dice."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from jepsen_lite.generators import between, decks, dice, mix

SEEDS = st.integers(0, 2**64)


@given(SEEDS, st.text(max_size=8))
def test_the_same_seed_and_path_throw_the_same(seed: int, path: str) -> None:
    assert dice(seed, path).random() == dice(seed, path).random()


def test_paths_under_one_seed_are_dice_of_their_own() -> None:
    throws = {dice(7, *path).random() for path in [(), ("a",), ("b",), ("a", "b"), ("ab",)]}
    assert len(throws) == 5


def test_dice_are_the_same_on_every_machine() -> None:
    assert dice(7, "network").getrandbits(32) == 622_862_864


@given(SEEDS, st.integers(1, 8))
def test_every_deck_holds_everything_once(seed: int, size: int) -> None:
    for deck in islice(decks(range(size), dice(seed)), 5):
        assert sorted(deck) == list(range(size))


@given(SEEDS)
def test_a_mix_never_draws_what_has_no_weight(seed: int) -> None:
    drawn = set(islice(mix({"read": 3, "write": 1, "never": 0}, dice(seed)), 200))
    assert drawn == {"read", "write"}


@given(SEEDS)
def test_between_stays_between(seed: int) -> None:
    assert all(1 <= number <= 2 for number in islice(between(1, 2, dice(seed)), 50))
