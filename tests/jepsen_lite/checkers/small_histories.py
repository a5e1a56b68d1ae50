"""Small histories of one key: every one of up to four calls, and random ones of up to eight.

Two histories that differ only in the names of the two values, or in the order of events that real
time does not compare (two invokes, or two returns, that follow each other), are the same history to
any judge, and stand here once.
"""

from collections.abc import Iterator
from itertools import combinations_with_replacement
from random import Random
from typing import Final

from jepsen_lite.checkers.calls import Call
from jepsen_lite.models import Action, Cas, Delete, Mismatch, Read, Write
from jepsen_lite.values import Observed

DEFINITE: Final[tuple[Action, ...]] = (
    *(Write(1), Write(2), Read(1), Read(2), Read(None), Delete(), Cas(1, 2), Cas(2, 1)),
    *(Cas(None, 1), Cas(None, 2), Cas(1, 1), Cas(2, 2)),
    *(Mismatch(1), Mismatch(2), Mismatch(None)),
)
INDEFINITE: Final[tuple[Action, ...]] = (
    *(Write(1), Write(2), Delete(), Cas(1, 2), Cas(2, 1), Cas(None, 1), Cas(None, 2)),
)
_NEVER: Final = 99

_Item = tuple[int, int, int]
"""An action's place in DEFINITE, the phase of its invoke, the phase of its return or _NEVER."""


def every_history(length: int) -> Iterator[list[Call]]:
    """Every history of *length* calls over two values and null.

    Time is a row of phases, each some invokes and then some returns. A phase in which nothing is
    invoked, or an inner one in which nothing returns, would be the same history with fewer phases.
    """
    for phases in range(1, length + 1):
        for items in combinations_with_replacement(_items(phases), length):
            begun, ended = {item[1] for item in items}, {item[2] for item in items}
            if len(begun) == phases and ended >= set(range(phases - 1)) and _first_named(items):
                yield _calls(items)


def some_history(dice: Random, length: int) -> list[Call]:
    """One of those, or one that is the same with more phases or other names."""
    return _calls(dice.choices(_items(dice.randint(1, length)), k=length))


def random_history(dice: Random) -> list[Call]:
    """Three to eight calls over up to four values, with what is rare made frequent by turns."""
    length, concurrency = dice.randint(3, 8), dice.randint(1, 5)
    four: list[int | str] = ["a", 2, "2", 4]
    texts = four[: dice.randint(2, 4)]
    indefinite, kinds = dice.choice([0, 0.2, 0.5, 0.8]), dice.choice(_KINDS)
    calls: list[Call] = []
    still_open: list[int] = []
    now = 0
    while len(calls) < length or still_open:
        now += 1
        begins = not still_open or (len(still_open) < concurrency and dice.random() < 0.6)
        if len(calls) < length and begins:
            action = _random_action(dice, dice.choice(kinds), texts)
            if isinstance(action, Mismatch) or dice.random() >= indefinite:
                still_open.append(len(calls))
            calls.append(Call(action, now, None))
        else:
            at = still_open.pop(dice.randrange(len(still_open)))
            calls[at] = Call(calls[at].action, calls[at].invoked, now)
    return calls


_KINDS: Final = ("rw", "rwc", "rwcm", "rwdcm", "wdcm", "cm", "rrwwccc")


def _random_action(dice: Random, kind: str, texts: list[int | str]) -> Action:
    old, new = dice.choice([None, *texts]), dice.choice(texts)
    match kind:
        case "r":
            return Read(old)
        case "w":
            return Write(new)
        case "d":
            return Delete()
        case "c":
            return Cas(old, new)
        case _:
            seen = Observed(dice.choice([None, *texts])) if dice.random() < 0.2 else None
            return Mismatch(old, seen)


def _items(phases: int) -> list[_Item]:
    places = range(len(DEFINITE))
    spans = [(begin, end) for begin in range(phases) for end in range(begin, phases)]
    closed = [(action, *span) for span in spans for action in places]
    indefinite = [DEFINITE.index(action) for action in INDEFINITE]
    return closed + [(action, begin, _NEVER) for begin in range(phases) for action in indefinite]


def _calls(items: tuple[_Item, ...] | list[_Item]) -> list[Call]:
    step = 2 * len(items)
    return [
        Call(
            DEFINITE[action],
            begin * step + at,
            None if end == _NEVER else end * step + len(items) + at,
        )
        for at, (action, begin, end) in enumerate(items)
    ]


def _first_named(items: tuple[_Item, ...]) -> bool:
    """Whether *items* comes no later than the same with the two values swapped."""
    swapped = sorted((_SWAPPED[action], begin, end) for action, begin, end in items)
    return sorted(items) <= swapped


def _swap(action: Action) -> Action:
    other: dict[int | str | None, int] = {1: 2, 2: 1}
    match action:
        case Write(value):
            return Write(other[value])
        case Read(value):
            return Read(other.get(value))
        case Cas(old, new):
            return Cas(other.get(old), other[new])
        case Mismatch(old, _):
            return Mismatch(other.get(old))
        case _:
            return action


_SWAPPED: Final = tuple(DEFINITE.index(_swap(action)) for action in DEFINITE)
