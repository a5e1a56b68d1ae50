"""Did it bite?  What was measured of a fault, and whether that is enough to count it.

A fault that nothing felt (a cut between nodes that said nothing, a pause of a process that had
ended) proves nothing about who survived it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from signal import SIGKILL
from typing import assert_never

import msgspec

from jepsen_lite.cluster import StatusSample
from jepsen_lite.cluster.process import LEFT
from jepsen_lite.nemeses.changes import Change, Join, RemoveLeader, Replace
from jepsen_lite.nemeses.faults import Cut, Delay, Fault, Kill, Pause
from jepsen_lite.nemeses.journal import Bite
from jepsen_lite.proxy import Link, ProxyReport


@dataclass(frozen=True, slots=True)
class NewLeader:
    """A node that was first seen to lead in a term above all before."""

    leader: str
    term: int
    seen_ns: int


def change_of_leader(
    samples: Sequence[StatusSample], *, since_ns: int, old_term: int, struck: Collection[str]
) -> NewLeader | None:
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
            return NewLeader(sample.node, status.term, sample.end_ns)
    return None


def with_new_leader(bite: Bite, new: NewLeader | None, *, old_term: int, begin_ns: int) -> Bite:
    """*bite*, and who came to lead since *begin_ns*, if anybody did."""
    if new is None:
        return bite
    return msgspec.structs.replace(
        bite,
        new_leader=new.leader,
        new_term=new.term,
        old_term=old_term,
        after_ms=(new.seen_ns - begin_ns) // 1_000_000,
    )


def bytes_held(links: Iterable[Link], before: ProxyReport, after: ProxyReport) -> int:
    """How many bytes came to *links* while they were cut, between the two reports."""
    return sum(after.of(link).bytes_held - before.of(link).bytes_held for link in links)


def bytes_delayed(links: Iterable[Link], before: ProxyReport, after: ProxyReport) -> int:
    """How many bytes *links* made late, between the two reports."""
    return sum(after.of(link).bytes_delayed - before.of(link).bytes_delayed for link in links)


def is_behind(node: StatusSample | None, leader: StatusSample | None) -> bool:
    """Whether *node*'s log ends before the one of *leader* begins: only a snapshot helps then."""
    if node is None or node.status is None or leader is None or leader.status is None:
        return False
    return node.status.last_index < leader.status.first_index - 1


def has_bitten(
    fault: Fault, bite: Bite, *, unseats: bool = False, outdates: Collection[str] = ()
) -> bool:
    """Whether *bite* proves that *fault* was felt, by every node that it was meant to take.

    One that *unseats* needs another leader; one that *outdates* nodes needs each of them behind.
    """
    if (unseats and bite.new_leader is None) or not set(outdates) <= set(bite.behind or ()):
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


def has_moved(change: Change, bite: Bite) -> bool:
    """Whether *bite* proves that *change* was carried out, and as hard as it was meant to be."""
    voters = set(bite.voters or ())
    came = bite.joined is not None and bite.joined in voters
    match change:
        case Replace(node):
            was_killed = bite.gone == {node: -SIGKILL}
            return (
                was_killed and bite.removed == node not in voters and came and bool(bite.meanwhile)
            )
        case Join():
            return came
        case RemoveLeader(node):
            has_left = bite.gone == {node: LEFT}
            return has_left and bite.removed == node not in voters and bite.new_leader is not None
        case _:
            assert_never(change)
