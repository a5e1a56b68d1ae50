"""A violation in one sentence: who saw what from which node, and what forbids it.

Of the operations that prove it, the sentence picks the one that saw what it should not have seen,
and says why it should not: nobody ever wrote that, or it had been refused, or not asked for yet;
something else had been acknowledged, or seen, before; or somebody else had taken it.
"""

from collections.abc import Mapping, Sequence

from jepsen_lite.checkers.calls import Call
from jepsen_lite.checkers.shrink import Core
from jepsen_lite.history import Operation
from jepsen_lite.models import INITIAL, Action, Cas, Delete, Mismatch, Read, Write
from jepsen_lite.values import show


def sentence_of(
    calls: Sequence[tuple[Call, Operation]], core: Core, refused: Sequence[Operation]
) -> str:
    """Who saw what, and why that cannot be.

    *calls* are all of one key, *core* the few of them that prove it, *refused* what failed there.
    """
    observer = _observer(core)
    if observer is None:
        told = f"no order explains these {len(core.calls)} operations"
        return _of_key(calls[core.culprit][1], told)
    operation = calls[observer][1]
    told = _seen(operation, core.calls[observer].action)
    for reason in (
        _without_a_writer(calls, core, observer, refused),
        _against_an_acknowledgement(calls, core, observer),
        _taken_by_another(calls, core, observer),
    ):
        if reason is not None:
            return _of_key(operation, f"{told}, {reason}")
    return _of_key(operation, told)


def refused_writer(
    calls: Sequence[tuple[Call, Operation]], core: Core, refused: Sequence[Operation]
) -> Operation | None:
    """Of the *refused*, the one whose value was seen all the same, if nobody else wrote it."""
    observer = _observer(core)
    if observer is None:
        return None
    value = _required(core.calls[observer].action)
    if value in {INITIAL, _ANY} or any(_makes(call.action, value) for call, _ in calls):
        return None
    wishes = ((operation, operation.wish()) for operation in refused)
    return next(
        (operation for operation, wish in wishes if wish is not None and _makes(wish, value)), None
    )


def _without_a_writer(
    calls: Sequence[tuple[Call, Operation]], core: Core, observer: int, refused: Sequence[Operation]
) -> str | None:
    """What was seen was never written, or was refused, or was asked for only later."""
    call, operation = calls[observer]
    value = _required(call.action)
    if value in {INITIAL, _ANY}:
        return None
    writers = [other for other, _ in calls if _makes(other.action, value)]
    if not writers:
        writer = refused_writer(calls, core, refused)
        if writer is None:
            return "a value that nobody ever wrote"
        return f"although {_refusal(writer, operation)}"
    if all(other.invoked > (call.returned or 0) for other in writers):
        return "before anybody wrote it"
    return None


def _against_an_acknowledgement(
    calls: Sequence[tuple[Call, Operation]], core: Core, observer: int
) -> str | None:
    """Something else had surely been set, or seen, before the observer began."""
    seer = core.calls[observer]
    before = [
        (call.returned, at)
        for at, call in core.calls.items()
        if call.returned is not None
        and call.returned < seer.invoked
        and _forbids(call.action, seer.action)
    ]
    if not before:
        return None
    at = max(before)[1]
    told = _acknowledged(calls[at][1], core.calls[at].action)
    return f"although {told}{_how_long(calls[at][1], calls[observer][1])}"


def _taken_by_another(
    calls: Sequence[tuple[Call, Operation]], core: Core, observer: int
) -> str | None:
    """Another cas replaced the same value, which was there for one of them."""
    action = core.calls[observer].action
    for at, call in core.calls.items():
        other = call.action
        if (
            at != observer
            and isinstance(action, Cas)
            and isinstance(other, Cas)
            and (other.old == action.old != other.new)
            and call.returned is not None
        ):
            return f"and {_seen(calls[at][1], other)}: only one of them can have found it"
    return None


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


def _forbids(earlier: Action, later: Action) -> bool:
    """Whether *later*, right after *earlier*, would be impossible."""
    if isinstance(earlier, Mismatch):
        return False
    if isinstance(later, Mismatch) and later.observed is None:
        return _makes(earlier, later.old) or earlier == Read(later.old)
    required = _required(later)
    saw_it = isinstance(earlier, Read) and earlier.value == required
    return not saw_it and not _makes(earlier, required)


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
    """Whose operation saw what, and where."""
    who = f"process {show(operation.process)}"
    match action:
        case Read(value):
            return f"{who} read {show(value)}{_where(operation, 'from')}"
        case Cas(old, new):
            return f"{who} replaced {show(old)} by {show(new)}{_where(operation, 'on')}"
        case Mismatch(old, observed):
            saw = f"did not find {show(old)}"
            if observed is not None:
                saw = f"found {show(observed.value)} instead of {show(old)}"
            return f"{who}'s cas {saw}{_where(operation, 'on')}"
        case _:
            return f"{who} did a {operation.f}"


def _acknowledged(operation: Operation, action: Action) -> str:
    """Whose what had been acknowledged by whom; a read had seen it."""
    who = f"process {show(operation.process)}"
    if isinstance(action, Read):
        return f"{who} had read {show(action.value)}{_where(operation, 'from')}"
    return f"{who}'s {_effect(action)} had been acknowledged{_where(operation, 'by')}"


def _refusal(operation: Operation, observer: Operation) -> str:
    """Whose what had been refused by whom, and why."""
    wish = operation.wish()
    assert operation.completion is not None, "a refused operation has completed"
    assert wish is not None, "only what would have changed something can have been seen"
    error = operation.completion.error
    why = "" if error is None else f" ({show(error)})"
    who = f"process {show(operation.process)}"
    told = f"{who}'s {_effect(wish)} was refused{_where(operation, 'by')}{why}"
    return f"{told}{_how_long(operation, observer)}"


def _effect(action: Action) -> str:
    match action:
        case Write(value):
            return f"write of {show(value)}"
        case Cas(old, new):
            return f"cas from {show(old)} to {show(new)}"
        case _:
            return "delete"


def _where(operation: Operation, preposition: str) -> str:
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
    if earlier.completed_at is None or earlier.completed_at > later.invoked_at:
        return ""
    gap_ns = later.invoke.time - earlier.completion.time
    if gap_ns < 0:
        return f" before that {later.f} began"
    gap = f"{gap_ns / 1e6:.1f} ms" if gap_ns < 1_000_000_000 else f"{gap_ns / 1e9:,.1f} s"
    return f", {gap} before that {later.f} began"


def _of_key(operation: Operation, sentence: str) -> str:
    return sentence if operation.key is None else f"key {show(operation.key)}: {sentence}"
