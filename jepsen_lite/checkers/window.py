"""Parts of a history that stand for the whole: if the part is impossible, so is the whole.

Calls cannot be left out at will: without the write, the read of its value is impossible, and that
says nothing about the history. A part is *closed* if, for every call in it that requires a value,
each call of the whole that could have set the value it saw is in it too. Then any order of the
whole, without the calls that are left out, is an order of the part: whatever a call saw was set by
the same call as before, or was there from the beginning. So a closed part that has no order
refutes the whole, and says so in few calls.

Which calls could have set what Z saw? Not one invoked after Z returned. Not one that had returned
before some call Y of the part began, where Y sets a value too and returned before Z began: then Y
came between. Of the others, those that make the value Z requires; for a mismatch, which could
have seen anything but its `old`, all of them.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from jepsen_lite.checkers.calls import Call
from jepsen_lite.models import Action, Cas, Delete, Mismatch, Read, Write
from jepsen_lite.values import Observed, Value

_END = float("inf")


class Windows:
    """The closed parts of one key's calls. Building this is linear but for a sort."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = calls
        self.by_return = sorted(
            (at for at, call in enumerate(calls) if call.returned is not None), key=self._end
        )
        self._changers = [at for at, call in enumerate(calls) if _changes(call.action)]
        self._makers: dict[Value, list[int]] = {}
        for at in self._changers:
            self._makers.setdefault(_makes(calls[at].action), []).append(at)
        self._fresh = _Latest(
            (self._end(at), calls[at].invoked, at)
            for at in self._changers
            if isinstance(calls[at].action, Write | Delete)
        )

    def around(self, call: int, size: int) -> frozenset[int]:
        """A closed part: *size* calls that returned before the definite *call*, some after it."""
        place = self.by_return.index(call)
        return self.closed(
            self.by_return[max(0, place - size) : place + size // 4 + 1], anchored=True
        )

    def closed(self, seeds: Iterable[int], *, anchored: bool = False) -> frozenset[int]:
        """The smallest closed part that holds *seeds* (indices of calls).

        *anchored* puts more in at first: for each call that saw something, a write that surely came
        before it, so that all that is older can stay out.
        """
        part = set(seeds)
        while True:
            if anchored:
                part |= {self._fresh.before(self._begin(at)) for at in part if self._saw(at)} - {-1}
            latest = _Latest(
                (self._end(at), self._begin(at), self._begin(at))
                for at in part
                if _changes(self.calls[at].action)
            )
            missing = {maker for at in part for maker in self._makers_of(at, latest)} - part
            if not missing:
                return frozenset(part)
            part |= missing

    def with_writers(self, part: frozenset[int], size_max: int) -> frozenset[int]:
        """*part*, with a writer for each value that is required in it, as a reader expects.

        A part may be impossible just because the only writer of a value was surely overwritten, and
        then the writer can be left out. What is put back makes a possible part of no impossible
        one. Nothing is put back that would bring in more than *size_max* calls.
        """
        while True:
            made = {_makes(self.calls[at].action) for at in part if _changes(self.calls[at].action)}
            writers = {
                makers[0]
                for at in part
                for value in _seen(self.calls[at].action)
                if value not in made and (makers := self._makers.get(value))
            }
            larger = self.closed(part | writers)
            if len(larger) == len(part) or len(larger) > size_max:
                return part
            part = larger

    def _makers_of(self, at: int, latest: "_Latest") -> list[int]:
        """Whoever could have set what call *at* saw."""
        action = self.calls[at].action
        makers = [maker for value in _seen(action) for maker in self._makers.get(value, ())]
        if isinstance(action, Mismatch) and action.observed is None:
            makers = self._changers
        overwritten, end = latest.before(self._begin(at)), self._end(at)
        return [
            maker
            for maker in makers
            if self._begin(maker) < end and self._end(maker) >= overwritten and maker != at
        ]

    def _saw(self, at: int) -> bool:
        return isinstance(self.calls[at].action, Read | Cas | Mismatch)

    def _begin(self, at: int) -> int:
        return self.calls[at].invoked

    def _end(self, at: int) -> float:
        end = self.calls[at].returned
        return _END if end is None else end


class _Latest:
    """Of the changers that had returned before some moment, the one that was invoked last."""

    def __init__(self, changers: Iterable[tuple[float, int, int]]) -> None:
        """*changers*: return, invocation, and what to answer for it."""
        known = sorted(changer for changer in changers if changer[0] < _END)
        self._ends = [end for end, _, _ in known]
        self._answers = [
            answer for _, answer in accumulate(((begin, answer) for _, begin, answer in known), max)
        ]

    def before(self, moment: int) -> int:
        """The answer for that changer; -1 if none had returned."""
        place = bisect_left(self._ends, moment)
        return self._answers[place - 1] if place else -1


def prefix(calls: Sequence[Call], returns: Sequence[int], length: int) -> dict[int, Call]:
    """What was known when the first *length* of *returns* (calls by return) had happened.

    By index: a call that was still open has no return yet, and only matters if it changes something
    by itself. A linearizable history has only linearizable prefixes.
    """
    if length == 0:
        return {}
    now = calls[returns[length - 1]].returned
    assert now is not None, "returns lists definite calls"
    known: dict[int, Call] = {}
    for at, call in enumerate(calls):
        if call.returned is not None and call.returned <= now:
            known[at] = call
        elif call.invoked < now and _changes(call.action):
            known[at] = Call(call.action, call.invoked, None)
    return known


def _changes(action: Action) -> bool:
    """Whether *action* sets a value. A cas from a value to itself leaves things as they are."""
    return isinstance(action, Write | Delete) or (
        isinstance(action, Cas) and action.old != action.new
    )


def _makes(action: Action) -> Value:
    match action:
        case Write(value) | Cas(new=value):
            return value
        case _:
            return None


def _seen(action: Action) -> tuple[Value, ...]:
    """The value that *action* cannot do without, if there is just one."""
    match action:
        case Read(value) | Cas(old=value) | Mismatch(observed=Observed(value)):
            return (value,)
        case _:
            return ()
