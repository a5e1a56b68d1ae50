"""*load*: enough was asked, and enough was broken, for the rest to mean something.

Its answer is never false: too little of either is the run's defect and not the system's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from jepsen_lite.clock import seconds
from jepsen_lite.cluster.configuration import installs
from jepsen_lite.history import EventType, Operation
from jepsen_lite.nemeses import Span, faulty_spans, quorate_spans
from jepsen_lite.nemeses.kinds import ISOLATE_LEADER, KILL_LEADER, PAUSE_LEADER
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts.check import Check, listed
from jepsen_lite.verdicts.demands import Demands
from jepsen_lite.verdicts.evidence import Evidence

NAME = "load"

UNSEATING: Final = {
    ISOLATE_LEADER.name: "a partition",
    KILL_LEADER.name: "a kill",
    PAUSE_LEADER.name: "a pause",
}
"""The kinds of fault that are there to change the leader."""


def check_load(evidence: Evidence) -> Check:
    """Compare what was done and broken with what was demanded of the run."""
    ending, figures = evidence.ending, figures_of(evidence)
    lacks = []
    if ending.cut_short:
        lacks.append(f"the schedule was cut short: {ending.cut_short}")
    elif ending.demands is not None:
        lacks += _too_little(ending.demands, figures)
        if ending.demands.whole_deck:
            lacks += _not_dealt(evidence)
    if lacks:
        return Check(NAME, Verdict.UNKNOWN, listed(lacks, 4), figures)
    message = (
        f"{figures['ok_operations']:g} operations were ok during {figures['fault_seconds']:g} s of "
        f"faults, {figures['ok_a_second']:g} a second while a quorum could talk; "
        f"{figures['acknowledged_changes']:g} of them changed something; faults changed the leader "
        f"{figures['leader_changes']:g} times"
    )
    if ending.demands is None:
        message = f"{message}; nothing was demanded of this schedule"
    elif not ending.demands.whole_deck:
        message = f"{message}; a short run, of which its share was demanded"
    return Check(NAME, Verdict.TRUE, message, figures)


def figures_of(evidence: Evidence) -> dict[str, float]:
    """What is compared with the demands, under their names."""
    ending, faults = evidence.ending, evidence.faults
    window = (ending.faults_begin_ns, ending.healed_ns)
    quorate = quorate_spans(faults, evidence.memberships(), *window)
    answered = [
        (one, at)
        for one in evidence.history.operations
        if (at := _ok_at(one)) is not None and window[0] <= at <= window[1]
    ]
    while_quorate = sum(_is_in(at, quorate) for _, at in answered)
    changes = {one.bit.new_term for one in faults if one.did_bite and one.bit.new_term is not None}
    return {
        "ok_a_second": round(while_quorate / (_length(quorate) or 1.0), 1),
        "ok_operations": len(answered),
        "acknowledged_changes": sum(one.f != "read" for one, _ in answered),
        "fault_seconds": round(_length(faulty_spans(faults, *window)), 1),
        "leader_changes": len(changes),
        "quorate_seconds": round(_length(quorate), 1),
    }


_WORDS: Final = {
    "ok_a_second": "operations a second were ok while a quorum could talk",
    "ok_operations": "operations were ok during faults",
    "acknowledged_changes": "changes were acknowledged during faults",
    "fault_seconds": "seconds had a fault in them",
    "leader_changes": "times a fault changed the leader",
}


def _too_little(demands: Demands, figures: dict[str, float]) -> list[str]:
    return [
        f"only {figures[name]:g} {what}, {getattr(demands, name):g} are demanded"
        for name, what in _WORDS.items()
        if figures[name] < getattr(demands, name)
    ]


def _not_dealt(evidence: Evidence) -> list[str]:
    """What never bit: kinds of fault, causes of a change of leader, the need of a snapshot."""
    lacks = []
    if evidence.ending.unbitten:
        lacks.append(f"never bit: {', '.join(evidence.ending.unbitten)}")
    caused = {
        one.kind for one in evidence.faults if one.did_bite and one.bit.new_leader is not None
    }
    installed = installs(evidence.samples)
    without = [node for node in evidence.ending.nodes if not installed.get(node)]
    if without:
        lacks.append(f"never installed a snapshot: {', '.join(without)}")
    lacks += [f"{what} never changed the leader" for kind, what in UNSEATING.items()
              if kind not in caused]  # fmt: skip
    return lacks


def _ok_at(operation: Operation) -> int | None:
    completion = operation.completion
    if completion is None or completion.type is not EventType.OK:
        return None
    return completion.time


def _is_in(time_ns: int, spans: Iterable[Span]) -> bool:
    return any(span.begin_ns <= time_ns < span.end_ns for span in spans)


def _length(spans: Sequence[Span]) -> float:
    """How long they are together, in seconds."""
    return seconds(sum(span.end_ns - span.begin_ns for span in spans))
