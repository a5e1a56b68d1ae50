"""What a node may come back with less of after a crash, and what never."""

from __future__ import annotations

import pytest

from jepsen_lite.cluster import Status, StatusSample
from jepsen_lite.verdicts.floors import falls


def poll(
    at: int, term: int, *, until: int = 0, role: str = "follower", boot: int = 1, **marks: int
) -> StatusSample:
    """n1, asked from *at* until *until*, or for one tick, says this."""
    status = Status(
        id="n1",
        boot=boot,
        role=role,
        term=term,
        commit_index=marks.get("commit", 0),
        last_applied=marks.get("applied", 0),
        ready=True,
    )
    return StatusSample(node="n1", begin_ns=at, end_ns=until or at + 1, status=status)


def test_a_term_that_was_only_followed_may_be_lost_in_a_crash() -> None:
    assert falls("n1", [poll(1, 7), poll(5, 6, boot=2), poll(7, 6, boot=2)]) == []


def test_a_term_that_was_led_may_not_be_lost_in_a_crash() -> None:
    later = poll(5, 6, boot=2)

    assert falls("n1", [poll(1, 7, role="leader"), later]) == [
        "n1 led term 7 and was in term 6 later"
    ]


def test_a_led_term_is_remembered_over_several_boots() -> None:
    samples = [poll(1, 7, role="leader"), poll(3, 7, boot=2), poll(5, 6, boot=3)]

    assert falls("n1", samples) == ["n1 led term 7 and was in term 6 later"]


@pytest.mark.parametrize(
    "before,after,what",
    [
        ({"term": 7}, {"term": 6}, "term 7 to 6"),
        ({"term": 7, "commit": 9}, {"term": 7, "commit": 8}, "commit 9 to 8"),
        ({"term": 7, "applied": 9}, {"term": 8, "applied": 8}, "applied 9 to 8"),
    ],
)
def test_within_a_boot_nothing_falls(
    before: dict[str, int], after: dict[str, int], what: str
) -> None:
    assert falls("n1", [poll(1, **before), poll(3, **after)]) == [f"n1 fell from {what} in boot 1"]  # type: ignore[arg-type]


def test_after_a_crash_commit_and_applied_begin_anew() -> None:
    again = [poll(at, 7, boot=2) for at in (3, 5)]

    assert falls("n1", [poll(1, 7, commit=9, applied=9), *again]) == []


def test_a_boot_never_comes_again() -> None:
    assert falls("n1", [poll(1, 7, boot=3), poll(3, 7, boot=2)]) == [
        "n1 was in boot 3 and in boot 2 later"
    ]


def test_polls_that_overlap_are_not_compared() -> None:
    assert falls("n1", [poll(3, 7), poll(1, 6, until=9)]) == []
    assert falls("n1", [poll(3, 6), poll(1, 7, until=9)]) == []
