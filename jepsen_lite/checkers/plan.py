"""The calls of one key, laid out so that the search touches only small integers.

Definite calls are numbered by the order of their returns, indefinite ones after them by the order
of their invocations. The *frontier* `r` is the first definite call that has no place yet: whatever
is invoked before its return may be placed now, and nothing else. All that is placed beyond the
frontier was therefore in flight when `r` returned, and each call in flight has a *slot* of its own,
so what has been done is `r` and one bit a slot: as many bits as there are clients, however long
the history (rule 1, the windowed key).

Values are numbers too. One number, `nothing`, stands where a call has no such value, and counts
nothing, so that the bookkeeping needs no branches.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import assert_never

from jepsen_lite.checkers.calls import Call
from jepsen_lite.models import INITIAL, Action, Cas, Delete, Mismatch, Read, Write
from jepsen_lite.values import Value


@dataclass(slots=True)
class Plan:
    """One key's calls. The lists below `calls_at` have one element a call.

    A call *requires* the value without which it is impossible, *watches* the value whose presence
    it can tell apart (the same, or the `old` of a mismatch), and *makes* the value that it sets.
    An indefinite cas watches its `old` but requires nothing: it need not happen.
    """

    definite: int
    nothing: int
    initial: int
    calls_at: list[int]
    requires: list[int] = field(default_factory=list)
    watches: list[int] = field(default_factory=list)
    makes: list[int] = field(default_factory=list)
    bits: list[int] = field(default_factory=list)
    arrivals: list[tuple[int, ...]] = field(default_factory=list)
    """For each frontier, the definite calls invoked since the return before it."""
    indefinite_open: list[int] = field(default_factory=list)
    """For each frontier, how many indefinite calls have been invoked before its return."""

    def is_mismatch(self, call: int) -> bool:
        """Whether *call* saw only that a value was not there."""
        return self.requires[call] == self.nothing != self.watches[call]


def lay_out(calls: Sequence[Call]) -> Plan:
    """The plan of *calls*. Linear, but for the sorting."""
    returns = {at: end for at, call in enumerate(calls) if (end := call.returned) is not None}
    definite = sorted(returns, key=returns.__getitem__)
    indefinite = sorted(
        (at for at, call in enumerate(calls) if call.returned is None and _can_matter(call)),
        key=lambda at: calls[at].invoked,
    )
    calls_at = definite + indefinite
    words = [_words(calls[at].action) for at in calls_at]
    numbers: dict[Value | _Never, int] = {INITIAL: 0}
    for number in (value for triple in words for value in triple if value is not _NOTHING):
        numbers.setdefault(number, len(numbers))
    nothing = numbers[_NOTHING] = len(numbers)
    plan = Plan(len(definite), nothing, numbers[INITIAL], calls_at)
    for call, (requires, watches, makes) in enumerate(words):
        must = call < plan.definite
        plan.requires.append(numbers[requires] if must else nothing)
        plan.watches.append(numbers[watches])
        plan.makes.append(numbers[makes])
    _place_in_time(plan, [calls[at] for at in calls_at])
    return plan


class _Never:
    """A value that nothing can write, unlike any other."""


_NOTHING = _Never()


def _can_matter(call: Call) -> bool:
    """An indefinite call that changes nothing need not happen."""
    action = call.action
    return not isinstance(action, Read | Mismatch) and not (
        isinstance(action, Cas) and action.old == action.new
    )


def _words(action: Action) -> tuple[Value | _Never, Value | _Never, Value | _Never]:
    """What *action* requires, watches and makes."""
    match action:
        case Read(value):
            return value, value, _NOTHING
        case Write(value):
            return _NOTHING, _NOTHING, value
        case Delete():
            return _NOTHING, _NOTHING, None
        case Cas(old, new):
            return old, old, _NOTHING if old == new else new
        case Mismatch(old, observed):
            if observed is None:
                return _NOTHING, old, _NOTHING
            # To have seen `old` itself as "a value other than old" is impossible in any state.
            seen: Value | _Never = _Never() if observed.value == old else observed.value
            return seen, seen, _NOTHING
        case _:
            assert_never(action)


def _place_in_time(plan: Plan, calls: Sequence[Call]) -> None:
    """Slots, arrivals and open indefinite calls, by one walk over all events."""
    free: list[int] = []
    slots = 0
    plan.bits = [0] * plan.definite
    arrived: list[int] = []
    indefinite = 0
    for _, call, is_return in sorted(_events(calls)):
        if is_return:
            plan.arrivals.append(tuple(arrived))
            plan.indefinite_open.append(indefinite)
            arrived.clear()
            heappush(free, plan.bits[call])
        elif call >= plan.definite:
            indefinite += 1
        else:
            if not free:
                heappush(free, 1 << slots)
                slots += 1
            plan.bits[call] = heappop(free)
            arrived.append(call)


def _events(calls: Sequence[Call]) -> Iterable[tuple[int, int, bool]]:
    for at, call in enumerate(calls):
        yield call.invoked, at, False
        if call.returned is not None:
            yield call.returned, at, True
