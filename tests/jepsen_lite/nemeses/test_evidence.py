"""What counts as a bite, and what only looks like one."""

from __future__ import annotations

from signal import SIGABRT, SIGKILL

import pytest

from jepsen_lite.cluster import Status, StatusSample
from jepsen_lite.nemeses import Bite, Cut, Delay, Fault, Kill, Pause
from jepsen_lite.nemeses.evidence import bytes_held, change_of_leader, has_bitten
from jepsen_lite.proxy import Link, LinkReport, ProxyReport

LINK = Link("n1", "n2")


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
