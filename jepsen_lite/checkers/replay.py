"""The second opinion on "true": the order that was found, replayed by code that knows no search.

A search with seven pruning rules can be wrong in many ways; this cannot be wrong in many. It shares
nothing with the search but the model and the calls.
"""

from collections.abc import Sequence

from jepsen_lite.checkers.calls import Call
from jepsen_lite.models import INITIAL, Illegal, step


def replay(calls: Sequence[Call], order: Sequence[int]) -> str | None:
    """What is wrong with *order*, places in *calls*, as a linearization of them; None if nothing.

    A linearization holds each definite call once and each indefinite one at most once, is legal
    step by step, and puts no call behind one that was invoked after it had returned.
    """
    if len(set(order)) < len(order):
        return "a call stands twice in the order"
    if missing := {at for at, call in enumerate(calls) if call.returned is not None} - set(order):
        return f"call {min(missing)} is not in the order"
    state, latest_invocation = INITIAL, -1
    for at in order:
        call = calls[at]
        latest_invocation = max(latest_invocation, call.invoked)
        if call.returned is not None and call.returned < latest_invocation:
            return f"call {at} had returned before one that the order puts ahead of it was invoked"
        try:
            state = step(state, call.action)
        except Illegal:
            return f"call {at}, {call.action}, is not possible at its place"
    return None
