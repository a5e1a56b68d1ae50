"""The judge that is too simple to be wrong, for histories of a few calls.

It tries every order that real time allows, one call after another, and remembers only where it has
already failed. The search is compared with it over every small history, and a violation that was
shrunk to a few calls is put before it once more.
"""

from collections.abc import Sequence
from typing import Final

from jepsen_lite.checkers.calls import Call
from jepsen_lite.models import INITIAL, Illegal, step
from jepsen_lite.values import Value

BRUTE_CALLS_MAX: Final = 12
"""Beyond this many calls the number of orders is no longer small."""


def is_linearizable(calls: Sequence[Call]) -> bool:
    """Whether some order of *calls* is legal. Takes time exponential in their number."""
    failed: set[tuple[frozenset[int], Value]] = set()

    def extend(remaining: frozenset[int], state: Value) -> bool:
        returns = [end for at in remaining if (end := calls[at].returned) is not None]
        if not returns:
            return True
        if (remaining, state) in failed:
            return False
        for at in remaining:
            if calls[at].invoked < min(returns):
                try:
                    after = step(state, calls[at].action)
                except Illegal:
                    continue
                if extend(remaining - {at}, after):
                    return True
        failed.add((remaining, state))
        return False

    return extend(frozenset(range(len(calls))), INITIAL)
