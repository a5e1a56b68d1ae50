"""Does the search say what brute force says, and does its order stand?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jepsen_lite.checkers.brute import is_linearizable
from jepsen_lite.checkers.calls import Call
from jepsen_lite.checkers.replay import replay
from jepsen_lite.checkers.search import Exhausted, Found, search


@dataclass(slots=True)
class Tally:
    """What a comparison came to; *disagreements* holds the first few, told."""

    histories: int = 0
    impossible: int = 0
    disagreements: int = 0
    told: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"{self.histories} histories ({self.impossible} impossible), "
            f"{self.disagreements} disagreements"
        )


def disagreement(calls: Sequence[Call]) -> str | None:
    """What is wrong with the search's answer for *calls*; None if nothing."""
    return _disagreement(calls, possible=is_linearizable(calls))


def _disagreement(calls: Sequence[Call], *, possible: bool) -> str | None:
    outcome = search(calls)
    if isinstance(outcome, Exhausted):
        return "the search did not finish"
    if isinstance(outcome, Found) != possible:
        return f"brute force says {possible}, the search {outcome}"
    return replay(calls, outcome.order) if isinstance(outcome, Found) else None


def compare(histories: Iterable[Sequence[Call]]) -> Tally:
    """Put all of *histories* before both judges."""
    tally = Tally()
    for calls in histories:
        tally.histories += 1
        possible = is_linearizable(calls)
        tally.impossible += not possible
        wrong = _disagreement(calls, possible=possible)
        if wrong is not None:
            tally.disagreements += 1
            tally.told = (*tally.told, f"{wrong}: {calls}")[:3]
    return tally
