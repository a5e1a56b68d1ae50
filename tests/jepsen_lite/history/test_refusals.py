"""What is no history: the line is named by its number, and the sentence says what belongs there."""

from __future__ import annotations

from typing import Any, Final

import pytest

from jepsen_lite.history import Event, EventType, History, MalformedHistory
from jepsen_lite.history.reader import DIGITS_MAX, LINE_BYTES_MAX, NESTING_MAX
from jepsen_lite.models import REGISTER
from tests.jepsen_lite.history.lines import (
    Line,
    did,
    fail,
    history_of,
    info,
    invoke,
    line,
    ok,
    refusal,
    refusal_of,
    text_of,
)

A_WRITE: Final = did(0, "write", 1)

WORDS: Final[dict[str, tuple[str, Line, str]]] = {
    "a cas of a register": (
        "register",
        invoke(0, "cas", [1, 2]),
        'the model register has no operation "cas"; it knows read, write',
    ),
    "a delete of a register": (
        "register",
        invoke(0, "delete"),
        'the model register has no operation "delete"; it knows read, write',
    ),
    "a delete of a cas-register": (
        "cas-register",
        invoke(0, "delete"),
        'the model cas-register has no operation "delete"; it knows cas, read, write',
    ),
    "an operation that no model has": (
        "kv",
        invoke(0, "append", 1, key="x"),
        'the model kv has no operation "append"; it knows cas, delete, read, write',
    ),
    "a key of a register": (
        "register",
        invoke(0, "write", 1, key="x"),
        "the model register has no keys, so no field 'key'",
    ),
    "a key of a cas-register": (
        "cas-register",
        invoke(0, "write", 1, key="x"),
        "the model cas-register has no keys, so no field 'key'",
    ),
    "an operation without a key": (
        "kv",
        invoke(0, "write", 1),
        "an operation of the model kv names its key",
    ),
    "a null key": ("kv", invoke(0, "read", key=None), "an operation of the model kv names its key"),
    "a boolean key": (
        "kv",
        invoke(0, "read", key=True),
        "key is a text or an integer, not true",
    ),
    "a fraction as key": (
        "kv",
        invoke(0, "read", key=1.5),
        "key is a text or an integer, not 1.5",
    ),
    "a list as key": ("kv", invoke(0, "read", key=["x"]), "key is a text or an integer"),
    "a write of null": (
        "register",
        invoke(0, "write", None),
        "a write's value is an integer or a text, not null",
    ),
    "a write of a boolean": (
        "register",
        invoke(0, "write", True),
        "a write's value is an integer or a text, not true",
    ),
    "a write of a fraction": (
        "register",
        invoke(0, "write", 1.0),
        "a write's value is an integer or a text, not 1.0",
    ),
    "a write of a list": ("register", invoke(0, "write", [1]), "not [1]"),
    "a write of an object": ("register", invoke(0, "write", {"a": 1}), 'not {"a": 1}'),
    "a read's invoke with a value": (
        "register",
        invoke(0, "read", 1),
        "the value of this read is null, not 1",
    ),
    "a delete with a value": (
        "kv",
        invoke(0, "delete", 1, key="x"),
        "the value of this delete is null, not 1",
    ),
    "a cas without a pair": (
        "cas-register",
        invoke(0, "cas", 1),
        "a cas has the value [old, new], not 1",
    ),
    "a cas of null": (
        "cas-register",
        invoke(0, "cas", None),
        "a cas has the value [old, new], not null",
    ),
    "a cas with one value": ("cas-register", invoke(0, "cas", [1]), "[old, new], not [1]"),
    "a cas with three values": ("cas-register", invoke(0, "cas", [1, 2, 3]), "not [1, 2, 3]"),
    "a cas that sets null": (
        "cas-register",
        invoke(0, "cas", [1, None]),
        "a cas sets an integer or a text as new, not null",
    ),
    "a cas that sets a boolean": ("cas-register", invoke(0, "cas", [1, False]), "not false"),
    "a cas that expects a boolean": (
        "cas-register",
        invoke(0, "cas", [True, 1]),
        "a cas expects an integer, a text or null as old, not true",
    ),
    "a cas that expects a fraction": ("cas-register", invoke(0, "cas", [0.5, 1]), "not 0.5"),
    "a cas that expects a list": ("cas-register", invoke(0, "cas", [[1], 2]), "not [1]"),
    "an invoke with an error": (
        "register",
        invoke(0, "write", 1, error="late"),
        "an 'error' belongs to fail and info, not to invoke",
    ),
    "an f that is no text": ("register", invoke(0, "read") | {"f": 1}, "f is a text, not 1"),
    "an unknown type": (
        "register",
        line("done", 0, "read"),
        'type is one of invoke, ok, fail, info, not "done"',
    ),
    "a type that is no text": (
        "register",
        invoke(0, "read") | {"type": ["ok"]},
        'type is one of invoke, ok, fail, info, not ["ok"]',
    ),
    "a boolean process": (
        "register",
        invoke(True, "read"),
        "process is an integer or a text, not true",
    ),
    "a null process": ("register", invoke(None, "read"), "process is an integer or a text"),
    "a fraction as process": ("register", invoke(0.0, "read"), "not 0.0"),
    "a fraction as time": (
        "register",
        invoke(0, "read", time=1.5),
        "time is a whole number of nanoseconds, not 1.5",
    ),
    "a boolean as time": ("register", invoke(0, "read", time=True), "not true"),
    "a time beyond 64 bits": (
        "register",
        invoke(0, "read", time=1 << 63),
        "time is a number of nanoseconds of at most 64 bits, not 9223372036854775808",
    ),
}

COMPLETIONS: Final[dict[str, tuple[str, tuple[Line, ...], str]]] = {
    "a second invoke of an open process": (
        "register",
        (invoke(0, "write", 1), invoke(0, "write", 2)),
        "line 2: process 0 invokes while its operation of line 1 is open",
    ),
    "a completion without invoke": (
        "register",
        (*A_WRITE, ok(1, "write", 2)),
        "line 3: 'ok' completes nothing: process 1 has no open operation",
    ),
    "a second completion": (
        "register",
        (*A_WRITE, fail(0, "write", 1)),
        "line 3: 'fail' completes nothing: process 0 has no open operation",
    ),
    "a completion of another process of the same look": (
        "register",
        (invoke(1, "write", 1), ok("1", "write", 1)),
        "line 2: 'ok' completes nothing: process \"1\" has no open operation",
    ),
    "a completion of another f": (
        "register",
        (invoke(0, "write", 1), ok(0, "read", 1)),
        "line 2: the completion speaks of read, but line 1 invoked write with value 1",
    ),
    "a completion of another key": (
        "kv",
        (invoke(0, "write", 1, key="x"), ok(0, "write", 1, key="y")),
        'line 2: the completion speaks of write of key "y", but line 1 invoked write of key "x"',
    ),
    "an ok with another value": (
        "register",
        (invoke(0, "write", 1), ok(0, "write", 2)),
        "line 2: the completion speaks of value 2, but line 1 invoked write with value 1",
    ),
    "an info with another value": (
        "register",
        (invoke(0, "write", 1), info(0, "write", "1")),
        'line 2: the completion speaks of value "1", but line 1 invoked write with value 1',
    ),
    "a cas that completes with another pair": (
        "cas-register",
        (invoke(0, "cas", [1, 2]), fail(0, "cas", [1, 3], error="mismatch")),
        "line 2: the completion speaks of value [1, 3], but line 1 invoked cas with value [1, 2]",
    ),
    "a read that fails with a value": (
        "register",
        (invoke(0, "read"), fail(0, "read", 1)),
        "line 2: the value of this read is null, not 1",
    ),
    "a read that saw a boolean": (
        "register",
        (invoke(0, "read"), ok(0, "read", False)),
        "line 2: a read sees an integer, a text or null, not false",
    ),
    "a read that saw a list": (
        "register",
        (invoke(0, "read"), ok(0, "read", [1])),
        "line 2: a read sees an integer, a text or null, not [1]",
    ),
    "an ok with an error": (
        "register",
        (invoke(0, "write", 1), ok(0, "write", 1, error="late")),
        "line 2: an 'error' belongs to fail and info, not to ok",
    ),
    "a mismatch that observed a boolean": (
        "cas-register",
        (invoke(0, "cas", [1, 2]), fail(0, "cas", [1, 2], error="mismatch", observed=True)),
        "line 2: a cas observes an integer, a text or null, not true",
    ),
    "an invoke of a used-up process": (
        "register",
        (invoke(0, "write", 1), info(0, "write", 1), invoke(0, "read")),
        "line 3: process 0 was used up by its indefinite operation of line 1",
    ),
    "a completion of a used-up process": (
        "register",
        (invoke(0, "write", 1), info(0, "write", 1), ok(0, "write", 1)),
        "line 3: process 0 was used up by its indefinite operation of line 1",
    ),
    "an invoke of a process used up by a read": (
        "register",
        (invoke(0, "read"), info(0, "read"), invoke(0, "read")),
        "line 3: process 0 was used up by its indefinite operation of line 1",
    ),
    "a line after some of the nemesis, which count": (
        "register",
        ({"process": "nemesis"}, *A_WRITE, {"process": "nemesis"}, ok(0, "write", 1)),
        "line 5: 'ok' completes nothing",
    ),
}

_WRITE = b'{"process":0,"type":"invoke","f":"write","time":0,"value":1'

TEXTS: Final[dict[str, tuple[bytes, str]]] = {
    "an empty line": (b"\n", "expected one JSON object: "),
    "no JSON": (b"invoke write 1\n", "expected one JSON object: Expecting value at character 1"),
    "half a line that is not the last": (b'{"process":0,\n', "expected one JSON object: "),
    "two objects": (b"{} {}\n", "expected one JSON object: Extra data at character 4"),
    "a list": (b"[]\n", "expected one JSON object, not []"),
    "a number": (b"7\n", "expected one JSON object, not 7"),
    "null": (b"null\n", "expected one JSON object, not null"),
    "no UTF-8": (_WRITE + b',"x":"\xff"}\n', "not UTF-8; a line is one JSON object in UTF-8"),
    "a field that stands twice": (
        _WRITE + b',"value":2}\n',
        'expected one JSON object: the field "value" stands twice',
    ),
    "NaN": (_WRITE + b',"x":NaN}\n', "expected one JSON object: NaN is no JSON"),
    "infinity": (_WRITE + b',"x":-Infinity}\n', "expected one JSON object: -Infinity is no JSON"),
    "an integer without a bound": (
        _WRITE + b',"x":' + b"9" * (DIGITS_MAX + 1) + b"}\n",
        f"expected one JSON object: an integer of more than {DIGITS_MAX} digits",
    ),
    "lists nested beyond the bound": (
        _WRITE + b',"x":' + b"[" * NESTING_MAX + b"]" * NESTING_MAX + b"}\n",
        f"nested more than {NESTING_MAX} deep, the most allowed",
    ),
    "lists nested beyond any stack": (
        b"[" * 200_000 + b"\n",
        f"nested more than {NESTING_MAX} deep, the most allowed",
    ),
    "objects nested beyond any stack": (
        b'{"a":' * 200_000 + b"\n",
        f"nested more than {NESTING_MAX} deep, the most allowed",
    ),
    "a line longer than the bound": (
        b" " * LINE_BYTES_MAX + b"{}\n",
        f"longer than {LINE_BYTES_MAX} bytes, the most allowed",
    ),
}


@pytest.mark.parametrize("case", WORDS)
def test_a_line_that_the_model_does_not_know_is_named_with_what_belongs_there(case: str) -> None:
    model, wrong, reason = WORDS[case]
    before = [one | ({"key": "x"} if model == "kv" else {}) for one in A_WRITE]

    told = refusal(model, *before, wrong)

    assert told.startswith("line 3: ")
    assert reason in told
    assert "\n" not in told


@pytest.mark.parametrize("case", COMPLETIONS)
def test_a_line_that_does_not_follow_from_those_before_it_is_named(case: str) -> None:
    model, lines, reason = COMPLETIONS[case]

    assert refusal(model, *lines).startswith(reason)


@pytest.mark.parametrize("case", TEXTS)
def test_a_line_that_is_not_one_plain_json_object_is_named(case: str) -> None:
    text, reason = TEXTS[case]

    told = refusal_of(text_of(A_WRITE) + text + text_of(A_WRITE))

    assert told.startswith(f"line 3: {reason}")
    assert len(told) < 200


@pytest.mark.parametrize("name", ["process", "type", "f", "value", "time"])
def test_a_field_that_is_missing_is_named(name: str) -> None:
    wrong: dict[str, Any] = invoke(0, "read")
    del wrong[name]

    assert refusal("register", wrong) == f"line 1: the field '{name}' is missing"


def test_what_is_just_within_the_bounds_is_taken() -> None:
    nested = b"[" * (NESTING_MAX - 1) + b"]" * (NESTING_MAX - 1)
    many = b"[" + b",".join([b"[]"] * 100) + b"]"
    digits = b"9" * DIGITS_MAX
    text = _WRITE + b',"x":' + nested + b',"y":' + many + b',"z":' + digits + b"}\n"

    assert len(history_of(text.rjust(LINE_BYTES_MAX), "register").operations) == 1


def test_a_torn_line_excuses_none_before_it() -> None:
    assert refusal_of(b"half a line\n" + b"torn").startswith("line 1: expected one JSON object")


def test_events_in_memory_pass_the_same_gate_as_a_file() -> None:
    event = Event(process=0, type=EventType.INVOKE, f="write", value=True, time=0)

    with pytest.raises(MalformedHistory, match=r"^line 1: a write's value is an integer or a text"):
        History.of([event], REGISTER)
