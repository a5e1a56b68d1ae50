"""Which lines make a history: each alone, and each after those before it.

A malformed history gets no verdict. A harness that records a second invoke of an open process, or
a completion that answers another question, has a fault of its own, and a judge who guessed past it
would judge something that did not happen. So every rule is checked, and the line is named.

Alone, a line has its fields with their types, and an `f` and a `key` that the model knows.
After the others, it invokes an idle process or completes the open operation of its process in the
words of the invoke. After `info` a process number is used up: the operation is still out there,
and a process has one operation at a time.
"""

from collections.abc import Mapping
from typing import Final, NoReturn, cast

from jepsen_lite.history.event import FIELDS, NEMESIS, Event, EventType, Process
from jepsen_lite.history.operation import Operation
from jepsen_lite.models import Model
from jepsen_lite.values import Key, Observed, is_value, show

_TYPES: Final = {kind.value: kind for kind in EventType}

_TIME_MAX: Final = (1 << 63) - 1
"""Nanoseconds: 292 years. Times are subtracted and drawn, so they have to fit a float."""


class MalformedHistory(ValueError):  # noqa: N818  # the judgement, not the program, is in error
    """A line breaks a rule of the format, so that there is nothing to judge.

    *line* is the line's number, counted from 1; *reason* says what was wrong and what belongs
    there.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class Grammar:
    """Reads the lines of one history in their order, and pairs them into operations.

    `operations` grows by one at each invoke; an operation is replaced by its completed self when
    its second line comes.
    """

    def __init__(self, model: Model) -> None:
        self.operations: list[Operation] = []
        self.model = model
        self._open: dict[Process, int] = {}
        self._used_up: dict[Process, int] = {}

    def read(self, line: int, record: object) -> Event | None:
        """Take the JSON value of *line*: its event, or None for a line of the nemesis.

        Raises `MalformedHistory`.
        """
        if not isinstance(record, dict):
            _refuse(line, f"expected one JSON object, not {show(record)}")
        if record.get("process") == NEMESIS:
            return None
        event = self._event(line, record)
        self.take(line, event)
        return event

    def take(self, line: int, event: Event) -> None:
        """Take *event*, whose fields are already of the right types, as the next line.

        Raises `MalformedHistory`.
        """
        self._check_words(line, event)
        process = event.process
        if process in self._used_up:
            _refuse(
                line,
                f"process {show(process)} was used up by its indefinite operation of line "
                f"{self._used_up[process]}; a client goes on under a new number",
            )
        if event.type is EventType.INVOKE:
            self._invoke(line, event)
        else:
            self._complete(line, event)

    def _invoke(self, line: int, event: Event) -> None:
        at = self._open.get(event.process)
        if at is not None:
            _refuse(
                line,
                f"process {show(event.process)} invokes while its operation of line "
                f"{self.operations[at].invoked_at} is open; it must complete first",
            )
        self._open[event.process] = len(self.operations)
        self.operations.append(Operation(event, line))

    def _complete(self, line: int, event: Event) -> None:
        at = self._open.pop(event.process, None)
        if at is None:
            _refuse(
                line,
                f"{event.type.value!r} completes nothing: process {show(event.process)} has no "
                "open operation",
            )
        begun = self.operations[at]
        invoke = begun.invoke
        if (invoke.f, invoke.key) != (event.f, event.key):
            _disagree(line, begun, _asked(event))
        is_answer = event.f == "read" and event.type is EventType.OK
        if not is_answer and invoke.value != event.value:
            _disagree(line, begun, f"value {show(event.value)}")
        if event.type is EventType.INFO:
            self._used_up[event.process] = begun.invoked_at
        self.operations[at] = Operation(invoke, begun.invoked_at, event, line)

    def _event(self, line: int, record: Mapping[str, object]) -> Event:
        """The fields of one line, each of its type."""
        for name in ("process", "type", "f", "value", "time"):
            if name not in record:
                _refuse(line, f"the field {name!r} is missing")
        process, kind, f = record["process"], record["type"], record["f"]
        if type(process) is not int and type(process) is not str:
            _refuse(line, f"process is an integer or a text, not {show(process)}")
        if type(kind) is not str or kind not in _TYPES:
            _refuse(line, f"type is one of invoke, ok, fail, info, not {show(kind)}")
        if type(f) is not str:
            _refuse(line, f"f is a text, not {show(f)}")
        time, error = record["time"], record.get("error")
        if type(time) is not int:
            _refuse(line, f"time is a whole number of nanoseconds, not {show(time)}")
        if abs(time) > _TIME_MAX:
            _refuse(line, f"time is a number of nanoseconds of at most 64 bits, not {show(time)}")
        if error is not None and type(error) is not str:
            error = show(error)  # whatever it is: only one text has a meaning
        key, value = record.get("key"), record["value"]
        if not is_value(key):
            _refuse(line, f"key is a text or an integer, not {show(key)}")
        return Event(
            process=process,
            type=_TYPES[kind],
            f=f,
            key=cast("Key", key),
            value=tuple(value) if isinstance(value, list) else value,
            time=time,
            error=error,
            observed=_observed(line, record) if f == "cas" and kind == "fail" else None,
            extra={name: record[name] for name in record.keys() - FIELDS},
        )

    def _check_words(self, line: int, event: Event) -> None:
        """What the model knows: the operation, the key, and the shape of the value."""
        model, f, value = self.model, event.f, event.value
        if f not in model.functions:
            known = ", ".join(sorted(model.functions))
            _refuse(line, f"the model {model.name} has no operation {show(f)}; it knows {known}")
        if model.keyed and event.key is None:
            _refuse(line, f"an operation of the model {model.name} names its key")
        if not model.keyed and event.key is not None:
            _refuse(line, f"the model {model.name} has no keys, so no field 'key'")
        if event.error is not None and event.type in {EventType.INVOKE, EventType.OK}:
            _refuse(line, f"an 'error' belongs to fail and info, not to {event.type.value}")
        if f == "cas":
            _check_cas(line, value)
        elif f == "write":
            if value is None or not is_value(value):
                _refuse(line, f"a write's value is an integer or a text, not {show(value)}")
        elif f == "read" and event.type is EventType.OK:
            if not is_value(value):
                _refuse(line, f"a read sees an integer, a text or null, not {show(value)}")
        elif value is not None:
            _refuse(line, f"the value of this {f} is null, not {show(value)}")


def _check_cas(line: int, value: object) -> None:
    """`[old, new]`: old may be null (create), new may not (delete does that)."""
    if not isinstance(value, tuple) or len(value) != 2:
        _refuse(line, f"a cas has the value [old, new], not {show(value)}")
    old, new = value
    if not is_value(old):
        _refuse(line, f"a cas expects an integer, a text or null as old, not {show(old)}")
    if new is None or not is_value(new):
        _refuse(line, f"a cas sets an integer or a text as new, not {show(new)}")


def _observed(line: int, record: Mapping[str, object]) -> Observed | None:
    """What a refused cas saw, where the line says so. Null is something seen."""
    if "observed" not in record or record.get("error") != "mismatch":
        return None
    seen = record["observed"]
    if seen is not None and type(seen) is not int and type(seen) is not str:
        _refuse(line, f"a cas observes an integer, a text or null, not {show(seen)}")
    return Observed(seen)


def _disagree(line: int, begun: Operation, what: str) -> NoReturn:
    _refuse(
        line,
        f"the completion speaks of {what}, but line {begun.invoked_at} invoked "
        f"{_asked(begun.invoke)} with value {show(begun.invoke.value)}",
    )


def _asked(event: Event) -> str:
    return event.f if event.key is None else f"{event.f} of key {show(event.key)}"


def _refuse(line: int, reason: str) -> NoReturn:
    raise MalformedHistory(line, reason)
