"""A violation: the handful of operations that prove it, and the sentence that tells it.

The report draws the operations, in their window of time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jepsen_lite.checkers.calls import Call
from jepsen_lite.checkers.sentence import refused_writer, sentence_of
from jepsen_lite.checkers.shrink import Core
from jepsen_lite.history import Operation
from jepsen_lite.values import Key


@dataclass(frozen=True, slots=True)
class Violation:
    """Operations on one key that no order explains.

    *operations* are in invoke order; those of *open_ones* (places in it) had not ended, or nobody
    knows how, when the operation at place *culprit* returned and made the history impossible.
    *confirmed* says whether the brute-force judge agrees; None if they are too many for it.
    *refused* is no part of the proof: the write that failed, if what it asked for was seen.
    """

    key: Key
    operations: tuple[Operation, ...]
    culprit: int
    open_ones: frozenset[int]
    confirmed: bool | None
    sentence: str
    refused: Operation | None

    @property
    def line(self) -> int:
        """The line of the history up to which, and not earlier, no order exists."""
        line = self.operations[self.culprit].completed_at
        assert line is not None, "the culprit returned"
        return line

    @property
    def window_ns(self) -> tuple[int, int]:
        """From the first invoke to the culprit's return, by the `time` of the lines."""
        culprit = self.operations[self.culprit].completion
        assert culprit is not None, "the culprit returned"
        return min(operation.invoke.time for operation in self.operations), culprit.time

    def to_json(self) -> dict[str, object]:
        """Everything that a report needs to draw the violation."""
        return {
            "key": self.key,
            "sentence": self.sentence,
            "line": self.line,
            "window_ns": list(self.window_ns),
            "culprit": self.culprit,
            "confirmed_by_brute_force": self.confirmed,
            "refused": None if self.refused is None else _operation_json(self.refused),
            "operations": [
                _operation_json(operation, is_open=at in self.open_ones)
                for at, operation in enumerate(self.operations)
            ],
        }


def violation_of(
    calls: Sequence[tuple[Call, Operation]], core: Core, refused: Sequence[Operation]
) -> Violation:
    """The violation that *core* found among *calls*, all of one key.

    *refused* are the operations on that key that failed.
    """
    indices = sorted(core.calls)
    operations = tuple(calls[at][1] for at in indices)
    return Violation(
        key=operations[0].key,
        operations=operations,
        culprit=indices.index(core.culprit),
        open_ones=frozenset(
            place for place, at in enumerate(indices) if core.calls[at].returned is None
        ),
        confirmed=core.confirmed,
        sentence=sentence_of(calls, core, refused),
        refused=refused_writer(calls, core, refused),
    )


def _operation_json(operation: Operation, *, is_open: bool = False) -> dict[str, object]:
    completion = operation.completion
    return {
        "process": operation.process,
        "f": operation.f,
        "value": operation.invoke.value,
        "type": "none" if completion is None else completion.type.value,
        "seen": completion.value if completion is not None and operation.f == "read" else None,
        "error": None if completion is None else completion.error,
        "open": is_open,
        "invoke_line": operation.invoked_at,
        "completion_line": operation.completed_at,
        "invoke_ns": operation.invoke.time,
        "completion_ns": None if completion is None else completion.time,
        **({} if completion is None else dict(completion.extra)),
    }
