"""When was anything broken, and when could a quorum talk?

By the journal of faults, and by who the members were.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from huffleraft.core.quorum import majority
from jepsen_lite.cluster.configuration import Membership
from jepsen_lite.nemeses.journal import FaultRecord
from jepsen_lite.proxy import Link


@dataclass(frozen=True, slots=True)
class Span:
    """From *begin_ns* until just before *end_ns*."""

    begin_ns: int
    end_ns: int


def is_quorate(active: Iterable[FaultRecord], nodes: Sequence[str]) -> bool:
    """Whether some node that runs can talk both ways with enough others to lead a quorum."""
    faults = tuple(active)
    away = {node for fault in faults for node in fault.nodes}
    standing = [node for node in nodes if node not in away]

    def can_talk(one: str, other: str) -> bool:
        both = (Link(one, other), Link(other, one))
        return one == other or not any(fault.cuts(link) for fault in faults for link in both)

    return any(
        sum(can_talk(leader, node) for node in standing) >= majority(len(nodes))
        for leader in standing
    )


def faulty_spans(faults: Iterable[FaultRecord], begin_ns: int, end_ns: int) -> tuple[Span, ...]:
    """The parts of begin to end in which any of *faults* was on, apart, in order."""
    spans: list[Span] = []
    for fault in sorted(faults, key=lambda fault: fault.begin_ns):
        begin = max(fault.begin_ns, begin_ns)
        end = min(end_ns if fault.end_ns is None else fault.end_ns, end_ns)
        if spans and begin <= spans[-1].end_ns:
            spans[-1] = Span(spans[-1].begin_ns, max(end, spans[-1].end_ns))
        elif begin < end:
            spans.append(Span(begin, end))
    return tuple(spans)


def quorate_spans(
    faults: Iterable[FaultRecord], members: Sequence[Membership], begin_ns: int, end_ns: int
) -> tuple[Span, ...]:
    """The parts of begin to end in which a quorum could talk, apart from each other, in order.

    *members* says who voted from when on, the first of them from the beginning.  A leader may still
    have to be elected at the beginning of each part.
    """
    records = tuple(faults)
    moments = {begin_ns, end_ns, *(one.since_ns for one in members)}
    for fault in records:
        moments |= {fault.begin_ns, end_ns if fault.end_ns is None else fault.end_ns}
    inside = sorted(moment for moment in moments if begin_ns <= moment <= end_ns)
    spans: list[Span] = []
    for begin, end in pairwise(inside):
        voters = _voters_at(begin, members)
        if not is_quorate((fault for fault in records if fault.is_on(begin)), voters):
            continue
        if spans and spans[-1].end_ns == begin:
            spans[-1] = Span(spans[-1].begin_ns, end)
        else:
            spans.append(Span(begin, end))
    return tuple(spans)


def _voters_at(time_ns: int, members: Sequence[Membership]) -> tuple[str, ...]:
    known = [one.voters for one in members if one.since_ns <= time_ns]
    return known[-1] if known else members[0].voters
