"""Generators: endless, seeded sequences, from which schedules and workloads are dealt.

One printed seed is the root of all chance in a run.  Each part draws from dice of its own, named by
a path under the seed (`dice(7, "network", "deck")`), so that how often one part rolls does not
change what another gets: threads of real time cannot disturb a schedule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def dice(seed: int, *path: str) -> Random:
    """The dice of one part of a run: the same for the same *seed* and *path*, on any machine."""
    return Random("/".join((str(seed), *path)))


def decks(items: Sequence[T], rolls: Random) -> Iterator[tuple[T, ...]]:
    """All *items*, shuffled; then all of them, shuffled anew; and so on.

    Unlike throws of dice, a deck lets nothing wait for longer than two of its lengths.
    """
    while True:
        yield tuple(rolls.sample(items, len(items)))


def mix(weights: Mapping[T, float], rolls: Random) -> Iterator[T]:
    """Each of *weights*' keys as often as its weight says, on the average, in no order."""
    choices = tuple(weights)
    shares = tuple(weights[choice] for choice in choices)
    while True:
        yield from rolls.choices(choices, shares, k=64)


def between(low: float, high: float, rolls: Random) -> Iterator[float]:
    """Numbers from *low* to *high*, all equally likely."""
    while True:
        yield rolls.uniform(low, high)
