"""What a set and a get cost: three nodes on this machine, many clients, one request each.

    make bench
    .venv/bin/python -m benchmarks.sets --clients 256 --seconds 10 --json

The figure that counts is the CPU of all nodes for one operation: on a shared machine it holds
still where operations a second do not.  The generator's own CPU is told apart.  Everything is
durable and linearizable as in production, on the disk where temporary files are kept; whatever
was not as it should be (an error, a value of another length, another leader) is no figure but a
failure.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.load import Load, get, put
from benchmarks.nodes import Node, cluster, leader_of, stop

_GOAL_SET_US = 300
"""Microseconds of the nodes' CPU that a set may cost."""

_PREPARED = 64
"""Requests that each client goes round in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One load.  CPU is in microseconds an operation, latencies in milliseconds."""

    operation: str
    clients: int
    operations: int
    per_second: float
    p50_ms: float
    p99_ms: float
    nodes_cpu_us: float
    leader_cpu_us: float
    generator_cpu_us: float
    written_kib: float
    """Bytes to the disk on the leader, in KiB an operation."""


def bench(
    clients: Annotated[
        int, typer.Option(min=1, help="Connections, one request in flight each.")
    ] = 64,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long each load is measured.")] = 8.0,
    value_bytes: Annotated[int, typer.Option(min=0, max=1 << 20, help="Size of a value.")] = 100,
    nodes: Annotated[int, typer.Option(min=1, help="How many nodes.")] = 3,
    keys: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many keys.")] = 10_000,
    backend: Annotated[
        str, typer.Option(help="The nodes' event loop: asyncio or trio.")
    ] = "asyncio",
    seed: Annotated[int, typer.Option(help="Draws keys and values.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure sets and gets, and print what they cost."""
    dice = random.Random(seed)
    with (
        tempfile.TemporaryDirectory(prefix="huffleraft-bench-") as folder,
        cluster(Path(folder), nodes, backend=backend) as running,
    ):
        leader, term = leader_of(running)
        host = leader.address

        def some_puts() -> list[bytes]:
            value = dice.randbytes
            return [put(host, dice.randrange(keys), value(value_bytes)) for _ in range(_PREPARED)]

        def some_gets() -> list[bytes]:
            return [get(host, dice.randrange(keys)) for _ in range(_PREPARED)]

        setting = Load(host, [some_puts() for _ in range(clients)])
        setting.send_each_once([put(host, key, dice.randbytes(value_bytes)) for key in range(keys)])
        first = leader.status()["last_index"]
        sets = measured("set", setting, running, leader, seconds, None)
        setting.close()
        getting = Load(host, [some_gets() for _ in range(clients)])
        gets = measured("get", getting, running, leader, seconds, value_bytes)
        getting.close()
        if leader_of(running) != (leader, term):
            raise SystemExit("the leader changed meanwhile, so the figures mean nothing")
        stop(running)
        batch = leader.mean_batch(first + 1)
    tell([sets, gets], batch, reference_ms(), as_json=as_json)


def reference_ms() -> float:
    """CPU that a fixed piece of work takes here and now, in ms.

    Other work on the same cores slows down everything, measured or not: figures of two runs may
    be compared where this one is alike, and by their ratio to it where it is not.
    """
    taken = []
    for _ in range(5):
        begin = time.process_time()
        sum(range(1_000_000))
        taken.append(time.process_time() - begin)
    return 1000 * sorted(taken)[2]


def measured(
    operation: str, load: Load, nodes: list[Node], leader: Node, seconds: float, body: int | None
) -> Figures:
    """Warm up, then run *load* for *seconds*."""
    load.run(min(2.0, seconds / 2), body_bytes=body)
    before = {node.id: node.cpu() for node in nodes}
    written = leader.written()
    taken = load.run(seconds, body_bytes=body)
    spent = {node.id: node.cpu() - before[node.id] for node in nodes}
    each = 1e6 / taken.operations
    return Figures(
        operation=operation,
        clients=len(load),
        operations=taken.operations,
        per_second=taken.operations / taken.seconds,
        p50_ms=1000 * taken.percentile(0.5),
        p99_ms=1000 * taken.percentile(0.99),
        nodes_cpu_us=each * sum(spent.values()),
        leader_cpu_us=each * spent[leader.id],
        generator_cpu_us=each * taken.generator_cpu,
        written_kib=(leader.written() - written) / taken.operations / 1024,
    )


def tell(figures: list[Figures], batch: float, reference: float, *, as_json: bool) -> None:
    """Print *figures*: for a program, or as a table for a person."""
    load = os.getloadavg()[0]
    if as_json:
        document = [asdict(one) for one in figures]
        told = {"figures": document, "mean_batch": batch}
        print(json.dumps(told | {"reference_ms": reference, "load_average": load}))
        return
    table = Table(title=f"{figures[0].clients} clients, one request in flight each")
    table.add_column("")
    for title in (
        "ops/s",
        "p50 ms",
        "p99 ms",
        "nodes\nCPU us/op",
        "of it\nleader",
        "generator\nCPU us/op",
        "leader's disk\nKiB/op",
    ):
        table.add_column(title, justify="right")
    for one in figures:
        table.add_row(
            one.operation,
            f"{one.per_second:,.0f}",
            f"{one.p50_ms:.2f}",
            f"{one.p99_ms:.2f}",
            f"{one.nodes_cpu_us:.0f}",
            f"{one.leader_cpu_us:.0f}",
            f"{one.generator_cpu_us:.0f}",
            f"{one.written_kib:.2f}",
        )
    console = Console()
    console.print(table)
    console.print(f"mean batch: {batch:.1f} entries a write of the log")
    console.print(f"the machine: load average {load:.1f}, reference loop {reference:.1f} ms of CPU")
    cost = figures[0].nodes_cpu_us
    verdict = "within" if cost <= _GOAL_SET_US else "ABOVE"
    console.print(f"a set costs {cost:.0f} us of the nodes' CPU, {verdict} the {_GOAL_SET_US} set")


if __name__ == "__main__":
    typer.run(bench)
