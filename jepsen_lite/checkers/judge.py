"""The verdict on one key: the search, helped where it gets stuck, and checked where it says yes.

Most histories are decided by a search of about as many places as there are writes. Where it takes
longer, the reason is nearly always a violation near the furthest call, and many ways of ordering
what came long before it. Then a closed part around that call (see `window`) refutes the whole in
a few places. Only if that fails is the rest of the budget spent on the whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jepsen_lite.checkers.calls import Call
from jepsen_lite.checkers.replay import replay
from jepsen_lite.checkers.search import Exhausted, Found, Outcome, Refuted, search
from jepsen_lite.checkers.window import Windows

_FIRST_NODES: Final = 2_000
_FIRST_NODES_PER_CALL: Final = 2
_WINDOW_NODES: Final = 20_000
_WINDOW_SIZES: Final = (8, 32, 128, 512)
_SUSPECTS_MAX: Final = 4


def judge(calls: Sequence[Call], nodes_max: int) -> Outcome:
    """Whether *calls*, all of one key, have an order; looks at no more than *nodes_max* places."""
    first = _FIRST_NODES + _FIRST_NODES_PER_CALL * len(calls)
    outcome = search(calls, min(nodes_max, first))
    if isinstance(outcome, Exhausted) and outcome.nodes < nodes_max:
        spent = outcome.nodes
        near = refute_near(Windows(calls), outcome, nodes_max - spent)
        spent += near.nodes
        if near.part is not None:
            return Refuted(outcome.furthest, spent, outcome.suspects)
        if spent >= nodes_max:
            return Exhausted(outcome.furthest, spent, outcome.suspects)
        outcome = search(calls, nodes_max - spent)
    if isinstance(outcome, Found):
        wrong = replay(calls, outcome.order)
        if wrong is not None:  # no assert: this one holds under `python -O` as well
            raise AssertionError(f"the order that was found does not stand: {wrong}")
    return outcome


@dataclass(frozen=True, slots=True)
class Near:
    """An impossible closed part (indices of calls), or None if none was found; and its cost."""

    part: frozenset[int] | None
    nodes: int


def refute_near(windows: Windows, stuck: Refuted | Exhausted, nodes_max: int) -> Near:
    """Look for an impossible part around where a search got *stuck*, small ones first."""
    centres = (*stuck.suspects[:_SUSPECTS_MAX], stuck.furthest)
    spent = 0
    for size in _WINDOW_SIZES:
        for centre in centres:
            part = windows.around(centre, size)
            if spent >= nodes_max:
                return Near(None, spent)
            if len(part) == len(windows.calls):
                continue
            outcome = search_part(
                {at: windows.calls[at] for at in part}, min(_WINDOW_NODES, nodes_max - spent)
            )
            spent += outcome.nodes
            if isinstance(outcome, Refuted):
                return Near(part, spent)
    return Near(None, spent)


def search_part(part: Mapping[int, Call], nodes_max: int) -> Outcome:
    """Search some calls under the indices that they have in the whole."""
    indices = sorted(part)
    outcome = search([part[at] for at in indices], nodes_max)
    if isinstance(outcome, Found):
        return Found(tuple(indices[at] for at in outcome.order), outcome.nodes)
    suspects = tuple(indices[at] for at in outcome.suspects)
    return type(outcome)(indices[outcome.furthest], outcome.nodes, suspects)
