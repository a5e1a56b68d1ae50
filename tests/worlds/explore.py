"""Walks through a whole world, the nearest states first.

What it finds broken, it finds by the shortest way there.
"""

from __future__ import annotations

import gc
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.worlds.moves import Move
from tests.worlds.symmetry import Alike
from tests.worlds.world import State, World


@dataclass(slots=True)
class Report:
    """What was seen so far.

    - ``distinct`` states, ``generated`` ones, ``depth`` of the deepest that is looked from.
    - ``broken``: the property that does not hold, ``seen`` what was seen, ``moves`` how to get
      there.
    - ``exhausted``: there is nothing more to be seen.
    """

    distinct: int = 1
    generated: int = 1
    depth: int = 0
    seconds: float = 0.0
    waiting: int = 1
    steps: int = 0
    broken: str | None = None
    seen: str = ""
    moves: tuple[Move, ...] = ()
    exhausted: bool = False


def explore(
    world: World, *, most: int | None = None, tell: Callable[[Report], None] = lambda _: None
) -> Report:
    """Look at every state of *world*, or at *most* of them; stop at the first broken property.

    It may be interrupted from the keyboard: what was seen until then is reported.
    """
    report, began = Report(), time.process_time()
    alike = Alike(world)
    found: dict[State, int] = {alike(world.initial): 0}
    states, parents = list(found), array("q", [-1])
    place, level = 0, 1
    with _without_garbage_collection():
        try:
            while place < len(states) and (most is None or len(states) < most):
                if place == level:
                    report.depth, level = report.depth + 1, len(states)
                for _, after in world.successors(states[place]):
                    report.generated += 1
                    one = alike(after)
                    if one not in found:
                        found[one] = len(states)
                        states.append(one)
                        parents.append(place)
                place += 1
                if not place & 4095:
                    _note(report, len(states), place, time.process_time() - began)
                    tell(report)
            report.exhausted = place == len(states)
        except AssertionError as broken:
            report.broken = getattr(broken, "name", "Assertion")
            report.seen = str(broken)
            report.moves = tuple(_moves(world, alike, _way(states, parents, place)))
        except KeyboardInterrupt:
            report.seen = "interrupted"
    _note(report, len(states), place, time.process_time() - began)
    report.steps = world.physics.taken
    return report


def _note(report: Report, distinct: int, place: int, seconds: float) -> None:
    report.distinct, report.waiting, report.seconds = distinct, distinct - place, seconds


def _way(states: list[State], parents: array[int], place: int) -> list[State]:
    way: list[State] = []
    while place >= 0:
        way.append(states[place])
        place = parents[place]
    return way[::-1]


def _moves(world: World, alike: Alike, way: list[State]) -> Iterator[Move]:
    """The moves along *way* and the one that breaks; each state stands for those like it."""
    here = world.initial
    for there in way[1:]:
        move, here = next(
            (move, after) for move, after in world.successors(here) if alike(after) == there
        )
        yield move
    try:
        for _, after in world.successors(here):
            alike(after)
    except AssertionError:
        assert world.trying is not None, "something was tried, and broke"
        yield world.trying


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Millions of tuples of numbers hold no cycles, and looking for them takes as long again."""
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
