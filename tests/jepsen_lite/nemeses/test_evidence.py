"""What counts as a bite, and what only looks like one."""

from __future__ import annotations

from signal import SIGABRT, SIGKILL

import pytest
from msgspec.structs import replace

from jepsen_lite.cluster import Status, StatusSample
from jepsen_lite.nemeses import (
    Bite,
    Change,
    Cut,
    Delay,
    Fault,
    Join,
    Kill,
    Pause,
    RemoveLeader,
    Replace,
)
from jepsen_lite.nemeses.evidence import (
    bytes_held,
    change_of_leader,
    has_bitten,
    has_moved,
    is_behind,
)
from jepsen_lite.proxy import Link, LinkReport, ProxyReport

LINK = Link("n1", "n2")
REPLACED = Bite(
    gone={"n1": -SIGKILL},
    removed="n1",
    joined="n6",
    voters=("n2", "n6"),
    meanwhile=("halves",),
)


@pytest.mark.parametrize(
    "fault,bite,bit",
    [
        (Kill(("n1",)), Bite(gone={"n1": -SIGKILL}), True),
        (Kill(("n1",)), Bite(gone={"n1": -SIGABRT}), False),
        (Kill(("n1", "n2")), Bite(gone={"n1": -SIGKILL}), False),
        (Kill(("n1",)), Bite(), False),
        (Pause(("n1",)), Bite(stood_still=("n1",)), True),
        (Pause(("n1", "n2")), Bite(stood_still=("n1",)), False),
        (Cut((LINK,)), Bite(bytes_held=1), True),
        (Cut((LINK,)), Bite(bytes_held=0), False),
        (Cut((LINK,)), Bite(), False),
        (Delay(((LINK, 0.1),)), Bite(bytes_delayed=1), True),
        (Delay(((LINK, 0.1),)), Bite(bytes_delayed=0), False),
    ],
)
def test_a_fault_bit_if_everything_it_was_meant_for_felt_it(
    fault: Fault, bite: Bite, bit: bool
) -> None:
    assert has_bitten(fault, bite, unseats=False) is bit
    assert has_bitten(fault, bite, unseats=True) is False


def test_what_was_aimed_at_the_leader_needs_a_new_one() -> None:
    bite = Bite(bytes_held=1, new_leader="n2", new_term=3, old_term=2)
    assert has_bitten(Cut((LINK,)), bite, unseats=True)
    assert not has_bitten(Kill(("n1",)), bite, unseats=True)


LEFT = Bite(gone={"n1": 19}, removed="n1", voters=("n2",), new_leader="n2", new_term=3, old_term=2)


@pytest.mark.parametrize(
    "change,bite,bit",
    [
        (Replace("n1"), REPLACED, True),
        (Replace("n1"), replace(REPLACED, gone={"n1": 19}), False),
        (Replace("n1"), replace(REPLACED, voters=("n1", "n2", "n6")), False),
        (Replace("n1"), replace(REPLACED, voters=("n2",)), False),
        (Replace("n1"), replace(REPLACED, joined=None), False),
        (Replace("n1"), replace(REPLACED, meanwhile=None), False),
        (Join(), Bite(joined="n6", voters=("n1", "n6")), True),
        (Join(), Bite(joined="n6", voters=("n1",)), False),
        (Join(), Bite(voters=("n1",)), False),
        (RemoveLeader("n1"), LEFT, True),
        (RemoveLeader("n1"), replace(LEFT, gone={"n1": -9}), False),
        (RemoveLeader("n1"), replace(LEFT, new_leader=None), False),
        (RemoveLeader("n1"), replace(LEFT, removed=None), False),
    ],
)
def test_a_change_of_members_bit_if_a_majority_of_the_new_voters_showed_it(
    change: Change, bite: Bite, bit: bool
) -> None:
    assert has_moved(change, bite) is bit


def test_who_is_to_fall_behind_has_done_so_once_the_log_that_it_needs_is_gone() -> None:
    held = Bite(bytes_held=1)
    assert not has_bitten(Cut((LINK,)), held, outdates=("n2",))
    assert has_bitten(Cut((LINK,)), replace(held, behind=("n2",)), outdates=("n2",))
    assert not is_behind(log_of("n2", 1, 9), log_of("n1", 10, 30))
    assert is_behind(log_of("n2", 1, 9), log_of("n1", 11, 30))
    assert not is_behind(log_of("n2", 1, 20), log_of("n1", 11, 30))
    silent = StatusSample(node="n3", begin_ns=1, end_ns=2, error="no answer")
    assert not is_behind(None, log_of("n1", 11, 30))
    assert not is_behind(log_of("n2", 1, 9), silent)


def log_of(node: str, first: int, last: int) -> StatusSample:
    status = Status(
        id=node,
        boot=1,
        role="leader",
        term=1,
        commit_index=1,
        last_applied=1,
        ready=True,
        first_index=first,
        last_index=last,
    )
    return StatusSample(node=node, begin_ns=1, end_ns=2, status=status)


def sample(node: str, term: int, role: str, begin_ns: int) -> StatusSample:
    status = Status(
        id=node, boot=1, role=role, term=term, commit_index=1, last_applied=1, ready=True
    )
    return StatusSample(node=node, begin_ns=begin_ns, end_ns=begin_ns + 1, status=status)


def test_a_change_is_another_leader_in_a_higher_term_seen_after_the_fault_began() -> None:
    samples = [
        sample("n2", 9, "leader", 1),
        sample("n1", 6, "leader", 10),
        sample("n3", 6, "follower", 11),
        sample("n2", 5, "leader", 12),
        StatusSample(node="n4", begin_ns=13, end_ns=14, error="no answer"),
        sample("n3", 6, "leader", 15),
        sample("n4", 7, "leader", 16),
    ]
    change = change_of_leader(samples, since_ns=5, old_term=5, struck=("n1",))
    assert change is not None
    assert (change.leader, change.term, change.seen_ns) == ("n3", 6, 16)
    assert change_of_leader(samples[:5], since_ns=5, old_term=5, struck=("n1",)) is None


def test_only_bytes_that_came_during_the_fault_and_on_its_links_are_counted() -> None:
    def report(here: int, there: int) -> ProxyReport:
        links = (
            LinkReport(LINK, 0, 0, 0, here, 0),
            LinkReport(Link("n2", "n1"), 0, 0, 0, there, 0),
        )
        return ProxyReport(links, (), 0)

    assert bytes_held((LINK,), report(5, 0), report(7, 100)) == 2
