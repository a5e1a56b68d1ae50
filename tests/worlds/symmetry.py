"""Which states of a world are alike: those that differ by the names of nodes alone.

Raft knows no names but for telling nodes apart, so what can follow a state can follow any state
like it, with the names changed.  That holds where the world, too, treats all nodes alike: where
everybody may campaign, nobody in particular is asked for, and all disks are slow or none is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from itertools import permutations
from typing import Any

from huffleraft.core import Configuration, Leader, Log
from huffleraft.core.types import replace
from tests.core.cluster import addressed
from tests.worlds.ghost import Ghost
from tests.worlds.node import Letter
from tests.worlds.world import State, World, tidy

Names = Mapping[str, str]


class Alike:
    """The one state that stands for all that are like it; each for itself if they may not be."""

    def __init__(self, world: World) -> None:
        """Of *world*."""
        bounds, slow = world.bounds, world.physics.slow
        self._changes: list[_Renaming] = []
        if bounds.symmetric:
            even = not bounds.candidates and not bounds.wanted and len(slow) in {0, len(world.ids)}
            assert even, "a world that names nodes is not symmetric"
            others = list(permutations(range(len(world.ids))))[1:]
            self._changes = [_Renaming(world, places) for places in others]

    def __call__(self, state: State) -> State:
        """The state that stands for *state*."""
        if not self._changes:
            return state
        ks = best = state[:-3]
        tied: list[_Renaming | None] = [None]
        for change in self._changes:
            other = change.nodes(ks)
            if other < best:
                best, tied = other, [change]
            elif other == best:
                tied.append(change)
        letters, left, past = state[-3:]
        rest = min(
            (letters, past) if change is None else (change.letters(letters), change.past(past))
            for change in tied
        )
        return (*best, rest[0], left, rest[1])


class _Renaming:
    """One way to change the names, with what it does to each state of a node and each letter."""

    def __init__(self, world: World, places: tuple[int, ...]) -> None:
        self._world = world
        self._places = places
        moved = {name: world.ids[place] for name, place in zip(world.ids, places, strict=True)}
        told = dict(addressed(world.ids))
        self._names = {**moved, **{told[name]: told[to] for name, to in moved.items()}}
        self._nodes: dict[int, int] = {}
        self._letters: dict[int, int] = {}
        self._pasts: dict[int, int] = {}

    def nodes(self, ks: State) -> State:
        """The states of all nodes, each in its new place."""
        moved = [0] * len(ks)
        for k, place in zip(ks, self._places, strict=True):
            other = self._nodes.get(k)
            if other is None:
                node = tidy(renamed(self._world.nodes[k], self._names))
                other = self._nodes[k] = self._world.nodes.number(node)
            moved[place] = other
        return tuple(moved)

    def letters(self, letters: int) -> int:
        """The same letters between the others."""
        moved = 0
        while letters:
            bit = letters & -letters
            letters ^= bit
            other = self._letters.get(bit)
            if other is None:
                letter: Letter = self._world.post.letters[bit.bit_length() - 1]
                other = self._world.post.posted([renamed(letter, self._names)])
                self._letters[bit] = other
            moved |= other
        return moved

    def past(self, past: int) -> int:
        """The same past of the others."""
        other = self._pasts.get(past)
        if other is None:
            ghost: Ghost = renamed(self._world.past[past], self._names)
            ghost = ghost._replace(
                leaders=tuple(sorted(ghost.leaders)), asked=tuple(sorted(ghost.asked))
            )
            other = self._pasts[past] = self._world.past.number(ghost)
        return other


def renamed(value: Any, names: Names) -> Any:
    """*value* with all *names* in it changed, and sorted again where it is sorted by them."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, Configuration):
        sides = (value.voters, value.addresses, value.learners, value.old_voters)
        return Configuration(*(tuple(sorted(renamed(side, names))) for side in sides))
    if isinstance(value, Log):
        entries = value.between(value.first_index, value.last_index)
        return Log(value.base, renamed(entries, names))
    if isinstance(value, frozenset):
        return frozenset(renamed(one, names) for one in value)
    if isinstance(value, tuple):
        parts = [renamed(one, names) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changes = {name: renamed(getattr(value, name), names) for name in value.__dataclass_fields__}
    if isinstance(value, Leader):
        changes["progress"] = tuple(sorted(changes["progress"], key=lambda one: one[0]))
    return replace(value, **changes)
