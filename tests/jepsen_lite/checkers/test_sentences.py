"""What a user reads of a violation: who saw what from which node, and what forbids it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import pytest

from jepsen_lite.checkers import LinearizableResult, check_linearizable
from jepsen_lite.checkers.calls import calls_by_key
from jepsen_lite.checkers.sentence import sentence_of
from jepsen_lite.checkers.shrink import Core
from jepsen_lite.verdict import Verdict
from tests.jepsen_lite.history.lines import Line, history_of, invoke, line, text_of

MS: Final = 1_000_000

Told: TypeAlias = tuple[tuple[int, Line], tuple[int, Line]]
"""An operation's two lines, each with the millisecond in which it was written."""


def op(
    begin: int, end: int, process: int, f: str, value: object = None, *,
    by: tuple[str, int] = ("n1", 2), kind: str = "ok", **fields: object,
) -> Told:  # fmt: skip
    """One operation on `x`, from *begin* to *end* ms, answered *by* a node in a term."""
    node, term = by
    asked = None if f == "read" else value
    told = line(kind, process, f, value, key="x", time=end * MS, served_by=node, term=term)
    return (
        (begin, invoke(process, f, asked, key="x", time=begin * MS)),
        (end, told | fields),
    )


def judged(*operations: Told) -> LinearizableResult:
    """The result of the check on *operations*."""
    moments = sorted((moment for one in operations for moment in one), key=lambda one: one[0])
    lines = tuple(told for _, told in moments)
    return check_linearizable(history_of(text_of(lines), "kv"))


FIRST: Final = op(0, 10, 0, "write", 1)
NEW_LEADER: Final = ("n2", 3)

STORIES: Final[dict[str, tuple[Sequence[Told], str]]] = {
    "a stale read": (
        (FIRST, op(20, 30, 0, "write", 2, by=NEW_LEADER), op(2030, 2040, 1, "read", 1)),
        (
            "process 1 read 1 from n1 in term 2, although process 0's write of 2 had been "
            "acknowledged by n2 in term 3, 2.0 s before that read began"
        ),
    ),
    "a read that goes back behind another": (
        (
            op(0, 500, 0, "write", 1),
            op(30, 40, 1, "read", 1, by=NEW_LEADER),
            op(50, 60, 2, "read", None),
        ),
        (
            "process 2 read null from n1 in term 2, although process 1 had read 1 from n2 in term "
            "3, 10.0 ms before that read began"
        ),
    ),
    "a lost write": (
        (FIRST, op(20, 30, 1, "read", None, by=NEW_LEADER)),
        (
            "process 1 read null from n2 in term 3, although process 0's write of 1 had been "
            "acknowledged by n1 in term 2, 10.0 ms before that read began"
        ),
    ),
    "a dirty read of a refused write": (
        (
            FIRST,
            op(20, 30, 2, "write", 5, kind="fail", error="no-leader"),
            op(40, 50, 1, "read", 5, by=NEW_LEADER),
        ),
        (
            "process 1 read 5 from n2 in term 3, although process 2's write of 5 was refused by n1 "
            'in term 2 ("no-leader"), 10.0 ms before that read began'
        ),
    ),
    "a read of a cas that was told to have mismatched": (
        (
            FIRST,
            op(20, 30, 2, "cas", [9, 5], kind="fail", error="mismatch", observed=1),
            op(40, 50, 1, "read", 5),
        ),
        (
            "process 1 read 5 from n1 in term 2, although process 2's cas from 9 to 5 was refused "
            'by n1 in term 2 ("mismatch"), 10.0 ms before that read began'
        ),
    ),
    "a read of what nobody wrote": (
        (FIRST, op(20, 30, 1, "read", 7)),
        "process 1 read 7 from n1 in term 2, a value that nobody ever wrote",
    ),
    "a read ahead of its write": (
        (op(0, 10, 1, "read", 7), op(20, 30, 0, "write", 7)),
        "process 1 read 7 from n1 in term 2, before anybody wrote it",
    ),
    "two cas from one value, one after the other": (
        (FIRST, op(20, 30, 1, "cas", [1, 2]), op(45, 60, 2, "cas", [1, 3], by=NEW_LEADER)),
        (
            "process 2 replaced 1 by 3 on n2 in term 3, although process 1's cas from 1 to 2 had "
            "been acknowledged by n1 in term 2, 15.0 ms before that cas began"
        ),
    ),
    "two cas from one value at a time": (
        (FIRST, op(20, 30, 1, "cas", [1, 2]), op(25, 40, 2, "cas", [1, 3], by=NEW_LEADER)),
        (
            "process 2 replaced 1 by 3 on n2 in term 3, and process 1 replaced 1 by 2 on n1 in "
            "term 2: only one of them can have found it"
        ),
    ),
    "a delete that was undone": (
        (FIRST, op(20, 30, 1, "delete", by=NEW_LEADER), op(530, 540, 2, "read", 1)),
        (
            "process 2 read 1 from n1 in term 2, although process 1's delete had been acknowledged "
            "by n2 in term 3, 500.0 ms before that read began"
        ),
    ),
    "a mismatch that found what was gone": (
        (
            FIRST,
            op(20, 30, 1, "delete", by=NEW_LEADER),
            op(40, 50, 2, "cas", [None, 3], kind="fail", error="mismatch", observed=1),
        ),
        (
            "process 2's cas found 1 instead of null on n1 in term 2, although process 1's delete "
            "had been acknowledged by n2 in term 3, 10.0 ms before that cas began"
        ),
    ),
    "a mismatch that did not find what was there": (
        (FIRST, op(40, 50, 2, "cas", [1, 3], kind="fail", error="mismatch")),
        (
            "process 2's cas did not find 1 on n1 in term 2, although process 0's write of 1 had "
            "been acknowledged by n1 in term 2, 30.0 ms before that cas began"
        ),
    ),
}


@pytest.mark.parametrize("case", STORIES)
def test_a_violation_is_told_in_one_sentence(case: str) -> None:
    operations, sentence = STORIES[case]

    result = judged(*operations)

    assert result.valid is Verdict.FALSE
    assert result.violation is not None
    assert result.violation.sentence == f'key "x": {sentence}'
    assert result.violation.confirmed
    assert result.message == f"Not linearizable: {result.violation.sentence}."


def test_where_nothing_is_known_of_nodes_and_terms_the_sentence_does_without() -> None:
    lines = [told for one in (FIRST, op(20, 30, 1, "read", None)) for _, told in one]
    bare = [
        {name: it for name, it in told.items() if name not in {"served_by", "term", "key"}}
        for told in lines
    ]

    result = check_linearizable(history_of(text_of(tuple(bare)), "register"))

    assert result.message == (
        "Not linearizable: process 1 read null, although process 0's write of 1 had been "
        "acknowledged, 10.0 ms before that read began."
    )


def test_a_clock_that_fell_tells_no_duration() -> None:
    (_, began), (_, ended) = op(0, 10, 0, "write", 1)
    late = {"time": 99 * MS}

    result = judged(((0, began), (10, ended | late)), op(20, 30, 1, "read", None))

    assert "acknowledged by n1 in term 2 before that read began" in result.message


def test_the_refused_write_that_was_seen_is_kept_beside_the_proof() -> None:
    refused = op(20, 30, 2, "write", 5, kind="fail", error="no-leader")

    seen = judged(FIRST, refused, op(40, 50, 1, "read", 5)).violation
    unseen = judged(FIRST, refused, op(40, 50, 1, "read", 7)).violation

    assert seen is not None
    assert seen.refused is not None
    assert (seen.refused.process, seen.refused.invoked_at) == (2, 3)
    assert seen.to_json()["refused"] is not None
    assert unseen is not None
    assert unseen.refused is None


def test_a_refusal_is_not_blamed_for_what_somebody_else_wrote() -> None:
    refused = op(0, 10, 2, "write", 1, kind="fail", error="no-leader")

    result = judged(
        refused,
        *(op(20, 30, 0, "write", 1), op(40, 50, 0, "write", 2), op(60, 70, 1, "read", 1)),
    )

    assert result.violation is not None
    assert result.violation.refused is None
    assert "write of 2 had been acknowledged" in result.message


def test_a_refusal_is_not_blamed_for_what_was_seen_of_another_key() -> None:
    lines = [
        told | {"key": key}
        for key, one in (
            ("y", op(0, 10, 2, "write", 5, kind="fail", error="no-leader")),
            ("x", op(20, 30, 1, "read", 5)),
        )
        for _, told in one
    ]

    result = check_linearizable(history_of(text_of(tuple(lines)), "kv"))

    assert "read 5 from n1 in term 2, a value that nobody ever wrote" in result.message


def test_of_two_that_came_before_the_one_that_saw_something_else_is_named() -> None:
    lines = [
        told
        for one in (
            FIRST,
            *(op(20, 30, 0, "write", 2), op(40, 50, 1, "read", 1), op(60, 70, 2, "read", 1)),
        )
        for _, told in one
    ]
    calls = calls_by_key(history_of(text_of(tuple(lines)), "kv").operations)["x"]
    core = Core(dict(enumerate(call for call, _ in calls)), culprit=3, confirmed=None)

    told = sentence_of(calls, core, ())

    assert "process 2 read 1 from n1 in term 2, although process 0's write of 2 had been" in told
