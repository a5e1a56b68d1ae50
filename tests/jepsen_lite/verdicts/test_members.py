"""Who belonged to the cluster, judged from polls: made-up runs in which members come and go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jepsen_lite.cluster import Status, StatusSample
from jepsen_lite.cluster.configuration import Configuration
from jepsen_lite.history import History
from jepsen_lite.models import KV
from jepsen_lite.nemeses import FaultRecord
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts import Check, Demands, Ending, Evidence
from jepsen_lite.verdicts.agreement import check_agreement
from jepsen_lite.verdicts.load import check_load, figures_of
from jepsen_lite.verdicts.members import check_members

SECOND = 1_000_000_000
FIRST, LESS, LAST = ("n1", "n2", "n3"), ("n1", "n2"), ("n1", "n2", "n4")


def shown(at: float, voters: tuple[str, ...], **said: Any) -> tuple[StatusSample, ...]:
    """All *voters* show themselves at *at*, in seconds."""
    begin = int(at * SECOND)
    return tuple(
        StatusSample(
            node=node,
            begin_ns=begin,
            end_ns=begin + 1,
            status=Status(
                id=node,
                boot=1,
                role="follower",
                term=1,
                commit_index=1,
                last_applied=1,
                ready=True,
                configuration=Configuration(voters=voters),
                **said,
            ),
        )
        for node in voters
    )


REPLACED = (*shown(1, FIRST), *shown(4, LESS), *shown(6, LAST))


def evidence(
    samples: tuple[StatusSample, ...] = REPLACED,
    nodes: tuple[str, ...] = LAST,
    faults: tuple[FaultRecord, ...] = (),
    demands: Demands | None = None,
    **ending: Any,
) -> Evidence:
    return Evidence(
        folder=Path("nowhere"),
        ending=Ending(
            seed=1,
            nodes=nodes,
            founders=FIRST,
            election_timeout=0.8,
            faults_seconds=10,
            faults_begin_ns=0,
            healed_ns=10 * SECOND,
            demands=demands,
            **ending,
        ),
        history=History(KV, (), ()),
        faults=faults,
        samples=samples,
        processes=(),
        proxy=None,
    )


def test_a_member_that_was_replaced_is_told() -> None:
    check = check_members(evidence(completed="let n4 join, since one was missing"))

    assert check.valid is Verdict.TRUE
    assert check.message == (
        "3 voters at first and 3 in the end; joined: n4; left: n3; after the heal: let n4 join, "
        "since one was missing"
    )


@pytest.mark.parametrize(
    "judged,wrong",
    [
        (evidence(nodes=FIRST), "in the end n1, n2, n4 vote, and the members are n1, n2, n3"),
        (evidence((*REPLACED, *shown(8, FIRST)), FIRST), "n3 votes again, and was removed"),
        (evidence(unfinished="after 30 s"), "a change was never completed: after 30 s"),
    ],
    ids=["others vote than shall", "a removed id votes again", "a change is left"],
)
def test_members_sees_what_must_not_be(judged: Evidence, wrong: str) -> None:
    check = check_members(judged)

    assert check.valid is Verdict.FALSE
    assert wrong in check.message


def test_where_no_status_tells_of_members_nothing_was_shown() -> None:
    assert check_members(evidence(())).valid is Verdict.UNKNOWN


def away(node: str, begin: float) -> FaultRecord:
    """*node* is killed at *begin* and does not come back."""
    return FaultRecord(
        id=1,
        kind="replace-member",
        track="members",
        target=(node,),
        nodes=(node,),
        links=(),
        begin_ns=int(begin * SECOND),
        end_ns=10 * SECOND,
        undo="",
    )


def test_a_quorum_is_counted_among_those_who_were_members_then() -> None:
    faults = (away("n1", 5.0), away("n3", 2.0))  # of n1, n2 alone there is none without n1

    figures = figures_of(evidence(faults=faults))

    assert figures["quorate_seconds"] == 9.0  # all but 5 to 6, when n4 was let in


def test_without_a_word_of_members_the_founders_are_counted() -> None:
    figures = figures_of(evidence((), faults=(away("n1", 5.0), away("n3", 2.0))))

    assert figures["quorate_seconds"] == 5.0


def test_a_whole_deck_is_unknown_if_a_member_of_the_end_installed_no_snapshot() -> None:
    wanted = Demands(
        ok_a_second=0, ok_operations=0, acknowledged_changes=0, fault_seconds=0, leader_changes=0
    )
    some = (*REPLACED, *shown(7, LAST, installs=1)[1:])

    check = check_load(evidence(some, demands=wanted))

    assert check.valid is Verdict.UNKNOWN
    assert "never installed a snapshot: n1" in check.message
    all_ = (*REPLACED, *shown(7, LAST, installs=1))
    assert "snapshot" not in check_load(evidence(all_, demands=wanted)).message


def agreement(*nodes: str, of: tuple[str, ...]) -> Check:
    """The check of a run whose members are *of* in the end, after *nodes* told one hash."""
    told = shown(8, nodes, hash="aa", hash_index=5)
    return check_agreement(evidence((*REPLACED, *told), of))


def test_agreement_asks_the_members_of_the_end_and_not_the_founders() -> None:
    assert agreement("n1", "n2", "n4", of=LAST).valid is Verdict.TRUE
    assert agreement("n1", "n2", "n3", of=LAST).valid is Verdict.UNKNOWN
