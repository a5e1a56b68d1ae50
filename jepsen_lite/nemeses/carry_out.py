"""One change of members: journalled, carried out, measured; what is left of it is done later."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, assert_never

import msgspec

from jepsen_lite.nemeses.changes import Change, Join, RemoveLeader, Replace, completing
from jepsen_lite.nemeses.evidence import change_of_leader, has_moved, with_new_leader
from jepsen_lite.nemeses.journal import Bite, FaultRecord
from jepsen_lite.nemeses.kinds import Track
from jepsen_lite.proxy import CLIENTS

if TYPE_CHECKING:
    from jepsen_lite.nemeses.journal import Journal
    from jepsen_lite.nemeses.roster import Roster

CHANGE_SECONDS: Final = 25.0
"""How long a change may take; what is left of it is done before the next, or after the heal."""

CUT_SECONDS: Final = 8.0
"""How long a removal waits for links to be cut, so that it has to do without somebody."""


@dataclass(slots=True)
class _Told:
    """What was seen of a change so far."""

    gone: dict[str, int] | None = None
    removed: str | None = None
    joined: str | None = None
    meanwhile: tuple[str, ...] | None = None
    voters: list[str] = field(default_factory=list)


async def carry_out(change: Change, roster: Roster, journal: Journal, *, kind: str) -> FaultRecord:
    """Carry *change* out, or as much of it as can be done in its time; its last record.

    Cancelled, it leaves the rest to `Roster.finish`.  Raises ProxyFailed.
    """
    cluster = roster.cluster
    struck = () if isinstance(change, Join) else (change.node,)
    record = FaultRecord(
        id=journal.next_id(),
        kind=kind,
        track=Track.MEMBERS.value,
        target=struck,
        nodes=struck if isinstance(change, Replace) else (),
        links=(),
        begin_ns=cluster.now(),
        undo=completing(change),
    )
    told, old_term = _Told(), cluster.term()
    limit = asyncio.timeout(CHANGE_SECONDS)
    journal.begin(record)
    try:
        async with limit:
            await _do(change, roster, journal, told, old_term=old_term, since_ns=record.begin_ns)
    except TimeoutError:
        if not limit.expired():
            raise
    finally:
        bite = _bite(told, roster, struck, old_term=old_term, begin_ns=record.begin_ns)
        record = msgspec.structs.replace(
            record, end_ns=cluster.now(), bit=bite, did_bite=has_moved(change, bite)
        )
        journal.end(record)
    return record


async def _do(
    change: Change,
    roster: Roster,
    journal: Journal,
    told: _Told,
    *,
    old_term: int,
    since_ns: int,
) -> None:
    cluster = roster.cluster
    match change:
        case Replace(node):
            roster.dismiss(node)  # first: interrupted, it must still be known who shall go
            status = await cluster.condemn(node)
            told.gone = {} if status is None else {node: status}
            told.meanwhile = await _links_are_cut(roster, journal)
            await _remove(node, roster, told)
            await _join(roster, told)
        case Join():
            await roster.back_to_size()
            await _join(roster, told)
        case RemoveLeader(node):
            roster.dismiss(node)
            await _remove(node, roster, told)
            told.gone = {node: roster.left[node] or 0}
            await cluster.until(
                lambda: (
                    change_of_leader(
                        cluster.samples, since_ns=since_ns, old_term=old_term, struck=(node,)
                    )
                    is not None
                ),
                CHANGE_SECONDS,
            )
            if len(roster.wanted) < roster.size:
                await _join(roster, told)
        case _:
            assert_never(change)


async def _remove(node: str, roster: Roster, told: _Told) -> None:
    await roster.reach()
    told.removed = node
    told.voters = sorted(roster.wanted)


async def _join(roster: Roster, told: _Told) -> None:
    newcomer = await roster.admit()
    await roster.reach()
    told.joined = newcomer
    told.voters = sorted(roster.wanted)


async def _links_are_cut(roster: Roster, journal: Journal) -> tuple[str, ...] | None:
    """The faults that cut links between nodes now, after waiting for one; None if none came."""

    def cuts() -> tuple[str, ...]:
        return tuple(one.kind for one in journal.active if any(CLIENTS not in x for x in one.links))

    await roster.cluster.until(lambda: bool(cuts()), CUT_SECONDS)
    return cuts() or None


def _bite(
    told: _Told, roster: Roster, struck: tuple[str, ...], *, old_term: int, begin_ns: int
) -> Bite:
    new = change_of_leader(
        roster.cluster.samples, since_ns=begin_ns, old_term=old_term, struck=struck
    )
    bite = Bite(
        gone=told.gone,
        removed=told.removed,
        joined=told.joined,
        voters=tuple(told.voters) or None,
        meanwhile=told.meanwhile,
    )
    return with_new_leader(bite, new, old_term=old_term, begin_ns=begin_ns)
