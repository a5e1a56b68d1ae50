"""What the lines of a history mean: each sentence of the format is a case with its verdict."""

from __future__ import annotations

from typing import Final

import pytest

from jepsen_lite.checkers import check_linearizable
from jepsen_lite.verdict import Verdict
from tests.jepsen_lite.history.lines import (
    Line,
    did,
    fail,
    history_of,
    info,
    invoke,
    ok,
    text_of,
    verdict,
)

TRUE, FALSE = Verdict.TRUE, Verdict.FALSE

VALUES: Final[dict[str, tuple[str, Verdict, tuple[Line, ...]]]] = {
    "a register starts null": ("register", TRUE, did(0, "read", None)),
    "a register starts without a value": ("register", FALSE, did(0, "read", 0)),
    "a read sees the integer that was written": (
        "register",
        TRUE,
        (*did(0, "write", 1), *did(0, "read", 1)),
    ),
    "a text is a value": ("register", TRUE, (*did(0, "write", "a"), *did(0, "read", "a"))),
    "the empty text is a value, and not null": (
        "register",
        FALSE,
        (*did(0, "write", ""), *did(0, "read", None)),
    ),
    "zero is a value, and not null": (
        "register",
        FALSE,
        (*did(0, "write", 0), *did(0, "read", None)),
    ),
    "an integer and a text that looks like it differ": (
        "register",
        FALSE,
        (*did(0, "write", 1), *did(0, "read", "1")),
    ),
    "an integer may be far beyond 64 bits": (
        "register",
        TRUE,
        (*did(0, "write", 10**300), *did(0, "read", 10**300)),
    ),
    "integers beyond a fraction's precision differ": (
        "register",
        FALSE,
        (*did(0, "write", 2**60), *did(0, "read", 2**60 + 1)),
    ),
    "a cas replaces what it expects": (
        "cas-register",
        TRUE,
        (*did(0, "write", 1), *did(0, "cas", [1, 2]), *did(0, "read", 2)),
    ),
    "a cas that expects another value cannot go well": (
        "cas-register",
        FALSE,
        (*did(0, "write", 1), *did(0, "cas", [3, 2])),
    ),
    "a cas may expect null: it creates": (
        "cas-register",
        TRUE,
        (*did(0, "cas", [None, 2]), *did(0, "read", 2)),
    ),
    "a cas that creates needs null to be there": (
        "cas-register",
        FALSE,
        (*did(0, "write", 1), *did(0, "cas", [None, 2])),
    ),
    "a cas may set the value that it expects": (
        "cas-register",
        TRUE,
        (*did(0, "write", 1), *did(0, "cas", [1, 1]), *did(0, "read", 1)),
    ),
    "a cas to the value that it expects has still seen it": (
        "cas-register",
        FALSE,
        (*did(0, "write", 2), *did(0, "cas", [1, 1])),
    ),
    "a delete sets null": (
        "kv",
        TRUE,
        (*did(0, "write", 1, key="x"), *did(0, "delete", key="x"), *did(0, "read", None, key="x")),
    ),
    "a delete of nothing succeeds": (
        "kv",
        TRUE,
        (*did(0, "delete", key="x"), *did(0, "delete", key="x"), *did(0, "read", None, key="x")),
    ),
    "what was deleted is gone": (
        "kv",
        FALSE,
        (*did(0, "write", 1, key="x"), *did(0, "delete", key="x"), *did(0, "read", 1, key="x")),
    ),
    "keys are apart from each other": (
        "kv",
        FALSE,
        (*did(0, "write", 1, key="x"), *did(0, "read", 1, key="y")),
    ),
    "an integer key and a text key that looks like it differ": (
        "kv",
        FALSE,
        (*did(0, "write", 1, key=7), *did(0, "read", 1, key="7")),
    ),
    "each key starts null": (
        "kv",
        TRUE,
        (*did(0, "write", 1, key="x"), *did(0, "read", None, key="y")),
    ),
}

OUTCOMES: Final[dict[str, tuple[str, Verdict, tuple[Line, ...]]]] = {
    "the order of lines is the order of time, whatever `time` says": (
        "register",
        FALSE,
        (
            *(invoke(0, "write", 1, time=5), ok(0, "write", 1, time=6)),
            *(invoke(0, "read", time=1), ok(0, "read", None, time=2)),
        ),
    ),
    "two operations that overlap may take either order": (
        "register",
        TRUE,
        (invoke(0, "write", 1), invoke(1, "read"), ok(1, "read", None), ok(0, "write", 1)),
    ),
    "a write that failed had no effect": (
        "register",
        FALSE,
        (invoke(0, "write", 1), fail(0, "write", 1), *did(1, "read", 1)),
    ),
    "a write that failed had no effect, whatever its error": (
        "register",
        FALSE,
        (invoke(0, "write", 1), fail(0, "write", 1, error="mismatch"), *did(1, "read", 1)),
    ),
    "an error may be anything": (
        "register",
        FALSE,
        (invoke(0, "write", 1), fail(0, "write", 1, error=["http", 503]), *did(1, "read", 1)),
    ),
    "a delete that failed had no effect": (
        "kv",
        FALSE,
        (
            *did(0, "write", 1, key="x"),
            *(invoke(0, "delete", key="x"), fail(0, "delete", key="x", error="no-leader")),
            *did(0, "read", None, key="x"),
        ),
    ),
    "a read that failed saw nothing": (
        "register",
        TRUE,
        (*did(0, "write", 1), invoke(0, "read"), fail(0, "read", error="no-leader")),
    ),
    "a process goes on after a failure": (
        "register",
        TRUE,
        (invoke(0, "write", 1), fail(0, "write", 1), *did(0, "write", 2), *did(0, "read", 2)),
    ),
    "a write of unknown outcome may have happened": (
        "register",
        TRUE,
        (invoke(0, "write", 1), info(0, "write", 1, error="timeout"), *did(1, "read", 1)),
    ),
    "a write of unknown outcome may happen at any later time": (
        "register",
        TRUE,
        (
            *(invoke(0, "write", 1), info(0, "write", 1)),
            *did(1, "write", 2),
            *did(1, "read", 2),
            *did(1, "read", 1),
        ),
    ),
    "a write of unknown outcome may never happen": (
        "register",
        TRUE,
        (invoke(0, "write", 1), info(0, "write", 1), *did(1, "read", None)),
    ),
    "a write of unknown outcome happens once at most": (
        "register",
        FALSE,
        (
            *(invoke(0, "write", 1), info(0, "write", 1)),
            *did(1, "read", 1),
            *did(1, "write", 2),
            *did(1, "read", 1),
        ),
    ),
    "a write of unknown outcome does not happen before it was asked for": (
        "register",
        FALSE,
        (*did(1, "read", 1), invoke(0, "write", 1), info(0, "write", 1)),
    ),
    "an operation that never completes is of unknown outcome": (
        "register",
        TRUE,
        (invoke(0, "write", 1), *did(1, "read", None), *did(1, "read", 1)),
    ),
    "a cas of unknown outcome may have happened": (
        "cas-register",
        TRUE,
        (invoke(0, "cas", [None, 1]), info(0, "cas", [None, 1]), *did(1, "read", 1)),
    ),
    "a cas of unknown outcome happens only where its old value is": (
        "cas-register",
        FALSE,
        (invoke(0, "cas", [7, 1]), info(0, "cas", [7, 1]), *did(1, "read", 1)),
    ),
    "a cas of unknown outcome saw nothing, whatever its error": (
        "cas-register",
        TRUE,
        (*did(1, "write", 1), invoke(0, "cas", [1, 2]), info(0, "cas", [1, 2], error="mismatch")),
    ),
    "a read of unknown outcome saw nothing": (
        "register",
        TRUE,
        (*did(1, "write", 1), invoke(0, "read"), info(0, "read")),
    ),
}


def _refused_cas(now: int | None, expected: int | None, **fields: object) -> tuple[Line, ...]:
    """A cas that failed where the value is certain to be *now*."""
    before = () if now is None else did(1, "write", now)
    value = [expected, 9]
    return (*before, invoke(0, "cas", value), fail(0, "cas", value, **fields))


MISMATCHES: Final[dict[str, tuple[Verdict, tuple[Line, ...]]]] = {
    "a cas that failed saw nothing": (TRUE, _refused_cas(1, 1)),
    "a cas that failed by any other error saw nothing": (TRUE, _refused_cas(1, 1, error="busy")),
    "only the one text is a mismatch": (TRUE, _refused_cas(1, 1, error=["mismatch"])),
    "not even what it says it observed": (TRUE, _refused_cas(1, 1, error="busy", observed=5)),
    "nor if that is no value": (TRUE, _refused_cas(1, 1, error="busy", observed=[True])),
    "a mismatch saw a value other than old": (TRUE, _refused_cas(1, 2, error="mismatch")),
    "a mismatch cannot be where old is": (FALSE, _refused_cas(1, 1, error="mismatch")),
    "a mismatch with null is one with a value": (TRUE, _refused_cas(1, None, error="mismatch")),
    "a mismatch with null cannot be where null is": (
        FALSE,
        _refused_cas(None, None, error="mismatch"),
    ),
    "a mismatch saw exactly what it observed": (
        TRUE,
        _refused_cas(1, 2, error="mismatch", observed=1),
    ),
    "a mismatch cannot have observed another value": (
        FALSE,
        _refused_cas(1, 2, error="mismatch", observed=3),
    ),
    "null is something to be observed": (
        TRUE,
        _refused_cas(None, 2, error="mismatch", observed=None),
    ),
    "null cannot be observed where a value is": (
        FALSE,
        _refused_cas(1, 2, error="mismatch", observed=None),
    ),
    "a mismatch that observed the very value it expected contradicts itself": (
        FALSE,
        _refused_cas(1, 1, error="mismatch", observed=1),
    ),
    "a mismatch leaves the value as it is": (
        FALSE,
        (*_refused_cas(1, 2, error="mismatch"), *did(0, "read", 9)),
    ),
}

IGNORED: Final[dict[str, tuple[Line, ...]]] = {
    "fields of other names": (
        invoke(0, "write", 1, node="n1", attempts=3, nested={"value": [2]}),
        ok(0, "write", 1, observed=4, index=17),
        *did(0, "read", 1, term=None),
    ),
    "lines of the nemesis, whatever they hold": (
        {"process": "nemesis"},
        {"process": "nemesis", "type": "strike", "f": "kill", "value": ["n1"], "time": "noon"},
        *did(0, "write", 1),
        {"process": "nemesis", "type": "ok", "f": "write", "value": 2, "time": -1},
        *did(0, "read", 1),
    ),
    "a null error, and a null key where there are no keys": (
        invoke(0, "write", 1, error=None, key=None),
        ok(0, "write", 1, error=None),
        *did(0, "read", 1),
    ),
}


@pytest.mark.parametrize("case", VALUES)
def test_each_value_means_what_the_format_says(case: str) -> None:
    model, expected, lines = VALUES[case]

    assert verdict(model, *lines) is expected


@pytest.mark.parametrize("case", OUTCOMES)
def test_each_outcome_means_what_the_format_says(case: str) -> None:
    model, expected, lines = OUTCOMES[case]

    assert verdict(model, *lines) is expected


@pytest.mark.parametrize("case", MISMATCHES)
def test_each_mismatch_means_what_the_format_says(case: str) -> None:
    expected, lines = MISMATCHES[case]
    of_a_key = [one | {"key": "x"} for one in lines]

    assert verdict("cas-register", *lines) is expected
    assert verdict("kv", *of_a_key) is expected


@pytest.mark.parametrize("case", IGNORED)
def test_what_the_format_does_not_know_is_left_alone(case: str) -> None:
    lines = IGNORED[case]

    assert verdict("register", *lines) is TRUE
    assert verdict("register", *lines, *did(0, "read", 2)) is FALSE


def test_a_used_up_process_is_followed_by_one_of_a_new_number() -> None:
    lines = invoke(0, "write", 1), info(0, "write", 1), *did(1, "read", 1)

    assert verdict("register", *lines) is TRUE


def test_processes_are_integers_or_texts_and_a_text_is_another_process() -> None:
    lines = invoke(1, "write", 1), invoke("1", "read"), ok("1", "read", None), ok(1, "write", 1)

    assert verdict("register", *lines) is TRUE


def test_where_time_falls_a_warning_says_so_and_no_more() -> None:
    lines = (
        *(invoke(0, "write", 1, time=10), ok(0, "write", 1, time=5)),
        *(invoke(0, "read", time=6), ok(0, "read", 1, time=3)),
    )

    result = check_linearizable(history_of(text_of(lines), "register"))

    assert result.valid is TRUE
    assert result.warnings == (
        "time falls at line 2 and 1 more: the order of lines is what counts, drawings may mislead",
    )


def test_without_a_fall_of_time_there_is_no_warning() -> None:
    assert not history_of(text_of(did(0, "write", 1)), "register").warnings


@pytest.mark.parametrize(
    "text",
    [b"", text_of(({"process": "nemesis"},)), b'{"process":'],
    ids=["an empty file", "the nemesis alone", "a torn line alone"],
)
def test_no_operations_are_linearizable_and_the_verdict_says_that_there_were_none(
    text: bytes,
) -> None:
    result = check_linearizable(history_of(text, "kv"))

    assert result.valid is TRUE
    assert result.message == "Linearizable: there are no operations, so there was nothing to judge."


@pytest.mark.parametrize(
    "torn",
    [b"{", b"\xff\xfe", b'{"process":0,"type":"ok","f":"write","value":1,"time":0}', b" "],
    ids=["half a line", "no text", "a whole line but for its newline", "a blank"],
)
def test_a_last_line_without_newline_is_dropped_with_a_warning(torn: bytes) -> None:
    whole = text_of((invoke(0, "write", 1),))

    history = history_of(whole + torn, "register")

    assert [one.completion for one in history.operations] == [None]
    assert history.warnings == ("line 2 has no newline: it was torn, and is dropped",)
