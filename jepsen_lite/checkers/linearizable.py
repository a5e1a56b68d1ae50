"""Is a history linearizable? The verdict in words, as values, and as JSON.

The history is split by key, each key is judged alone, and the verdicts are merged: one key that is
false makes the history false, whatever else is unknown. A true verdict has been replayed by
separate code; a false one is explained by the few operations that prove it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from jepsen_lite.checkers.calls import Call, calls_by_key
from jepsen_lite.checkers.judge import judge
from jepsen_lite.checkers.search import NODES_MAX, Exhausted, Found, Outcome, Refuted
from jepsen_lite.checkers.shrink import shrink
from jepsen_lite.checkers.violation import Violation, violation_of
from jepsen_lite.history import Event, EventType, History, Operation
from jepsen_lite.models import KV, Model
from jepsen_lite.values import Key, show
from jepsen_lite.verdict import Verdict


@dataclass(frozen=True, slots=True)
class KeyResult:
    """The verdict on one key.

    *operations* counts what clients asked, *calls* what of that binds an order, *nodes* the places
    the search looked at. *furthest* is the operation that no attempt could place, unless the
    verdict is true; then *order* holds the linearization, as places in *calls*.
    """

    key: Key
    valid: Verdict
    operations: int
    nodes: int
    calls: Sequence[Call] = field(repr=False)
    order: Sequence[int] = field(repr=False)
    furthest: Operation | None

    def to_json(self) -> dict[str, object]:
        """The figures; a linearization is not written out."""
        furthest = None
        if self.furthest is not None:
            furthest = {"invoke_line": self.furthest.invoked_at, "event": _event(self.furthest)}
        return {
            "key": self.key,
            "valid": self.valid.to_json(),
            "operations": self.operations,
            "calls": len(self.calls),
            "nodes": self.nodes,
            "furthest": furthest,
        }


@dataclass(frozen=True, slots=True)
class LinearizableResult:
    """The verdict on a history, in *message* the same in words.

    *violation* explains the false key whose history became impossible first.
    """

    valid: Verdict
    message: str
    per_key: tuple[KeyResult, ...]
    violation: Violation | None = None
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """What `results.json` keeps of this check."""
        return {
            "valid": self.valid.to_json(),
            "message": self.message,
            "per_key": [result.to_json() for result in self.per_key],
            "violation": None if self.violation is None else self.violation.to_json(),
            "warnings": list(self.warnings),
        }


def check_linearizable(
    history: History | Iterable[Event], model: Model = KV, *, nodes_max: int = NODES_MAX
) -> LinearizableResult:
    """Judge *history*; of bare events, as a history of *model*.

    *nodes_max* bounds the search on each key. Raises `MalformedHistory` if the events make none.
    """
    if not isinstance(history, History):
        history = History.of(history, model)
    counts: dict[Key, int] = {}
    for operation in history.operations:
        counts[operation.key] = counts.get(operation.key, 0) + 1
    by_key = calls_by_key(history.operations)
    results: list[KeyResult] = []
    violations: list[Violation] = []
    for key, calls in by_key.items():
        outcome = judge([call for call, _ in calls], nodes_max)
        results.append(_result(key, calls, counts[key], outcome))
        if isinstance(outcome, Refuted):
            core = shrink([call for call, _ in calls], outcome)
            violations.append(violation_of(calls, core, _refused(history.operations, key)))
    violation = min(violations, key=lambda each: each.line, default=None)
    return LinearizableResult(
        valid=Verdict.worst(result.valid for result in results),
        message=_message(results, violation),
        per_key=tuple(results),
        violation=violation,
        warnings=history.warnings,
    )


def _refused(operations: Iterable[Operation], key: Key) -> list[Operation]:
    """What failed on *key*: it binds no order, but somebody may have seen it all the same."""
    return [
        one
        for one in operations
        if one.key == key and one.completion and one.completion.type is EventType.FAIL
    ]


def _result(
    key: Key, calls: Sequence[tuple[Call, Operation]], operations: int, outcome: Outcome
) -> KeyResult:
    return KeyResult(
        key=key,
        valid=_VERDICTS[type(outcome)],
        operations=operations,
        nodes=outcome.nodes,
        calls=[call for call, _ in calls],
        order=outcome.order if isinstance(outcome, Found) else (),
        furthest=None if isinstance(outcome, Found) else calls[outcome.furthest][1],
    )


_VERDICTS = {Found: Verdict.TRUE, Refuted: Verdict.FALSE, Exhausted: Verdict.UNKNOWN}


def _message(results: Sequence[KeyResult], violation: Violation | None) -> str:
    """The verdict in a few sentences, the gravest first."""
    if not results:
        return "Linearizable: there are no operations, so there was nothing to judge."
    total = sum(result.operations for result in results)
    judged = f"{total} operation{'s' if total > 1 else ''}"
    if [result.key for result in results] != [None]:
        judged += f" on {len(results)} key{'s' if len(results) > 1 else ''}"
    unknown = [result for result in results if result.valid is Verdict.UNKNOWN]
    doubts = "".join(f" {_doubt(result)}" for result in unknown[:3])
    if len(unknown) > 3:
        doubts += f" And so for {len(unknown) - 3} more keys."
    if violation is not None:
        false = sum(result.valid is Verdict.FALSE for result in results)
        keys = "" if len(results) == 1 else f" on {false} of {len(results)} keys"
        return f"Not linearizable{keys}: {violation.sentence}.{doubts}"
    if unknown:
        return f"Unknown whether {judged} are linearizable.{doubts}"
    return f"Linearizable: {judged}; an order was found for each, and replayed."


def _doubt(result: KeyResult) -> str:
    assert result.furthest is not None, "an unknown verdict has a furthest event"
    where = "The search" if result.key is None else f"Key {show(result.key)}: the search"
    nodes = f"{result.nodes} node{'s' if result.nodes > 1 else ''}"
    return (
        f"{where} stopped after {nodes}; the furthest event it reached is "
        f"line {result.furthest.completed_at}, {_event(result.furthest)}."
    )


def _event(operation: Operation) -> str:
    """The completion of *operation*, in words."""
    completion = operation.completion
    assert completion is not None, "only what has returned can be the furthest"
    return (
        f"process {show(operation.process)} {completion.type.value} {operation.f} "
        f"{show(completion.value)}"
    )
