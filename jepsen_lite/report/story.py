"""A violation, told: the sentence, then the few operations that prove it, one below the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from jepsen_lite.history import Operation
from jepsen_lite.report.axis import WIDTH, Axis
from jepsen_lite.report.facts import Facts, ended_ns, outcome
from jepsen_lite.report.lanes import cluster_lanes, fault_bands, fault_words, operation_words
from jepsen_lite.report.markup import Element, el, svg, titled

_ROW: Final = 24.0
_MARGIN: Final = 0.15
"""How much of the window's length is shown before and after it."""


def violation_story(facts: Facts, violation: Mapping[str, object]) -> Element:
    """The story of *violation*, as the check of linearizability wrote it down."""
    operations = cast("Sequence[Mapping[str, object]]", violation.get("operations", []))
    refused = cast("Mapping[str, object]", violation.get("refused") or {})
    lines = {_line(one) for one in (*operations, refused)}
    proof = [one for one in facts.operations if one.invoked_at in lines]
    if not proof:
        return el("section", el("h2", "What is wrong"), el("p", str(violation.get("sentence", ""))))
    begin = min(one.invoke.time for one in proof)
    end = max(ended_ns(one) for one in proof)
    room = int(max(end - begin, 1_000_000) * _MARGIN)
    axis = Axis(max(begin - room, 0), end + room)
    on = [one for one in facts.faults if axis.covers(one.begin_ns, one.end_ns or facts.end_ns)]
    height = len(proof) * _ROW + 4
    drawn: list[Element] = [*fault_bands(on, axis, height), *axis.ticks(0, height)]
    for row, operation in enumerate(proof):
        y = row * _ROW
        x, right = axis.x(operation.invoke.time), axis.x(ended_ns(operation))
        told = operation_words(operation)
        bar = el(
            "rect",
            x=f"{x:.1f}",
            y=f"{y + 13:g}",
            width=f"{max(right - x, 2):.1f}",
            height=8,
            class_=_looks(operation),
        )
        drawn.append(titled(bar, told))
        drawn.append(el("text", told, x=4, y=f"{y + 10:g}", class_="told"))
    return el(
        "section",
        el("h2", "What is wrong"),
        el("p", str(violation.get("sentence", "")), class_="sentence"),
        el(
            "p",
            "Faults that were on: " + ("; ".join(fault_words(one) for one in on) or "none") + ".",
        ),
        svg(WIDTH, height + 18, *drawn, label="The operations that no order explains"),
        el("p", "Who led meanwhile:"),
        cluster_lanes(facts, axis),
    )


def _looks(operation: Operation) -> str:
    """As in the lanes: what was refused is hollow, what nobody knows has its own colour."""
    match outcome(operation):
        case "ok":
            return f"done {'read' if operation.f == 'read' else 'write'}"
        case "fail":
            return "fail"
        case _:
            return "unknown"


def _line(operation: Mapping[str, object]) -> object:
    return operation.get("invoke_line", operation.get("line"))
