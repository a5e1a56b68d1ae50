"""Each demand on a run is missed where it is not met; hand-made runs of ten seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from jepsen_lite.cluster import Status, StatusSample
from jepsen_lite.history import Event, EventType, History, Operation
from jepsen_lite.models import KV
from jepsen_lite.nemeses import Bite, FaultRecord
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts import Demands, Ending, Evidence
from jepsen_lite.verdicts.load import check_load

SECOND = 1_000_000_000

MET = Demands(
    ok_a_second=10.0,
    ok_operations=80,
    acknowledged_changes=40,
    fault_seconds=6.0,
    leader_changes=3,
)
"""What the run below achieves, and little more."""


def operation(number: int, at: float, kind: EventType = EventType.OK) -> Operation:
    """Every other one changes something."""
    f = "write" if number % 2 else "read"
    ends = (
        Event(process=number, type=type_, f=f, key="k", value="v", time=int(at * SECOND), extra={})
        for type_ in (EventType.INVOKE, kind)
    )
    invoke, completion = ends
    return Operation(invoke=invoke, invoked_at=1, completion=completion, completed_at=2)


def fault(
    number: int, kind: str, begin: float, *, term: int | None, bit: bool = True
) -> FaultRecord:
    """Two seconds of *kind*, in which somebody came to lead *term*."""
    return FaultRecord(
        id=number,
        kind=kind,
        track="network",
        target=("n1",),
        nodes=(),
        links=(),
        begin_ns=int(begin * SECOND),
        end_ns=int((begin + 2) * SECOND),
        undo="",
        bit=Bite(new_leader="n2", new_term=term) if term else Bite(),
        did_bite=bit,
    )


FAULTS = (
    fault(1, "isolate-leader", 0.5, term=2),
    fault(2, "kill-leader", 3.0, term=3),
    fault(3, "pause-leader", 6.0, term=4),
)
OPERATIONS = tuple(operation(number, number / 10) for number in range(100))


INSTALLED = tuple(
    StatusSample(
        node=node,
        begin_ns=SECOND,
        end_ns=SECOND + 1,
        status=Status(
            id=node,
            boot=1,
            role="follower",
            term=1,
            commit_index=1,
            last_applied=1,
            ready=True,
            installs=1,
        ),
    )
    for node in ("n1", "n2", "n3")
)


def evidence(
    demands: Demands | None = MET,
    operations: tuple[Operation, ...] = OPERATIONS,
    faults: tuple[FaultRecord, ...] = FAULTS,
    **ending: Any,
) -> Evidence:
    return Evidence(
        folder=Path("nowhere"),
        ending=Ending(
            seed=1,
            nodes=("n1", "n2", "n3"),
            election_timeout=0.8,
            faults_seconds=10,
            faults_begin_ns=0,
            healed_ns=10 * SECOND,
            demands=demands,
            **ending,
        ),
        history=History(KV, (), operations),
        faults=faults,
        samples=INSTALLED,
        processes=(),
        proxy=None,
    )


def lacks(judged: Evidence) -> str:
    check = check_load(judged)
    assert check.valid is Verdict.UNKNOWN, check.message
    return check.message


def test_a_run_that_meets_what_is_demanded_is_true() -> None:
    check = check_load(evidence())

    assert check.valid is Verdict.TRUE, check.message
    assert check.details["leader_changes"] == 3
    assert check.details["fault_seconds"] == 6.0


@pytest.mark.parametrize(
    "demand,more",
    [
        ("ok_a_second", 10.1),
        ("ok_operations", 101),
        ("acknowledged_changes", 51),
        ("fault_seconds", 6.1),
        ("leader_changes", 4),
    ],
)
def test_each_demand_that_is_not_met_is_named(demand: str, more: float) -> None:
    told = lacks(evidence(msgspec.structs.replace(MET, **{demand: more})))

    assert told.startswith("only ")
    assert f"{more:g} are demanded" in told


@pytest.mark.parametrize(
    "kind,cause",
    [("isolate-leader", "a partition"), ("kill-leader", "a kill"), ("pause-leader", "a pause")],
)
def test_a_partition_a_kill_and_a_pause_must_each_change_the_leader(kind: str, cause: str) -> None:
    others = tuple(each for each in FAULTS if each.kind != kind)
    beside = fault(9, "one-way-in", 8.0, term=9)  # changes the leader too, but is no such cause

    assert lacks(evidence(faults=(*others, beside))).endswith(f"{cause} never changed the leader")


def test_one_change_of_leader_under_two_faults_is_one() -> None:
    twice = (*FAULTS[:2], fault(3, "pause-leader", 3.5, term=3))

    assert "only 2 times a fault changed the leader" in lacks(evidence(faults=twice))


def test_a_fault_that_did_not_bite_changed_nothing() -> None:
    vain = (*FAULTS[:2], fault(3, "pause-leader", 6.0, term=4, bit=False))

    told = lacks(evidence(faults=vain))
    assert "only 2 times a fault changed the leader" in told
    assert "a pause never changed the leader" in told


def test_a_kind_that_never_bit_is_named() -> None:
    assert lacks(evidence(unbitten=("kill-all",))) == "never bit: kill-all"


def test_what_was_not_acknowledged_is_no_load() -> None:
    unsure = tuple(operation(number, number / 10, EventType.INFO) for number in range(100))

    assert "only 0 operations were ok" in lacks(evidence(operations=unsure))


def test_only_the_time_in_which_a_quorum_could_talk_is_held_against_the_rate() -> None:
    all_paused = msgspec.structs.replace(FAULTS[2], nodes=("n1", "n2", "n3"))
    silent = tuple(one for one in OPERATIONS if not 6 <= one.completion.time / SECOND < 8)  # type: ignore[union-attr]

    check = check_load(evidence(operations=silent, faults=(*FAULTS[:2], all_paused)))

    assert check.valid is Verdict.TRUE, check.message
    assert check.details["quorate_seconds"] == 8.0


def test_what_was_acknowledged_where_no_quorum_could_talk_does_not_help_the_rate() -> None:
    all_paused = msgspec.structs.replace(FAULTS[2], nodes=("n1", "n2", "n3"))

    assert check_load(evidence(faults=(*FAULTS[:2], all_paused))).details["ok_a_second"] == 10.0


def test_a_schedule_that_was_cut_short_proves_nothing_whatever_was_demanded() -> None:
    told = lacks(evidence(None, cut_short="after 10 s n3 is down"))

    assert told == "the schedule was cut short: after 10 s n3 is down"


def test_a_short_run_must_achieve_its_share_and_need_not_deal_the_deck() -> None:
    half = Demands.of(30.0)

    assert (half.ok_operations, half.acknowledged_changes, half.fault_seconds) == (1000, 250, 22.5)
    assert (half.leader_changes, half.whole_deck) == (0, False)
    assert Demands.of(60.0) == Demands() == Demands.of(90.0)
