"""What the figures of the kills say, and that they hold against them what they must."""

from __future__ import annotations

import pytest

from jepsen_lite.kills import Outcome, Tally


def tally(acknowledged: int, in_doubt: int, version: int | None, value: bytes | None) -> Tally:
    return Tally("k", acknowledged=acknowledged, in_doubt=in_doubt, version=version, value=value)


@pytest.mark.parametrize(
    "one",
    [
        tally(3, 0, 3, b"3"),
        tally(3, 1, 3, b"3"),
        tally(3, 1, 4, b"4"),
        tally(0, 1, 0, None),
        tally(0, 1, 1, b"1"),
    ],
)
def test_every_acknowledged_set_and_perhaps_the_one_in_doubt_is_there(one: Tally) -> None:
    assert (one.lost, one.repeated, one.holds_another) == (0, 0, False)
    assert Outcome([one]).holds


@pytest.mark.parametrize(
    "one,what",
    [
        (tally(3, 1, 2, b"2"), "1 lost, 0 ran twice, 1 keys with a wrong value"),
        (tally(3, 0, 4, b"3"), "0 lost, 1 ran twice, 0 keys with a wrong value"),
        (tally(3, 1, 5, b"4"), "0 lost, 1 ran twice, 0 keys with a wrong value"),
        (tally(3, 0, 3, b"2"), "0 lost, 0 ran twice, 1 keys with a wrong value"),
        (tally(3, 0, 0, None), "3 lost, 0 ran twice, 1 keys with a wrong value"),
    ],
)
def test_a_lost_a_repeated_and_a_misplaced_set_are_each_counted(one: Tally, what: str) -> None:
    outcome = Outcome([tally(1, 0, 1, b"1"), one])

    assert str(outcome).endswith(what)
    assert not outcome.holds


def test_what_could_not_be_read_is_not_called_lost_and_proves_nothing() -> None:
    outcome = Outcome([tally(3, 0, None, None)], stalled="k could not be read")

    assert "0 lost, 0 ran twice, 0 keys" in str(outcome)
    assert not outcome.holds


def test_kills_without_load_prove_nothing() -> None:
    assert not Outcome([tally(3, 0, 3, b"3")], cycles=4).holds
