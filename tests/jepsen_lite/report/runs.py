"""Run folders made by hand: what a run leaves behind, small enough to know every line."""

from __future__ import annotations

import json
from pathlib import Path

from jepsen_lite.checkers import check_linearizable
from jepsen_lite.cluster import Status, StatusSample
from jepsen_lite.history import Event, EventType, HistoryWriter, read_history
from jepsen_lite.jsonl import Lines
from jepsen_lite.models import KV
from jepsen_lite.nemeses.journal import Bite, FaultRecord

SECOND = 1_000_000_000


def event(
    process: int, kind: EventType, f: str, value: object, at: float, **extra: object
) -> Event:
    """One line of the history of key `k1`, *at* seconds."""
    error = extra.pop("error", None)
    return Event(
        process=process,
        type=kind,
        f=f,
        key="k1",
        value=value,
        time=int(at * SECOND),
        error=str(error) if error is not None else None,
        extra=extra,
    )


def stale_read(*, seen: str) -> list[Event]:
    """Two acknowledged writes, a refusal, an unknown outcome, and a read that saw *seen*."""
    ok, fail, info, invoke = EventType.OK, EventType.FAIL, EventType.INFO, EventType.INVOKE
    at_n1, at_n2 = {"served_by": "n1", "term": 2}, {"served_by": "n2", "term": 3}
    return [
        event(0, invoke, "write", "old", 1.0),
        event(0, ok, "write", "old", 1.01, node="n1", **at_n1),
        event(1, invoke, "write", "new", 3.0),
        event(1, ok, "write", "new", 3.05, node="n2", **at_n2),
        event(0, invoke, "write", "refused", 3.1),
        event(0, fail, "write", "refused", 3.2, node="n1", error="no-leader"),
        event(1, invoke, "delete", None, 6.0),
        event(1, info, "delete", None, 6.8, node="n2", error="<script>alert(1)</script>"),
        event(2, invoke, "read", None, 4.0),
        event(2, ok, "read", seen, 4.01, node="n1", **at_n1),
    ]


_FELT = Bite(bytes_held=99, new_leader="n2", new_term=3, old_term=2, after_ms=436)


def make_run(folder: Path, events: list[Event]) -> Path:
    """A run folder with *events*, one fault that bit, one that did not, and two leaders."""
    folder.mkdir(parents=True, exist_ok=True)
    history = folder / "history.jsonl"
    with HistoryWriter(history) as lines:
        for one in sorted(events, key=lambda one: one.time):
            lines.append(one)
    faults = Lines(folder / "faults.jsonl")
    for number, did_bite in ((1, True), (2, False)):
        faults.append(
            FaultRecord(
                id=number,
                kind="isolate-leader" if did_bite else "pause-one",
                track="network" if did_bite else "processes",
                target=("n1",),
                nodes=(),
                links=(("n1", "n2"), ("n2", "n1")),
                begin_ns=2 * number * SECOND,
                end_ns=(2 * number + 2) * SECOND,
                undo="heal 2 links",
                bit=_FELT if did_bite else Bite(),
                did_bite=did_bite,
            )
        )
    faults.close()
    polls = Lines(folder / "statuses.jsonl")
    for tick in range(35):
        at = tick * SECOND // 5
        leader, term = ("n1", 2) if at < 3 * SECOND else ("n2", 3)
        for node in ("n1", "n2"):
            role = "leader" if node == leader else "follower"
            status = Status(
                id=node, boot=1, role=role, term=term, commit_index=3, last_applied=3, ready=True
            )
            polls.append(StatusSample(node=node, begin_ns=at, end_ns=at + 1000, status=status))
    polls.close()
    check = check_linearizable(read_history(history, KV)).to_json()
    results = {"valid": check["valid"], "checks": {"linearizable": check}}
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "run.toml").write_text("seed = 7\nclients = 3\n")
    return folder
