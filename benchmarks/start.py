"""How long a start takes: from the process to its first line, and to where it may be sent requests.

    .venv/bin/python -m benchmarks.start
    .venv/bin/python -m benchmarks.start --runs 20 --keys 0 --json

One node alone, and three that are started at once: with empty directories, founded anew each time,
and with directories that hold *keys* keys, stopped in good order before.  Told are seconds from
just before the first process was started until the last of them had written its `ready` line (it
listens), and until the last answered 200 on `/readyz` (a leader is known, and all that is committed
is applied); three nodes have to elect one.  CPU is that of one node, the dearest, until then.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.load import Load, put
from benchmarks.nodes import Node, cluster, found, leader_of, stop
from benchmarks.sets import reference_ms

_PAUSE = 0.005
"""Seconds between two questions: how exact the figures are."""

_PATIENCE = 60.0
_CLIENTS, _VALUE_BYTES = 64, 100


@dataclass(frozen=True, slots=True)
class Start:
    """One start.  Seconds."""

    listening: float
    ready: float
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What several starts came to.  Seconds."""

    nodes: int
    keys: int
    runs: int
    listening_median: float
    listening_worst: float
    ready_median: float
    ready_worst: float
    cpu_median: float
    cpu_worst: float


def bench(
    runs: Annotated[int, typer.Option(min=1, help="Starts of each kind.")] = 10,
    keys: Annotated[int, typer.Option(min=0, help="Keys that a full directory has.")] = 100_000,
    seed: Annotated[int, typer.Option(help="Draws the values.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure starts, and print how long they took."""
    figures = []
    for nodes in (1, 3):
        figures.append(_told(nodes, 0, [_founding(nodes) for _ in range(runs)]))
        if keys:
            figures.append(_told(nodes, keys, _restarts(nodes, keys, runs, random.Random(seed))))
    if as_json:
        document = [asdict(one) for one in figures]
        print(json.dumps({"figures": document, "reference_ms": reference_ms()}))
        return
    table = Table(title=f"seconds from the start of a process, median (worst) of {runs}")
    for title in ("nodes", "keys", "listening", "ready", "CPU of a node"):
        table.add_column(title, justify="right")
    for one in figures:
        table.add_row(
            str(one.nodes),
            f"{one.keys:,}",
            f"{one.listening_median:.2f} ({one.listening_worst:.2f})",
            f"{one.ready_median:.2f} ({one.ready_worst:.2f})",
            f"{one.cpu_median:.2f} ({one.cpu_worst:.2f})",
        )
    console = Console()
    console.print(table)
    console.print(f"reference loop {reference_ms():.1f} ms of CPU")


def _founding(nodes: int) -> Start:
    """One start on empty directories."""
    with tempfile.TemporaryDirectory(prefix="huffleraft-bench-") as folder:
        start, running = _timed(lambda: found(Path(folder), nodes, backend="asyncio"))
        stop(running)
    return start


def _restarts(nodes: int, keys: int, runs: int, dice: random.Random) -> list[Start]:
    """Starts on directories that hold *keys* keys."""
    starts = []
    with tempfile.TemporaryDirectory(prefix="huffleraft-bench-") as folder:
        with cluster(Path(folder), nodes, backend="asyncio") as stopped:
            host = leader_of(stopped)[0].address
            load = Load(host, [[put(host, n, b"x")] for n in range(_CLIENTS)])
            load.send_each_once([put(host, n, dice.randbytes(_VALUE_BYTES)) for n in range(keys)])
            load.close()
        for _ in range(runs):
            start, running = _timed(lambda: [node.spawned_again() for node in stopped])
            starts.append(start)
            stop(running)
    return starts


def _timed(spawn: Callable[[], list[Node]]) -> tuple[Start, list[Node]]:
    begun = time.perf_counter()
    running = spawn()
    for node in running:
        node.await_listening()
    listening = time.perf_counter() - begun
    for node in running:
        _await_ready(node, begun + _PATIENCE)
    ready = time.perf_counter() - begun
    return Start(listening, ready, max(node.cpu() for node in running)), running


def _await_ready(node: Node, deadline: float) -> None:
    host, _, port = node.address.rpartition(":")
    while time.perf_counter() < deadline:
        asking = HTTPConnection(host, int(port), timeout=5)
        try:
            asking.request("GET", "/readyz")
            if asking.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            pass
        finally:
            asking.close()
        time.sleep(_PAUSE)
    raise SystemExit(f"{node.id} was not ready within {_PATIENCE:.0f} s; look at its log")


def _told(nodes: int, keys: int, starts: list[Start]) -> Figures:
    listening = [one.listening for one in starts]
    ready = [one.ready for one in starts]
    cpu = [one.cpu for one in starts]
    return Figures(
        nodes=nodes,
        keys=keys,
        runs=len(starts),
        listening_median=statistics.median(listening),
        listening_worst=max(listening),
        ready_median=statistics.median(ready),
        ready_worst=max(ready),
        cpu_median=statistics.median(cpu),
        cpu_worst=max(cpu),
    )


if __name__ == "__main__":
    typer.run(bench)
