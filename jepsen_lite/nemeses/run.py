"""Dealing: tracks of faults that overlap, until the time is over and every kind has bitten.

Only what is still needed is dealt after that, and a member that joined has somebody leave for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jepsen_lite.clock import seconds
from jepsen_lite.cluster.configuration import installs
from jepsen_lite.nemeses.carry_out import carry_out
from jepsen_lite.nemeses.changes import REMOVE_LEADER, Change
from jepsen_lite.nemeses.deck import ALL_KINDS, Card, Hand, Pace, deal
from jepsen_lite.nemeses.inflict import Standing, fell_behind, inflicted, successor
from jepsen_lite.nemeses.kinds import Aimed, Kind, Track, View, fits, may_overlap
from jepsen_lite.nemeses.roster import Roster

if TYPE_CHECKING:
    from random import Random

    from jepsen_lite.cluster import Cluster
    from jepsen_lite.nemeses.journal import FaultRecord, Journal

GRACE: Final = 0.5
"""By this part of its time limit a deck may go on for kinds that have not bitten yet."""

LEADER_SECONDS: Final = 5.0
"""How long a card that is aimed at the leader waits for one before it goes back."""

UNSEAT_SECONDS: Final = 5.0
"""How much longer than its card says a fault stays on until another node leads, where that is what
it is for: on a busy machine an election takes longer than the timeouts say."""


OUTDATE_SECONDS: Final = 10.0
"""How much longer a node is kept away until only a snapshot can help it: so many writes take that
long where other faults hold them up."""

INSTALL_SECONDS: Final = 5.0
"""How long it is watched, let back, until it has installed that snapshot."""


@dataclass(frozen=True, slots=True)
class DeckOutcome:
    """What was dealt.  `unbitten` names the kinds that never bit: they prove nothing."""

    faults: tuple[FaultRecord, ...]
    unbitten: tuple[str, ...]

    @property
    def leader_changes(self) -> tuple[FaultRecord, ...]:
        """The faults during which a node that they had not struck came to lead in a higher term."""
        return tuple(fault for fault in self.faults if fault.bit.new_leader is not None)


async def run_deck(
    cluster: Cluster,
    journal: Journal,
    *,
    seed: int,
    time_limit: float,
    kinds: Sequence[Kind] = ALL_KINDS,
    pace: Pace | None = None,
    roster: Roster | None = None,
) -> DeckOutcome:
    """Deal *kinds* for *time_limit* seconds, and for what has not bitten for half as long again.

    Cancelled, it undoes what is on.  A change of members that could not be completed is left to
    *roster*, which is asked to finish after the heal.  Raises ProxyFailed; what nodes do never
    raises.
    """
    pace = pace or Pace.of(cluster.config.election_timeout)
    table = _Table(roster or Roster(cluster), journal, kinds, time_limit)
    try:
        async with asyncio.TaskGroup() as tracks:
            for track in Track:
                hand = Hand(deal(track, seed, kinds, cluster.config.size, pace))
                tracks.create_task(table.play(track, hand))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return table.outcome()


class _Table:
    """What all tracks know: which kinds are on, which have bitten, how late it is."""

    def __init__(
        self, roster: Roster, journal: Journal, kinds: Sequence[Kind], time_limit: float
    ) -> None:
        self._roster = roster
        cluster = self._cluster = roster.cluster
        self._journal = journal
        self._size = cluster.config.size
        self._kinds = tuple(kind for kind in kinds if fits(kind, self._size))
        self._unbitten = {kind.name for kind in self._kinds}
        self._unfit = tuple(kind.name for kind in kinds if kind not in self._kinds)
        self._begin = cluster.now()
        self._time_limit = time_limit
        self._on: dict[Track, Kind] = {}
        self._lifted = asyncio.Condition()
        self._faults: list[FaultRecord] = []

    def outcome(self) -> DeckOutcome:
        """What was dealt, in the order in which it began."""
        faults = sorted(self._faults, key=lambda fault: fault.begin_ns)
        return DeckOutcome(tuple(faults), (*sorted(self._unbitten), *self._unfit))

    async def play(self, track: Track, hand: Hand) -> None:
        """Deal the cards of one track, one after the other."""
        if not any(kind.track is track for kind in self._kinds):
            return
        while self._goes_on(track, late := self._lateness()):
            card = await self._take(hand, late)
            try:
                bit = await self._deal(card)
            finally:
                await self._lift(track)
            if not bit:
                hand.put_back(card)
            await asyncio.sleep(card.calm)

    def _goes_on(self, track: Track, late: float) -> bool:
        wanted = any(kind.track is track and self._is_needed(kind) for kind in self._kinds)
        return late < 1 or (late < 1 + GRACE and wanted)

    def _is_needed(self, kind: Kind) -> bool:
        """Whether it has not bitten, or has to bring the cluster back to its size."""
        return kind.name in self._unbitten or (kind is REMOVE_LEADER and self._roster.is_larger)

    async def _take(self, hand: Hand, late: float) -> Card:
        """The next card that may be on beside the other tracks'; waits where none may.

        Once the time is over, only one that is needed.
        """
        hand.keep_only(lambda card: late < 1 or self._is_needed(card.kind))
        async with self._lifted:
            while (card := hand.take(self._may_be_dealt)) is None:
                await self._lifted.wait()
            self._on[card.kind.track] = card.kind
            return card

    def _may_be_dealt(self, card: Card) -> bool:
        others = self._on.values()
        return all(may_overlap(card.kind, other, self._size) for other in others)

    def _lateness(self) -> float:
        """How much of the time limit has passed: 1 is all of it."""
        return seconds(self._cluster.now() - self._begin) / self._time_limit

    async def _lift(self, track: Track) -> None:
        async with self._lifted:
            self._on.pop(track, None)
            self._lifted.notify_all()

    async def _deal(self, card: Card) -> bool:
        """Inflict one card for its time; whether it bit."""
        kind, dice = card.kind, card.dice()
        if kind.unseats and not await self._cluster.has_leader(LEADER_SECONDS):
            return False
        await self._cluster.refresh()
        aimed = kind.aim(self._view(), dice)
        if aimed is None:
            return False
        if isinstance(aimed.fault, Change):
            record = await carry_out(aimed.fault, self._roster, self._journal, kind=kind.name)
        else:
            record = await self._inflict(card, aimed, dice)
        self._faults.append(record)
        if record.did_bite and not (kind.outdates and self._without_snapshot()):
            self._unbitten.discard(kind.name)
            return True
        return False

    async def _inflict(self, card: Card, aimed: Aimed, dice: Random) -> FaultRecord:
        """Inflict the fault of one card for its time, and until it has done what it is for."""
        kind, cluster = card.kind, self._cluster
        assert not isinstance(aimed.fault, Change), "a change of members is no fault that is undone"
        async with inflicted(
            aimed.fault,
            cluster,
            self._journal,
            kind=kind.name,
            dice=dice,
            target=aimed.target,
            unseats=kind.unseats,
            outdates=kind.outdates,
        ) as standing:
            await asyncio.sleep(card.seconds)
            await self._linger(kind, standing)
        if kind.outdates:
            await cluster.until(
                lambda: not set(aimed.target) & set(self._without_snapshot()), INSTALL_SECONDS
            )
        return standing.record

    async def _linger(self, kind: Kind, standing: Standing) -> None:
        """Wait until *kind* has done what it is there for: undone before, it has shown nothing."""
        cluster = self._cluster
        if kind.unseats:
            await cluster.until(lambda: successor(standing, cluster) is not None, UNSEAT_SECONDS)
        if kind.outdates:
            target = set(standing.record.target)
            await cluster.until(
                lambda: target & set(cluster.nodes) <= set(fell_behind(standing, cluster)),
                OUTDATE_SECONDS,
            )

    def _view(self) -> View:
        cluster = self._cluster
        return View(
            nodes=tuple(node for node in cluster.nodes if node not in cluster.condemned),
            running=cluster.running(),
            leader=cluster.leader(),
            voters=cluster.voters() or (),
            struck=frozenset(node for fault in self._journal.active for node in fault.target),
            installed=frozenset(cluster.nodes) - frozenset(self._without_snapshot()),
        )

    def _without_snapshot(self) -> tuple[str, ...]:
        """The nodes that have never installed one."""
        counts = installs(self._cluster.samples)
        return tuple(node for node in self._cluster.nodes if not counts.get(node))
