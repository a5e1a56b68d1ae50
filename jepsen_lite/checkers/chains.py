"""Indefinite calls, called up only where a definite call cannot do without them (rule 5).

An indefinite call may take effect at any later time or never, so it can always wait: moved behind a
call that is legal without it, it harms nobody, and moved behind the last call it can be dropped.
So it is used only right before a call that is impossible otherwise, alone or as the last link of a
chain: an indefinite write, or an indefinite cas from the value that is there, and then further
indefinite cas, each from what the one before it made. No value comes twice in a chain; what
leads from a value back to it can be left out.

Two different calls that lead to the same value are different resources, so every chain counts. Of
calls with the same effect, the oldest unused stands for all (rule 3), and none is used while a
definite call of the same effect is waiting to be placed.
"""

from collections.abc import Callable, Collection
from typing import TypeAlias

from jepsen_lite.checkers.plan import Plan

Effect: TypeAlias = tuple[int, int]
"""What a call requires (`plan.nothing` for a write) and what it makes."""

Chain: TypeAlias = tuple[int, ...]


class Indefinite:
    """The indefinite calls of one key, by what they make."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._makers: dict[int, dict[int, list[int]]] = {}
        for call in range(plan.definite, len(plan.calls_at)):
            sources = self._makers.setdefault(plan.makes[call], {})
            sources.setdefault(plan.watches[call], []).append(call)

    def unused(self, calls: Collection[int], used: int, limit: int) -> int | None:
        """The oldest of *calls* that has been invoked and not been used."""
        first = self._plan.definite
        for call in calls:
            if call >= limit:
                return None
            if not used >> (call - first) & 1:
                return call
        return None

    def chains(
        self, value: int, target: int, used: int, limit: int, waiting: Collection[Effect]
    ) -> list[Chain]:
        """Every chain that leads from *value* to *target* and is made of calls below *limit*.

        Works backwards from the target, since where values are unique each has one maker.
        """
        found: list[Chain] = []
        goals: list[tuple[int, Chain, frozenset[int]]] = [(target, (), frozenset((target,)))]
        while goals:
            goal, chain, passed = goals.pop()
            for source, calls in self._makers.get(goal, {}).items():
                if source in passed or (source, goal) in waiting:
                    continue
                call = self.unused(calls, used, limit)
                if call is None:
                    continue
                if source in (self._plan.nothing, value):
                    found.append((call, *chain))
                else:
                    goals.append((source, (call, *chain), passed | {source}))
        return found

    def escapes(
        self,
        value: int,
        used: int,
        limit: int,
        waiting: Collection[Effect],
        identity: Callable[[int], int],
    ) -> list[Chain]:
        """The single calls that lead away from *value*, one for each effect that differs.

        Enough for a mismatch: once it is legal, the rest of a chain can wait until behind it.
        *identity* makes all values alike that nobody will look at again (rule 4).
        """
        oldest: dict[Effect, int] = {}
        for goal, sources in self._makers.items():
            for source in (self._plan.nothing, value):
                if goal == value or (source, goal) in waiting or source not in sources:
                    continue
                call = self.unused(sources[source], used, limit)
                if call is not None:
                    effect = (source, identity(goal))
                    oldest[effect] = min(call, oldest.get(effect, call))
        return [(call,) for call in oldest.values()]
