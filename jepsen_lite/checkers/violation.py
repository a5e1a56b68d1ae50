"""A violation as a story: who saw what, where, and what had been acknowledged before that.

The proof is a handful of operations; the story picks the one that saw something it should not have
seen, and the acknowledgement that forbids it. The report draws the operations, a sentence tells it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jepsen_lite.checkers.calls import Call
from jepsen_lite.checkers.shrink import Core
from jepsen_lite.history import Operation
from jepsen_lite.models import INITIAL, Action, Cas, Delete, Mismatch, Read, Write
from jepsen_lite.values import Key, show


@dataclass(frozen=True, slots=True)
class Violation:
    """Operations on one key that no order explains.

    *operations* are in invoke order; those of *open_ones* (places in it) had not ended, or nobody
    knows how, when the operation at place *culprit* returned and made the history impossible.
    *confirmed* says whether the brute-force judge agrees; None if they are too many for it.
    """

    key: Key
    operations: tuple[Operation, ...]
    culprit: int
    open_ones: frozenset[int]
    confirmed: bool | None
    sentence: str

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
            "operations": [
                _operation_json(operation, is_open=at in self.open_ones)
                for at, operation in enumerate(self.operations)
            ],
        }


def violation_of(calls: Sequence[tuple[Call, Operation]], core: Core) -> Violation:
    """The violation that *core* found among *calls*, all of one key."""
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
        sentence=_sentence(calls, core),
    )


def _sentence(calls: Sequence[tuple[Call, Operation]], core: Core) -> str:
    """Who saw what, and why that cannot be."""
    observer = _observer(core)
    if observer is None:
        return _of_key(
            calls[core.culprit][1], f"no order explains these {len(core.calls)} operations"
        )
    call, operation = core.calls[observer], calls[observer][1]
    told = f"process {show(operation.process)} {_seen(operation, call.action)}{_where(operation)}"
    writers = [other for other, _ in calls if _makes(other.action, _required(call.action))]
    if _required(call.action) not in {INITIAL, _ANY}:
        if not writers:
            return _of_key(operation, f"{told}, a value that nobody ever wrote")
        if all(other.invoked > (call.returned or 0) for other in writers):
            return _of_key(operation, f"{told}, before anybody wrote it")
    if (forbidding := _acknowledged(core, observer)) is not None:
        told += f", although {_acknowledgement(core.calls[forbidding], calls[forbidding][1])}"
        told += f"{_how_long(calls[forbidding][1], operation)}before that {operation.f} began"
    return _of_key(operation, told)


def _acknowledgement(call: Call, operation: Operation) -> str:
    """Whose what had been acknowledged by whom."""
    where = _where(operation, "by")
    done = f"process {show(operation.process)}'s {_effect(call.action)} had been acknowledged"
    return f"{done}{where}, " if where else f"{done} "


_ANY = object()
"""What a mismatch requires that did not say what it saw: nothing in particular."""


def _observer(core: Core) -> int | None:
    """The definite call that saw something, and returned last."""
    seers = [
        (call.returned, at)
        for at, call in core.calls.items()
        if call.returned is not None and isinstance(call.action, Read | Cas | Mismatch)
    ]
    return max(seers)[1] if seers else None


def _acknowledged(core: Core, observer: int) -> int | None:
    """The last call before the observer began that surely set another value, or saw one."""
    seer = core.calls[observer]
    before = [
        (call.returned, at)
        for at, call in core.calls.items()
        if call.returned is not None
        and call.returned < seer.invoked
        and not isinstance(call.action, Mismatch)
        and not _makes(call.action, _required(seer.action))
        and call.action != seer.action
    ]
    return max(before)[1] if before else None


def _required(action: Action) -> object:
    match action:
        case Read(value) | Cas(old=value):
            return value
        case Mismatch(_, observed) if observed is not None:
            return observed.value
        case _:
            return _ANY


def _makes(action: Action, value: object) -> bool:
    """Whether *action* sets *value*."""
    match action:
        case Write(new) | Cas(new=new):
            return new == value
        case Delete():
            return value is None
        case _:
            return False


def _seen(operation: Operation, action: Action) -> str:
    match action:
        case Read(value):
            return f"read {show(value)}"
        case Cas(old, new):
            return f"replaced {show(old)} by {show(new)}"
        case Mismatch(old, observed):
            saw = "" if observed is None else f" because of {show(observed.value)}"
            return f"was refused a cas from {show(old)}{saw}"
        case _:
            return operation.f


def _effect(action: Action) -> str:
    match action:
        case Write(value):
            return f"write of {show(value)}"
        case Cas(old, new):
            return f"cas from {show(old)} to {show(new)}"
        case Read(value):
            return f"read of {show(value)}"
        case _:
            return "delete"


def _where(operation: Operation, preposition: str = "from") -> str:
    """By which node, in which term, where the history says so."""
    extra: Mapping[str, object] = operation.completion.extra if operation.completion else {}
    node, term = extra.get("served_by", extra.get("node")), extra.get("term")
    by = "" if node is None else f" {preposition} {_name(node)}"
    return by + ("" if term is None else f" in term {show(term)}")


def _name(node: object) -> str:
    """A node's name bare where it is one plain word, and else as JSON, safe to print."""
    plain = isinstance(node, str) and node.isascii() and node.replace("-", "").isalnum()
    return str(node) if plain and len(str(node)) <= _NAME_MAX else show(node)


_NAME_MAX = 40


def _how_long(earlier: Operation, later: Operation) -> str:
    """How long before *later* began *earlier* had ended; nothing if the clock says nonsense."""
    assert earlier.completion is not None, "an acknowledged operation has completed"
    gap_ns = later.invoke.time - earlier.completion.time
    return "" if gap_ns < 0 else f"{gap_ns / 1e6:,.1f} ms "


def _of_key(operation: Operation, sentence: str) -> str:
    return sentence if operation.key is None else f"key {show(operation.key)}: {sentence}"


def _operation_json(operation: Operation, *, is_open: bool) -> dict[str, object]:
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
