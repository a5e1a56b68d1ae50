"""How long operations took: a point each, on a logarithmic scale, over the faults that were on."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from jepsen_lite.history import Operation
from jepsen_lite.report.axis import LEFT, RIGHT, WIDTH, Axis
from jepsen_lite.report.facts import Facts, ended_ns, outcome
from jepsen_lite.report.lanes import fault_bands
from jepsen_lite.report.markup import Element, el, svg

_HEIGHT: Final = 210.0
_LEAST_MS: Final = 0.5
_MOST_MS: Final = 2000.0
_MARKS_MS: Final = (1, 10, 100, 1000)


def latency_points(facts: Facts, axis: Axis) -> Element:
    """All operations: reads and writes that went well, refusals, unknown outcomes."""
    points: defaultdict[str, list[str]] = defaultdict(list)
    for operation in facts.operations:
        if operation.completion is None:
            continue
        x, y = axis.x(operation.invoke.time), _y(took_ms(operation))
        points[_kind(operation)].append(f"M{x:.1f} {y:.1f}h1.6v1.6h-1.6z")
    drawn: list[Element] = list(fault_bands(facts.faults, axis, _HEIGHT))
    drawn += axis.ticks(0, _HEIGHT)
    for mark in _MARKS_MS:
        height = f"{_y(mark):.1f}"
        line = {"y1": height, "y2": height, "class_": "tick"}
        drawn.append(el("line", x1=LEFT, x2=WIDTH - RIGHT, **line))
        drawn.append(el("text", f"{mark} ms", x=4, y=height, class_="name"))
    drawn += (
        el("path", d="".join(path), class_=f"point {kind}") for kind, path in sorted(points.items())
    )
    return svg(WIDTH, _HEIGHT + 18, *drawn, label="Latency of each operation over time")


def took_ms(operation: Operation) -> float:
    """Milliseconds from the first byte written to the last one read."""
    return (ended_ns(operation) - operation.invoke.time) / 1e6


def quantiles_ms(operations: Sequence[Operation]) -> tuple[float, float, float] | None:
    """The median, the 99th percentile and the greatest latency; None without operations."""
    took = sorted(took_ms(one) for one in operations)
    if not took:
        return None
    return took[len(took) // 2], took[len(took) * 99 // 100], took[-1]


def _kind(operation: Operation) -> str:
    told = outcome(operation)
    if told != "ok":
        return "fail" if told == "fail" else "unknown"
    return "read" if operation.f == "read" else "write"


def _y(milliseconds: float) -> float:
    inside = min(max(milliseconds, _LEAST_MS), _MOST_MS)
    share = math.log(inside / _LEAST_MS) / math.log(_MOST_MS / _LEAST_MS)
    return _HEIGHT - 6 - share * (_HEIGHT - 16)
