"""From "impossible" to the few calls that make it so.

First the shortest impossible prefix: the return that nothing could have prevented being wrong.
Then, of that prefix, a closed part (see `window`) around its last return, made smaller as long as
it stays impossible (delta debugging, Zeller and Hildebrandt 2002). What is left is itself a proof,
small enough to draw, and, when it is small enough, put before the brute-force judge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jepsen_lite.checkers.brute import BRUTE_CALLS_MAX, is_linearizable
from jepsen_lite.checkers.calls import Call
from jepsen_lite.checkers.judge import refute_near, search_part
from jepsen_lite.checkers.search import Refuted
from jepsen_lite.checkers.window import Windows, prefix

_NODES: Final = 20_000
"""The budget of one try. What is not refuted within it counts as possible."""

_NEAR_NODES: Final = 200_000

_TRIES_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class Core:
    """An impossible part of one key's calls.

    *calls* holds its calls by their index in the whole; those that were open at the last return
    are indefinite. *culprit* is the call whose return ends the shortest impossible prefix.
    *confirmed* says whether the brute-force judge agrees; None if the part is too large for it.
    """

    calls: Mapping[int, Call]
    culprit: int
    confirmed: bool | None


def shrink(calls: Sequence[Call], refuted: Refuted) -> Core:
    """The core of *calls*, which a search has *refuted*."""
    windows = Windows(calls)
    returns = windows.by_return
    length = _shortest(calls, returns, _bounds(windows, refuted))
    part = prefix(calls, returns, length)
    culprit = returns[length - 1]
    core = _minimal(part, culprit)
    confirmed = None
    if len(core) <= BRUTE_CALLS_MAX:
        confirmed = not is_linearizable([core[at] for at in sorted(core)])
        assert confirmed, "the brute-force judge finds an order of what was said to have none"
    return Core(core, culprit, confirmed)


def _impossible(part: Mapping[int, Call]) -> bool:
    return isinstance(search_part(part, _NODES + len(part)), Refuted)


def _bounds(windows: Windows, refuted: Refuted) -> tuple[int, int]:
    """A possible length and an impossible one, of the prefix to be found.

    All that returned before the furthest call was placed in some attempt, so that much is possible.
    (Not so if the search made no attempt, because nobody ever wrote what a call requires.)
    An impossible part is over with its last return, and so is the prefix that holds it.
    """
    returns = windows.by_return
    possible = returns.index(refuted.furthest) if refuted.nodes else 0
    part = refute_near(windows, refuted, _NEAR_NODES).part
    if part is None:
        return possible, len(returns)
    calls = {at: windows.calls[at] for at in part}
    ends = [at for at in returns if at in part]
    indices = sorted(part)
    listed = [calls[at] for at in indices]
    length = _shortest(listed, [indices.index(at) for at in ends], (0, len(ends)))
    return possible, returns.index(ends[length - 1]) + 1


def _shortest(calls: Sequence[Call], returns: Sequence[int], bounds: tuple[int, int]) -> int:
    """The length of the shortest prefix that is shown to be impossible, within *bounds*.

    Goes down from the upper bound in growing strides, since the lower one may be far away.
    """
    possible, impossible = bounds
    stride = 1
    while impossible - possible > 1:
        middle = max(impossible - stride, (possible + impossible) // 2)
        if _impossible(prefix(calls, returns, middle)):
            impossible, stride = middle, stride * 2
        else:
            possible = middle
    return impossible


def _minimal(part: Mapping[int, Call], culprit: int) -> Mapping[int, Call]:
    """A part of *part* that is impossible, and of which nothing more can be left out."""
    indices = sorted(part)
    windows = Windows([part[at] for at in indices])
    place = indices.index(culprit)

    def impossible(kept: frozenset[int]) -> bool:
        return _impossible({at: windows.calls[at] for at in kept})

    size = 4
    kept = windows.around(place, size)
    while len(kept) < len(indices) and not impossible(kept):
        size *= 2
        kept = windows.around(place, size)
    chunk, tries = len(kept), 0
    while chunk > 1 and tries < _TRIES_MAX:
        chunk = (chunk + 1) // 2
        shrunk = True
        while shrunk and tries < _TRIES_MAX:
            shrunk = False
            candidates = sorted(kept)
            for start in range(0, len(candidates), chunk):
                fewer = windows.closed(kept - set(candidates[start : start + chunk]))
                if len(fewer) < len(kept):
                    tries += 1
                    if impossible(fewer):
                        kept, shrunk = fewer, True
    kept = windows.with_writers(kept, BRUTE_CALLS_MAX)
    return {indices[at]: windows.calls[at] for at in sorted(kept)}
