"""Does a green verdict mean anything? Copies of the history with one lie each, judged again.

In each copy one read says that it saw an older value: one that its key held earlier in the order
that was found. Some such copies are linearizable (a read that overlaps a write may see either), so
the share that is caught is a measure of the workload, not of the checker: with few clients, rare
writes or repeated values, stale reads go unnoticed, and then "true" says little.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from jepsen_lite.checkers.calls import Call
from jepsen_lite.checkers.judge import judge, refute_near
from jepsen_lite.checkers.linearizable import KeyResult, LinearizableResult
from jepsen_lite.checkers.search import NODES_MAX, Exhausted, Refuted
from jepsen_lite.checkers.window import Windows
from jepsen_lite.models import INITIAL, Read, step
from jepsen_lite.values import Value
from jepsen_lite.verdict import Verdict


@dataclass(frozen=True, slots=True)
class MutationScore:
    """How many of the copies were judged false, and how many could not be decided."""

    copies: int
    caught: int
    undecided: int
    seed: int

    @property
    def message(self) -> str:
        """The score in words."""
        if not self.copies:
            return "No read could be replaced by an older value, so the verdict was not put to it."
        told = f"Of {self.copies} copies with one read made stale, {self.caught} were caught"
        share = f"({100 * self.caught / self.copies:.0f} %)"
        doubt = f"; {self.undecided} could not be decided" if self.undecided else ""
        return f"{told} {share}{doubt}."

    def to_json(self) -> dict[str, object]:
        """The figures and the sentence."""
        return {
            "copies": self.copies,
            "caught": self.caught,
            "undecided": self.undecided,
            "seed": self.seed,
            "message": self.message,
        }


def mutation_score(
    result: LinearizableResult, *, seed: int, copies: int = 200, nodes_max: int = NODES_MAX
) -> MutationScore:
    """Judge *copies* copies of a history that was found linearizable; the dice are *seed*'s.

    Raises ValueError if *result* is not true: only an order tells which values are older.
    """
    if result.valid is not Verdict.TRUE:
        raise ValueError("only a history that was found linearizable has a mutation score")
    reads = [read for key in result.per_key for read in _reads(key)]
    dice = Random(seed)
    caught = undecided = 0
    copies = copies if reads else 0
    for _ in range(copies):
        key, at, older = dice.choice(reads)
        verdict = _judge_copy(key.calls, at, dice.choice(older), nodes_max)
        caught += verdict is Verdict.FALSE
        undecided += verdict is Verdict.UNKNOWN
    return MutationScore(copies, caught, undecided, seed)


def _reads(result: KeyResult) -> Iterator[tuple[KeyResult, int, Sequence[Value]]]:
    """Each read of one key, with the values that the key held before, other than the one it saw."""
    state: Value = INITIAL
    held: list[Value] = [state]
    for at in result.order:
        action = result.calls[at].action
        if isinstance(action, Read):
            older = [value for value in held[-_OLDER_MAX:] if value != state]
            if older:
                yield result, at, older
        after = step(state, action)
        if after != state:
            held.append(after)
        state = after


_OLDER_MAX = 32
"""How many of the values held before a read are candidates to replace what it saw."""


def _judge_copy(calls: Sequence[Call], at: int, value: Value, nodes_max: int) -> Verdict:
    """The verdict on *calls*, if the read at place *at* had seen *value*.

    Looks around the lie first: that finds most lies in a few calls.
    """
    copy = list(calls)
    copy[at] = replace(copy[at], action=Read(value))
    near = refute_near(Windows(copy), Exhausted(at, 0), nodes_max)
    if near.part is not None:
        return Verdict.FALSE
    outcome = judge(copy, nodes_max)
    if isinstance(outcome, Refuted):
        return Verdict.FALSE
    return Verdict.UNKNOWN if isinstance(outcome, Exhausted) else Verdict.TRUE
