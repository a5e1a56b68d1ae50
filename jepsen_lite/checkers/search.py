"""Is there an order? The exact search over the calls of one key, for any values.

The skeleton is Wing and Gong's (1993) with Lowe's memory (2017): place any call that real time
allows to be next, and never explore the same place twice. It is exponential in the worst case (the
problem is NP-complete when values repeat, Gibbons and Korach 1997), and seven rules keep it near
linear on the histories that chaos produces. Each is justified by moving or swapping
calls in an order that is supposed to exist.

1. *Windowed key.* What is done is told by the frontier and one bit a call in flight (`plan`).
2. *Eager.* A call that is legal now and changes nothing (a read, a mismatch, a cas from a value to
   itself) is placed at once, with no way back: move it up to here in the supposed order, and nobody
   notices. Not a write of the value that is there: its place may be needed later.
3. *Same effect.* Of the definite calls with one effect that could be next, only the one that
   returns first is tried, and a definite one before an indefinite one: exchange them where they
   stand in the supposed order.
4. *Dead values.* A value that no remaining call could tell apart is like any other such value, in
   the memory and as an effect.
5. *Indefinite on demand.* A call of unknown outcome is used only right before a call that is
   impossible without it: until then it can wait, and if that never comes, it never happened (see
   `chains`).
6. *Stranding.* A value that a remaining call requires, and that nobody remains to make, must not be
   overwritten: that call would never find its place. (Not so a value that a mismatch looks at.)
7. *Safe commit.* Between two places, if every value from the first to the second is dead at the
   second and no mismatch remains, there is no way back: take what could follow the first place,
   leave out the calls between, and it can follow the second. Nobody misses what they made.

The stack is a list, so a history may be as long as memory allows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from jepsen_lite.checkers.calls import Call
from jepsen_lite.checkers.chains import Chain, Effect, Indefinite
from jepsen_lite.checkers.plan import Plan, lay_out

NODES_MAX: Final = 500_000
"""The default budget: places looked at in one key before the answer is unknown. About 150 MB."""

_DEAD: Final = -1


@dataclass(frozen=True, slots=True)
class Found:
    """There is an order: *order* holds places in the calls that were searched."""

    order: tuple[int, ...]
    nodes: int


@dataclass(frozen=True, slots=True)
class Refuted:
    """There is no order. No attempt got the call at *furthest* placed before it returned.

    *suspects* are the last to require a value that would have had to be overwritten for that.
    """

    furthest: int
    nodes: int
    suspects: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The budget ran out. As for `Refuted`, but there may be attempts that were not made."""

    furthest: int
    nodes: int
    suspects: tuple[int, ...] = ()


Outcome: TypeAlias = Found | Refuted | Exhausted

_Place: TypeAlias = tuple[int, tuple[int, ...], int, int, int]
"""Frontier, definite calls that could be next, bits done beyond the frontier, bits of indefinite
calls used, value."""


@dataclass(slots=True)
class _Branch:
    """A place with the ways on from it that have not been tried, the best one last."""

    placed: int
    place: _Place
    ways: list[Chain]
    way: Chain = ()
    """The one that is being tried."""


def search(calls: Sequence[Call], nodes_max: int = NODES_MAX) -> Outcome:
    """Look for an order of *calls*, at no more than *nodes_max* places."""
    return _Search(lay_out(calls), nodes_max).run()


class _Search:
    """One search. The counts follow `order`: what stands in it no longer counts as remaining."""

    def __init__(self, plan: Plan, nodes_max: int) -> None:
        self.plan = plan
        self.indefinite = Indefinite(plan)
        self.nodes_max = nodes_max
        self.nodes = 0
        self.order: list[int] = []
        self.watching = [0] * (plan.nothing + 1)
        self.requiring = [0] * (plan.nothing + 1)
        self.making = [0] * (plan.nothing + 1)
        for call in range(len(plan.calls_at)):
            self.watching[plan.watches[call]] += 1
            self.requiring[plan.requires[call]] += 1
            self.making[plan.makes[call]] += 1
        self.mismatches = sum(map(plan.is_mismatch, range(plan.definite)))
        self.furthest = 0
        self.stranded: set[int] = set()
        """The values that the attempts at the furthest frontier would have stranded."""

    def run(self) -> Outcome:
        """The search itself: settle, remember, branch, and go back."""
        plan = self.plan
        if (orphan := self._orphan()) is not None:
            return Refuted(plan.calls_at[orphan], 0)
        branches: list[_Branch] = []
        seen: set[tuple[int, int, int, int]] = set()
        arrived = plan.arrivals[0] if plan.definite else ()
        place: _Place | None = self._settle(0, arrived, 0, 0, plan.initial)
        while place is not None:
            frontier, _, done, used, value = place
            if frontier == plan.definite:
                return Found(tuple(plan.calls_at[call] for call in self.order), self.nodes)
            if frontier > self.furthest:
                self.furthest = frontier
                self.stranded.clear()
            key = (frontier, done, used, self._identity(value))
            if key not in seen:
                self.nodes += 1
                if self.nodes > self.nodes_max:
                    return Exhausted(*self._where())
                self._commit(branches)
                if not branches:
                    seen.clear()
                seen.add(key)
                branches.append(_Branch(len(self.order), place, self._ways(place)))
            place = self._next(branches)
        return Refuted(*self._where())

    def _where(self) -> tuple[int, int, tuple[int, ...]]:
        """The furthest call, the nodes it took, and the suspects, latest first."""
        plan = self.plan
        last = {plan.requires[call]: call for call in range(plan.definite)}
        suspects = sorted((last[value] for value in self.stranded), reverse=True)
        at = plan.calls_at
        nodes = min(self.nodes, self.nodes_max)
        return at[self.furthest], nodes, tuple(at[call] for call in suspects)

    def _orphan(self) -> int | None:
        """The first call that requires a value which nobody ever makes."""
        plan = self.plan
        for call in range(plan.definite):
            value = plan.requires[call]
            if value not in (plan.nothing, plan.initial) and not self.making[value]:
                return call
        return None

    def _identity(self, value: int) -> int:
        """Rule 4: *value*, or the one name of all that nobody will look at again."""
        return value if self.watching[value] else _DEAD

    def _commit(self, branches: list[_Branch]) -> None:
        """Rule 7: forget the ways back over a stretch that cannot be at fault."""
        watching, makes = self.watching, self.plan.makes
        while branches and not self.mismatches:
            before, way = branches[-1].place[4], branches[-1].way
            if watching[before] or any(watching[makes[call]] for call in way):
                return
            branches.pop()

    def _next(self, branches: list[_Branch]) -> _Place | None:
        """The next place to look at; None when every way has been tried."""
        while branches:
            branch = branches[-1]
            while branch.ways:
                self._take_back(branch.placed)
                way = branch.ways.pop()
                branch.way = way
                place = self._take(branch.place, way)
                if place is not None:
                    return place
            branches.pop()
        return None

    def _settle(
        self, frontier: int, arrived: tuple[int, ...], done: int, used: int, value: int
    ) -> _Place:
        """Rule 2: place all that is legal and changes nothing, as long as that brings more."""
        plan = self.plan
        requires, makes, watches, bits = plan.requires, plan.makes, plan.watches, plan.bits
        nothing, definite = plan.nothing, plan.definite
        waiting: list[int] = []
        while True:
            for call in arrived:
                if makes[call] != nothing:
                    waiting.append(call)
                elif requires[call] == value:
                    self.order.append(call)
                    self.requiring[value] -= 1
                    self.watching[value] -= 1
                    done |= bits[call]
                elif requires[call] == nothing and watches[call] != value:
                    self._count(call, -1)
                    self.order.append(call)
                    done |= bits[call]
                else:
                    waiting.append(call)
            arrived = ()
            while frontier < definite and done & bits[frontier]:
                done ^= bits[frontier]
                frontier += 1
                if frontier < definite:
                    arrived += plan.arrivals[frontier]
            if not arrived:
                return frontier, tuple(waiting), done, used, value

    def _take(self, place: _Place, way: Chain) -> _Place | None:
        """Place the calls of *way*; None if that strands a value (rule 6)."""
        plan = self.plan
        frontier, waiting, done, used, value = place
        left = []
        for call in way:
            left.append(value)
            self._count(call, -1)
            self.order.append(call)
            if call < plan.definite:
                done |= plan.bits[call]
                waiting = tuple(other for other in waiting if other != call)
            else:
                used |= 1 << (call - plan.definite)
            value = plan.makes[call]
        for past in left:
            if past != value and self.requiring[past] and not self.making[past]:
                if frontier == self.furthest:
                    self.stranded.add(past)
                return None
        return self._settle(frontier, waiting, done, used, value)

    def _take_back(self, placed: int) -> None:
        """Undo all but the first *placed* calls of the order."""
        while len(self.order) > placed:
            self._count(self.order.pop(), 1)

    def _count(self, call: int, change: int) -> None:
        plan = self.plan
        self.watching[plan.watches[call]] += change
        self.requiring[plan.requires[call]] += change
        self.making[plan.makes[call]] += change
        if call < plan.definite and plan.is_mismatch(call):
            self.mismatches += change

    def _ways(self, place: _Place) -> list[Chain]:
        """What could come next, the best last: rules 3, 4 and 5.

        The best way is the one that helps whom time presses most: the call itself, or a call that
        waits for the value it makes.
        """
        plan = self.plan
        frontier, waiting, _, used, value = place
        requires, makes, nothing = plan.requires, plan.makes, plan.nothing
        urgent: dict[int, int] = {}
        for call in waiting:
            required = requires[call]
            if call < urgent.get(required, plan.definite):
                urgent[required] = call
        first: dict[Effect, int] = {}
        for call in waiting:
            if makes[call] != nothing:
                effect = (requires[call], self._identity(makes[call]))
                if call < first.get(effect, plan.definite):
                    first[effect] = call
        ranked: list[tuple[int, int, Chain]] = []
        blocked: dict[int, list[int]] = {}
        for (required, _), call in first.items():
            if required in (nothing, value):
                ranked.append((min(call, urgent.get(makes[call], call)), 1, (call,)))
            else:
                blocked.setdefault(required, []).append(call)
        limit = plan.definite + plan.indefinite_open[frontier]
        if limit > plan.definite:
            ranked += self._chained(waiting, blocked, urgent, used, value, limit)
        ranked.sort(reverse=True)
        return [way for _, _, way in ranked]

    def _chained(
        self,
        waiting: tuple[int, ...],
        blocked: dict[int, list[int]],
        urgent: dict[int, int],
        used: int,
        value: int,
        limit: int,
    ) -> list[tuple[int, int, Chain]]:
        """The ways that begin with something indefinite, because a call is impossible without.

        A call that changes nothing is placed as soon as its value is there, so the chain alone is
        the way; a cas is the end of its way, unless such a call shares its value and comes first.
        """
        plan = self.plan
        makes, nothing = plan.makes, plan.nothing
        effects = {(plan.requires[call], makes[call]) for call in waiting}
        ranked: list[tuple[int, int, Chain]] = []
        pure = {plan.requires[call] for call in waiting if makes[call] == nothing} - {nothing}
        for target in pure | blocked.keys():
            for chain in self.indefinite.chains(value, target, used, limit, effects):
                self.nodes += 1
                if target in pure:
                    ranked.append((urgent[target], len(chain), chain))
                    continue
                for call in blocked[target]:
                    rank = min(call, urgent.get(makes[call], call))
                    ranked.append((rank, len(chain) + 1, (*chain, call)))
        denied = [call for call in waiting if plan.is_mismatch(call)]
        if denied:
            ways = self.indefinite.escapes(value, used, limit, effects, self._identity)
            ranked += [(min(denied), 1, way) for way in ways]
        return ranked
