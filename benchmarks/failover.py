"""How long a cluster takes no write when its leader is killed.

    .venv/bin/python -m benchmarks.failover
    .venv/bin/python -m benchmarks.failover --kills 10 --nodes 5 --json

Nodes on this machine, with the settings that `huffleraft serve` has by itself.  The leader is
killed by SIGKILL, and a prober asks the others in turn to set a key, following no redirect, until
one of them acknowledges it: seconds from the kill to that answer.  The killed node is started
again, and when all agree on a leader the next one dies.  The pauses of the prober are short, so
that what is measured is the cluster and not a client's patience.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from itertools import cycle
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from benchmarks.nodes import Node, cluster, leader_of
from benchmarks.sets import reference_ms
from huffleraft.settings import NodeSettings

_PAUSE = 0.005
"""Seconds between two questions of the prober: how exact the figures are."""

_PATIENCE = 60.0
"""Seconds after which a cluster without a leader is a failure and no figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured; times in seconds from the kill to the first acknowledged write."""

    nodes: int
    kills: int
    median: float
    p90: float
    worst: float
    election_timeout_min: float
    election_timeout_max: float
    median_in_timeouts: float
    """The median, in election timeouts of the least length."""
    worst_in_timeouts: float
    reference_ms: float


def bench(
    kills: Annotated[int, typer.Option(min=2, help="How many leaders die.")] = 50,
    nodes: Annotated[int, typer.Option(min=3, max=9, help="How many nodes.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Kill leaders, and print how long nobody took a write."""
    console = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory(prefix="huffleraft-bench-") as folder,
        cluster(Path(folder), nodes, backend="asyncio") as running,
    ):
        taken = [
            _failover(running)
            for _ in track(range(kills), "kills", console=console, disable=not console.is_terminal)
        ]
    told = asdict(_figures(nodes, taken))
    if as_json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        print(f"{name:20} {value}")


def _failover(running: list[Node]) -> float:
    """Kill the leader of *running*, and put it back; the seconds without a write."""
    leader, _ = leader_of(running)
    place = running.index(leader)
    others = [node for node in running if node is not leader]
    leader.process.kill()
    begun = time.perf_counter()
    for node in cycle(others):
        if _took_a_write(node):
            break
        if time.perf_counter() > begun + _PATIENCE:
            raise SystemExit(f"nobody took a write for {_PATIENCE:g} s; look at the nodes' logs")
        time.sleep(_PAUSE)
    seconds = time.perf_counter() - begun
    leader.process.wait()
    running[place] = leader.started_again()
    return seconds


def _took_a_write(node: Node) -> bool:
    connection = HTTPConnection(node.address, timeout=_PATIENCE)
    try:
        connection.request("PUT", "/v1/kv/failover", body=b"x")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _figures(nodes: int, taken: Sequence[float]) -> Figures:
    settings = NodeSettings()
    median, worst = statistics.median(taken), max(taken)
    return Figures(
        nodes=nodes,
        kills=len(taken),
        median=round(median, 3),
        p90=round(statistics.quantiles(taken, n=10, method="inclusive")[-1], 3),
        worst=round(worst, 3),
        election_timeout_min=settings.election_min,
        election_timeout_max=settings.election_max,
        median_in_timeouts=round(median / settings.election_min, 2),
        worst_in_timeouts=round(worst / settings.election_min, 2),
        reference_ms=round(reference_ms(), 1),
    )


if __name__ == "__main__":
    typer.run(bench)
