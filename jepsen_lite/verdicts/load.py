"""*load*: enough was asked, and enough was broken, for the rest to mean something.

Its answer is never false: too little of either is the run's defect and not the system's.
"""

from __future__ import annotations

from typing import Final

from jepsen_lite.history import EventType, Operation
from jepsen_lite.nemeses import quorate_spans
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts.check import Check, listed
from jepsen_lite.verdicts.evidence import Evidence

NAME = "load"

OK_A_SECOND: Final = 50
ACKNOWLEDGED_MIN: Final = 500
LEADER_CHANGES_MIN: Final = 3


def check_load(evidence: Evidence) -> Check:
    """Count what went well while a quorum could talk, and what bit."""
    ending = evidence.ending
    spans = quorate_spans(evidence.faults, ending.nodes, ending.faults_begin_ns, ending.healed_ns)
    quorate = sum(span.end_ns - span.begin_ns for span in spans) / 1e9
    ended = [_ok_at(one) for one in evidence.history.operations]
    during = [
        at for at in ended if at is not None and ending.faults_begin_ns <= at <= ending.healed_ns
    ]
    acknowledged = sum(
        one.f != "read"
        and (at := _ok_at(one)) is not None
        and ending.faults_begin_ns <= at <= ending.healed_ns
        for one in evidence.history.operations
    )
    changes = sum(one.bit.new_leader is not None for one in evidence.faults)
    rate = len(during) / quorate if quorate else 0.0
    lacks = []
    if rate < OK_A_SECOND:
        lacks.append(f"{rate:.0f} ok a second while a quorum could talk, {OK_A_SECOND} are wanted")
    if acknowledged < ACKNOWLEDGED_MIN:
        lacks.append(
            f"{acknowledged} acknowledged changes during faults, {ACKNOWLEDGED_MIN} wanted"
        )
    if ending.unbitten:
        lacks.append(f"never bit: {', '.join(ending.unbitten)}")
    if changes < LEADER_CHANGES_MIN:
        lacks.append(f"{changes} changes of leader by a fault, {LEADER_CHANGES_MIN} are wanted")
    details = {
        "ok_during_faults": len(during),
        "acknowledged_during_faults": acknowledged,
        "quorate_seconds": round(quorate, 1),
        "leader_changes": changes,
    }
    if lacks and ending.full:
        return Check(NAME, Verdict.UNKNOWN, listed(lacks, 4), details)
    message = (
        f"{rate:.0f} ok a second in the {quorate:.0f} s in which a quorum could talk, "
        f"{acknowledged} acknowledged changes during faults, {changes} changes of leader"
    )
    return Check(NAME, Verdict.TRUE, message, details)


def _ok_at(operation: Operation) -> int | None:
    completion = operation.completion
    if completion is None or completion.type is not EventType.OK:
        return None
    return completion.time
