"""One fault, for as long as a block lasts: journalled, inflicted, measured, undone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, assert_never

import msgspec

from jepsen_lite.nemeses.evidence import (
    NewLeader,
    bytes_delayed,
    bytes_held,
    change_of_leader,
    has_bitten,
    is_behind,
    with_new_leader,
)
from jepsen_lite.nemeses.faults import (
    Cut,
    Delay,
    Fault,
    Kill,
    Pause,
    cut_by,
    draw_fates,
    nodes_of,
    undoing,
)
from jepsen_lite.nemeses.journal import Bite, FaultRecord, Journal
from jepsen_lite.nemeses.kinds import Track
from jepsen_lite.proxy import Fate

if TYPE_CHECKING:
    from jepsen_lite.cluster import Cluster
    from jepsen_lite.proxy import Link, ProxyReport


@dataclass(slots=True)
class Standing:
    """A fault that is on.  `record` is what the journal has of it, and grows at its end."""

    record: FaultRecord
    old_term: int
    before: ProxyReport | None = None
    gone: dict[str, int] = field(default_factory=dict)
    stood_still: dict[str, bool] = field(default_factory=dict)


@asynccontextmanager
async def inflicted(
    fault: Fault,
    cluster: Cluster,
    journal: Journal,
    *,
    kind: str,
    dice: Random,
    target: Collection[str] = (),
    unseats: bool = False,
    outdates: bool = False,
) -> AsyncIterator[Standing]:
    """*fault* is on while the block lasts, and undone however it is left.

    *dice* draw, before anything happens, what the heal of a cut link does.  *unseats*: it has only
    bitten once a node that is no *target* leads in a higher term; *outdates*: once the log that a
    *target* would need is gone.  Raises ProxyFailed.
    """
    fates = draw_fates(fault, dice)
    record = FaultRecord(
        id=journal.next_id(),
        kind=kind,
        track=_track(fault).value,
        target=tuple(target) or nodes_of(fault),
        nodes=nodes_of(fault),
        links=tuple((link.source, link.target) for link in cut_by(fault)),
        begin_ns=cluster.now(),
        undo=undoing(fault, fates),
    )
    standing = Standing(record, cluster.term())
    journal.begin(record)
    try:
        await _strike(fault, cluster, standing)
        yield standing
    finally:
        change = successor(standing, cluster)
        behind = fell_behind(standing, cluster) if outdates else ()
        after = await _undo(fault, fates, cluster)
        bite = _measured(fault, standing, after, change)
        if behind:
            bite = msgspec.structs.replace(bite, behind=behind)
        standing.record = msgspec.structs.replace(
            record,
            end_ns=cluster.now(),
            bit=bite,
            did_bite=has_bitten(
                fault, bite, unseats=unseats, outdates=standing.record.target if outdates else ()
            ),
        )
        journal.end(standing.record)


def successor(standing: Standing, cluster: Cluster) -> NewLeader | None:
    """Who has come to lead, in a higher term, since the fault began; None if nobody was seen to."""
    return change_of_leader(
        cluster.samples,
        since_ns=standing.record.begin_ns,
        old_term=standing.old_term,
        struck=standing.record.target,
    )


def fell_behind(standing: Standing, cluster: Cluster) -> tuple[str, ...]:
    """Those that the fault is meant for whose log ends before the leader's begins."""
    leader = cluster.leader()
    if leader is None:
        return ()
    lead = cluster.latest(leader)
    return tuple(one for one in standing.record.target if is_behind(cluster.latest(one), lead))


async def heal_all(cluster: Cluster) -> None:
    """Undo whatever may be on: every link carries at once, every node runs.

    Raises ProxyFailed.  A node that will not start stands in `cluster.unexpected_ends`.
    """
    report = await cluster.proxy.report()
    links = tuple(entry.link for entry in report.links)
    await cluster.proxy.delay(dict.fromkeys(links, 0.0))
    await cluster.proxy.heal(dict.fromkeys(links, Fate.DELIVER))
    cluster.resume(cluster.nodes)
    await cluster.restart(cluster.nodes)


async def _strike(fault: Fault, cluster: Cluster, standing: Standing) -> None:
    match fault:
        case Kill(nodes):
            standing.gone = await cluster.kill(nodes)
        case Pause(nodes):
            standing.stood_still = await cluster.pause(nodes)
        case Cut(links):
            standing.before = await cluster.proxy.cut(links)
        case Delay(seconds):
            standing.before = await cluster.proxy.delay(dict(seconds))
        case _:
            assert_never(fault)


async def _undo(fault: Fault, fates: dict[Link, Fate], cluster: Cluster) -> ProxyReport | None:
    match fault:
        case Kill(nodes):
            await cluster.restart(nodes)
            return None
        case Pause(nodes):
            cluster.resume(nodes)
            return None
        case Cut():
            return await cluster.proxy.heal(fates)
        case Delay(seconds):
            return await cluster.proxy.delay({link: 0.0 for link, _ in seconds})
        case _:
            assert_never(fault)


def _measured(
    fault: Fault, standing: Standing, after: ProxyReport | None, change: NewLeader | None
) -> Bite:
    before = standing.before
    bite = Bite()
    match fault:
        case Kill():
            bite = Bite(gone=standing.gone)
        case Pause():
            still = standing.stood_still
            bite = Bite(stood_still=tuple(node for node, stands in still.items() if stands))
        case Cut(links) if before and after:
            bite = Bite(bytes_held=bytes_held(links, before, after))
        case Delay(seconds) if before and after:
            links = tuple(link for link, _ in seconds)
            bite = Bite(bytes_delayed=bytes_delayed(links, before, after))
        case Cut() | Delay():
            pass  # interrupted before it was on
        case _:
            assert_never(fault)
    return with_new_leader(
        bite, change, old_term=standing.old_term, begin_ns=standing.record.begin_ns
    )


def _track(fault: Fault) -> Track:
    match fault:
        case Kill() | Pause():
            return Track.PROCESSES
        case Cut() | Delay():
            return Track.NETWORK
        case _:
            assert_never(fault)
