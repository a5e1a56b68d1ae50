"""Checkers: from what clients saw to a verdict.

    result = check_linearizable(read_history(path, KV))
    result.valid, result.message, result.violation

`check_linearizable` answers true, false or unknown for each key and for the history, explains a
violation by the few operations that prove it, and lends the order it found to `mutation_score`,
which says how much a true verdict is worth.

Reading order: `calls` (what a judge sees), `brute` (the judge that is too simple to be wrong),
`plan`, `chains` and `search` (the one that is fast), `replay` (the one that checks a yes),
`window` (parts that refute the whole), `judge` (all of them on one key), `shrink`, `sentence` and
`violation` (why not), `linearizable` (a whole history), `mutation` (what a yes is worth).
"""

from jepsen_lite.checkers.linearizable import KeyResult, LinearizableResult, check_linearizable
from jepsen_lite.checkers.mutation import MutationScore, mutation_score
from jepsen_lite.checkers.search import NODES_MAX
from jepsen_lite.checkers.violation import Violation

__all__ = [
    "NODES_MAX",
    "KeyResult",
    "LinearizableResult",
    "MutationScore",
    "Violation",
    "check_linearizable",
    "mutation_score",
]
