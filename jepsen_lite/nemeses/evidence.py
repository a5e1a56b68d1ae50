"""Did it bite?  What was measured of a fault, and whether that is enough to count it.

A fault that nothing felt (a cut between nodes that said nothing, a pause of a process that had
ended) proves nothing about who survived it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from signal import SIGKILL
from typing import assert_never

from jepsen_lite.cluster import StatusSample
from jepsen_lite.nemeses.faults import Cut, Delay, Fault, Kill, Pause
from jepsen_lite.nemeses.journal import Bite
from jepsen_lite.proxy import Link, ProxyReport


@dataclass(frozen=True, slots=True)
class Change:
    """A node that was first seen to lead in a term above all before."""

    leader: str
    term: int
    seen_ns: int


def change_of_leader(
    samples: Sequence[StatusSample], *, since_ns: int, old_term: int, struck: Collection[str]
) -> Change | None:
    """The first sample after *since_ns* in which a node not *struck* leads above *old_term*."""
    for sample in samples:
        status = sample.status
        if (
            status is not None
            and sample.begin_ns >= since_ns
            and status.role == "leader"
            and status.term > old_term
            and sample.node not in struck
        ):
            return Change(sample.node, status.term, sample.end_ns)
    return None


def bytes_held(links: Iterable[Link], before: ProxyReport, after: ProxyReport) -> int:
    """How many bytes came to *links* while they were cut, between the two reports."""
    return sum(after.of(link).bytes_held - before.of(link).bytes_held for link in links)


def bytes_delayed(links: Iterable[Link], before: ProxyReport, after: ProxyReport) -> int:
    """How many bytes *links* made late, between the two reports."""
    return sum(after.of(link).bytes_delayed - before.of(link).bytes_delayed for link in links)


def has_bitten(fault: Fault, bite: Bite, *, unseats: bool) -> bool:
    """Whether *bite* proves that *fault* was felt, by every node that it was meant to take."""
    if unseats and bite.new_leader is None:
        return False
    match fault:
        case Kill(nodes):
            return bool(nodes) and bite.gone == dict.fromkeys(nodes, -SIGKILL)
        case Pause(nodes):
            return bool(nodes) and set(bite.stood_still or ()) == set(nodes)
        case Cut():
            return bool(bite.bytes_held)
        case Delay():
            return bool(bite.bytes_delayed)
        case _:
            assert_never(fault)
