"""Who the members are, by what nodes show; made-up polls, in the order of their ends."""

from __future__ import annotations

from jepsen_lite.cluster import Status, StatusSample
from jepsen_lite.cluster.configuration import (
    Configuration,
    Membership,
    decided,
    installs,
    memberships,
)

FIVE = ("n1", "n2", "n3", "n4", "n5")
FOUR = ("n1", "n2", "n4", "n5")
WITH_N6 = ("n1", "n2", "n4", "n5", "n6")


def poll(
    node: str,
    at: int,
    voters: tuple[str, ...] | None,
    *,
    old: tuple[str, ...] = (),
    boot: int = 1,
    installs: int = 0,
    commit: int = 1,
) -> StatusSample:
    """What *node* says *at* some time of who belongs to the cluster."""
    status = Status(
        id=node,
        boot=boot,
        role="follower",
        term=1,
        commit_index=commit,
        last_applied=1,
        ready=True,
        configuration=None if voters is None else Configuration(voters=voters, old_voters=old),
        installs=installs,
    )
    return StatusSample(node=node, begin_ns=at, end_ns=at + 1, status=status)


def test_voters_are_known_once_a_majority_of_themselves_shows_them() -> None:
    told = [poll(node, 1, FIVE) for node in FIVE[:2]]
    assert decided(told) is None
    assert decided([*told, poll("n9", 1, FIVE)]) is None  # it is none of them
    assert decided([*told, poll("n3", 1, FIVE)]) == FIVE


def test_a_joint_configuration_decides_nothing_by_itself() -> None:
    assert decided([poll(node, 1, FOUR, old=FIVE) for node in FOUR]) is None


def test_of_words_of_different_ages_the_one_further_in_the_log_counts() -> None:
    old = [poll(node, 1, ("n1", "n2", "n3"), commit=5) for node in ("n2", "n3")]
    new = [poll(node, 2, ("n1", "n4", "n5"), commit=9) for node in ("n4", "n5")]
    assert decided([*old, *new]) == ("n1", "n4", "n5")


def test_the_story_of_a_member_that_was_replaced_has_three_parts() -> None:
    samples = [
        *(poll(node, 10, FIVE) for node in FIVE),
        poll("n1", 20, FOUR, old=FIVE),
        *(poll(node, 30, FOUR, commit=2) for node in FOUR[:3]),
        poll("n5", 31, FIVE),  # it was cut off, and has heard of nothing
        poll("n6", 40, None),
        *(poll(node, 50, WITH_N6, commit=3) for node in ("n1", "n6", "n2")),
        StatusSample(node="n1", begin_ns=60, end_ns=61, error="no answer"),
        poll("n5", 62, WITH_N6, commit=3),
    ]
    assert memberships(samples) == (
        Membership(11, FIVE),
        Membership(31, FOUR),
        Membership(51, WITH_N6),
    )


def test_where_no_status_tells_of_members_there_is_no_story() -> None:
    assert memberships([poll("n1", 1, None)]) == ()


def test_snapshots_are_counted_over_all_boots_of_a_node() -> None:
    samples = [
        poll("n1", 1, FIVE, installs=1),
        poll("n1", 2, FIVE, installs=2),
        poll("n1", 3, FIVE, installs=0, boot=2),
        poll("n1", 4, FIVE, installs=1, boot=2),
        poll("n2", 5, FIVE),
    ]
    assert installs(samples) == {"n1": 3, "n2": 0}
