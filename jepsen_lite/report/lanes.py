"""Lanes on the time axis: who led, what was broken, and what each client was told.

Thousands of operations fit because those that went well are strokes of one path a lane; whatever
a reader may want to ask about, refusals, unknown outcomes, faults and terms, is a shape of its own
that tells about itself.  Outcomes differ in shape and height besides colour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from jepsen_lite.history import Operation
from jepsen_lite.nemeses import FaultRecord
from jepsen_lite.report.axis import LEFT, WIDTH, Axis
from jepsen_lite.report.facts import Facts, Reign, Stay, ended_ns, outcome
from jepsen_lite.report.markup import Element, el, svg, titled
from jepsen_lite.values import show

LANE: Final = 15.0
_FAULT_ROW: Final = 18.0


def fault_bands(faults: Sequence[FaultRecord], axis: Axis, height: float) -> Iterator[Element]:
    """A band behind everything for as long as a fault was on; one that never bit is hollow."""
    for fault in faults:
        end = fault.end_ns if fault.end_ns is not None else axis.end_ns
        if not axis.covers(fault.begin_ns, end):
            continue
        x, right = axis.x(fault.begin_ns), axis.x(end)
        band = el(
            "rect",
            x=f"{x:.1f}",
            y=0,
            width=f"{max(right - x, 1):.1f}",
            height=f"{height:g}",
            class_=f"band {fault.track}" + ("" if fault.did_bite else " toothless"),
        )
        yield titled(band, fault_words(fault))


def fault_words(fault: FaultRecord) -> str:
    """A fault in one line."""
    end = (
        "to the end"
        if fault.end_ns is None
        else f"for {(fault.end_ns - fault.begin_ns) / 1e9:.1f} s"
    )
    bit = "it bit" if fault.did_bite else "it did not bite"
    of = f" of {', '.join(fault.target)}" if fault.target else ""
    return f"{fault.kind}{of}, {end}: {bit}"


def cluster_lanes(facts: Facts, axis: Axis) -> Element:
    """Who led in which term, node by node, over the faults with their names."""
    tracks = sorted({fault.track for fault in facts.faults})
    named = len(tracks) * _FAULT_ROW
    height = named + len(facts.nodes) * 20.0 + 6
    drawn: list[Element] = list(fault_bands(facts.faults, axis, height))
    drawn += axis.ticks(0, height)
    for row, track in enumerate(tracks):
        y = row * _FAULT_ROW + 12
        drawn.append(el("text", track, x=4, y=y, class_="name"))
        drawn += _fault_names([one for one in facts.faults if one.track == track], axis, y)
    stays = facts.stays()
    for row, node in enumerate(facts.nodes):
        y = named + row * 20.0
        drawn.append(el("text", node, x=4, y=y + 14, class_="name"))
        drawn += _stay(node, stays[node], axis, y)
        reigns = [one for one in facts.reigns() if one.node == node]
        drawn += (_reign(one, axis, y) for one in reigns)
    return svg(WIDTH, height + 18, *drawn, label="Leaders and terms over time, with faults")


def _stay(node: str, stay: Stay, axis: Axis, y: float) -> Iterator[Element]:
    """A rail for as long as a node was seen, with a mark where it came to vote and ceased to."""
    left, right = max(axis.x(stay.begin_ns), LEFT), min(axis.x(stay.end_ns), WIDTH)
    if left < right:
        ends = {"x1": f"{left:.1f}", "x2": f"{right:.1f}"}
        yield el("line", y1=y + 10, y2=y + 10, class_="rail", **ends)
    for at, shape, did in (
        (stay.joined_ns, "m0 -6v12m-6 -6h12", "joined"),
        (stay.left_ns, "m-4 -5l8 10m0 -10l-8 10", "left"),
    ):
        if at is not None and axis.covers(at, at):
            mark = el("path", d=f"M{axis.x(at):.1f} {y + 10:g}{shape}", class_=f"member {did}")
            yield titled(mark, f"{node} {did} the voters, seen at {at / 1e9:.1f} s")


def _fault_names(faults: Sequence[FaultRecord], axis: Axis, y: float) -> Iterator[Element]:
    for fault in faults:
        yield titled(
            el("text", fault.kind, x=f"{axis.x(fault.begin_ns) + 2:.1f}", y=y, class_="fault"),
            fault_words(fault),
        )


def _reign(reign: Reign, axis: Axis, y: float) -> Element:
    x, right = axis.x(reign.begin_ns), axis.x(reign.end_ns)
    bar = el(
        "rect",
        x=f"{x:.1f}",
        y=f"{y + 3:g}",
        width=f"{max(right - x, 2):.1f}",
        height=14,
        rx=3,
        class_="reign",
    )
    lasted = (reign.end_ns - reign.begin_ns) / 1e9
    said = f"{reign.node} led term {reign.term}, seen for {lasted:.1f} s"
    term = el("text", str(reign.term), x=f"{x + 4:.1f}", y=f"{y + 14:g}", class_="term")
    return el("g", titled(bar, said), term)


def lane_of(operation: Operation, clients: int) -> str:
    """The client that an operation belongs to, whose process number may have been used up."""
    process = operation.process
    if isinstance(process, int) and clients > 0:
        return f"{process % clients:03d}"
    return str(process)


def process_lanes(facts: Facts, axis: Axis, clients: int) -> Element:
    """One lane a client: a stroke for each operation, from its invoke to its completion."""
    lanes: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in facts.operations:
        if axis.covers(operation.invoke.time, ended_ns(operation)):
            lanes[lane_of(operation, clients)].append(operation)
    names = sorted(lanes)
    height = len(names) * LANE + 4
    drawn: list[Element] = list(fault_bands(facts.faults, axis, height))
    drawn += axis.ticks(0, height)
    for row, name in enumerate(names):
        y = row * LANE + 2
        drawn.append(el("text", _lane_name(lanes[name]), x=4, y=f"{y + 11:g}", class_="name"))
        drawn += _lane(lanes[name], axis, y)
    return svg(WIDTH, height + 18, *drawn, label="Operations by client, with their outcome")


def _lane_name(operations: Sequence[Operation]) -> str:
    first = operations[0]
    node = first.completion.extra.get("node") if first.completion else None
    pinned = {
        one.completion.extra.get("node") for one in operations[:40] if one.completion is not None
    }
    told = f"p{first.process}"
    return f"{told} at {node}" if len(pinned) == 1 and isinstance(node, str) else told


def _lane(operations: Sequence[Operation], axis: Axis, y: float) -> Iterator[Element]:
    strokes: dict[str, list[str]] = {"read": [], "write": []}
    for operation in operations:
        x, right = axis.x(operation.invoke.time), axis.x(ended_ns(operation))
        match outcome(operation):
            case "ok":
                kind = "read" if operation.f == "read" else "write"
                top, tall = (y + 5, 3) if kind == "read" else (y + 3, 7)
                strokes[kind].append(f"M{x:.1f} {top:g}h{max(right - x, 0.8):.1f}v{tall}H{x:.1f}z")
            case "fail":
                mark = el("path", d=f"M{x:.1f} {y + 3:g}l3 7m0 -7l-3 7", class_="fail")
                yield titled(mark, operation_words(operation))
            case _:
                mark = el("path", d=f"M{x:.1f} {y + 2:g}l4 5l-4 5l-4 -5z", class_="unknown")
                yield titled(mark, operation_words(operation))
    for kind, path in strokes.items():
        if path:
            yield el("path", d="".join(path), class_=f"done {kind}")


def operation_words(operation: Operation) -> str:
    """An operation in one line."""
    asked = (
        operation.f
        if operation.f in {"read", "delete"}
        else f"{operation.f} {show(operation.invoke.value)}"
    )
    told = outcome(operation)
    completion = operation.completion
    details = []
    if completion is not None:
        if completion.type.value == "ok" and operation.f == "read":
            told = f"ok, {show(completion.value)}"
        if completion.error:
            details.append(completion.error)
        details += [
            f"{name} {completion.extra[name]}"
            for name in ("served_by", "term", "index", "attempts", "code")
            if completion.extra.get(name) is not None
        ]
    took = (ended_ns(operation) - operation.invoke.time) / 1e6
    where = f" of {operation.key}" if operation.key is not None else ""
    rest = f" ({', '.join(details)})" if details else ""
    return f"p{operation.process} {asked}{where}: {told}, {took:.1f} ms{rest}"
