"""The deck: every kind once, in an order that the seed shuffles; dealt, it is shuffled anew.

Dice that are thrown forget: a run of a minute could miss the one fault that matters.  A deck
cannot, and a card that did not bite when it was dealt is put back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from jepsen_lite.generators import decks, dice
from jepsen_lite.nemeses.changes import CHANGES, JOIN, REMOVE_LEADER
from jepsen_lite.nemeses.kinds import FAULTS, Kind, Track, fits

ALL_KINDS: Final = (*FAULTS, *CHANGES)
"""The whole deck."""

FAULT_TIMEOUTS: Final = 4
"""A fault lasts for at least so many election timeouts: shorter, it is over before it is felt."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a fault lasts and how long its track is calm after it, in seconds, least and most.

    *outage* is for faults that leave no quorum: nothing happens while they last, so they are short.
    Between two changes of members there is *rest*: each starts a process and sends a snapshot.
    """

    fault: tuple[float, float] = (3.2, 4.0)
    outage: tuple[float, float] = (2.0, 2.5)
    calm: tuple[float, float] = (1.0, 2.0)
    rest: tuple[float, float] = (3.0, 5.0)

    @classmethod
    def of(cls, election_timeout: float) -> Pace:
        """The pace that suits a cluster whose longest election timeout this is, in seconds."""
        least = FAULT_TIMEOUTS * election_timeout
        return cls(fault=(least, max(least * 1.25, least + 0.5)))


@dataclass(frozen=True, slots=True)
class Card:
    """One fault to come: its kind, its length, the calm after it (seconds), and its dice."""

    kind: Kind
    seconds: float
    calm: float
    roll: int

    def dice(self) -> Random:
        """The dice that aim it and decide what its heal does."""
        return Random(self.roll)

    def __str__(self) -> str:
        return f"{self.kind.name} {self.seconds:.1f}s"


class Hand:
    """The cards of one track, next first; one further back is taken where that may not be dealt."""

    def __init__(self, cards: Iterator[tuple[Card, ...]]) -> None:
        self._decks = cards
        self._cards: deque[Card] = deque()

    def take(self, may_be_dealt: Callable[[Card], bool]) -> Card | None:
        """The first card that *may_be_dealt*; None if none of the rest of this deck may."""
        for card in self._cards:
            if may_be_dealt(card):
                self._cards.remove(card)
                return card
        return None

    def put_back(self, card: Card) -> None:
        """*card* did nothing: deal it again, after all others that are left."""
        self._cards.append(card)

    def keep_only(self, wanted: Callable[[Card], bool]) -> None:
        """Throw away what is not *wanted*, and go on with the next deck if nothing is left.

        Something in each deck must be wanted.
        """
        self._cards = deque(card for card in self._cards if wanted(card))
        while not self._cards:
            self._cards.extend(card for card in next(self._decks) if wanted(card))


def deal(
    track: Track, seed: int, kinds: Sequence[Kind], size: int, pace: Pace
) -> Iterator[tuple[Card, ...]]:
    """Deck after deck of *track*, for a cluster of *size* nodes, the same for the same seed."""
    own = tuple(kind for kind in kinds if kind.track is track and fits(kind, size))
    rolls = dice(seed, track.value)
    for deck in decks(own, rolls):
        yield tuple(_card(kind, rolls, size, pace) for kind in _paired(deck))


def describe_deck(seed: int, kinds: Sequence[Kind], size: int, pace: Pace) -> str:
    """The first deck of all tracks, a line each; what a run prints beside its seed."""
    lines = []
    for track in Track:
        first = next(deal(track, seed, kinds, size, pace))
        lines.append(f"{track.value:>9}: " + ", ".join(map(str, first)))
    return "\n".join(lines)


def _paired(deck: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """A join before the removal of a leader: together they leave the cluster as large as it was."""
    order = list(deck)
    if {JOIN, REMOVE_LEADER} <= set(deck):
        places = sorted((order.index(JOIN), order.index(REMOVE_LEADER)))
        for place, kind in zip(places, (JOIN, REMOVE_LEADER), strict=True):
            order[place] = kind
    return tuple(order)


def _card(kind: Kind, rolls: Random, size: int, pace: Pace) -> Card:
    lengths = pace.outage if kind.breaks_quorum(size) else pace.fault
    return Card(
        kind,
        seconds=round(rolls.uniform(*lengths), 2),
        calm=round(rolls.uniform(*(pace.rest if kind.track is Track.MEMBERS else pace.calm)), 2),
        roll=rolls.getrandbits(32),
    )
