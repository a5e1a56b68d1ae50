"""Where the CPU of a set and of a get goes, by part of the program.

    .venv/bin/python -m benchmarks.profile
    .venv/bin/python -m benchmarks.profile --clients 256 --functions 20

Three nodes on this machine under the load of `benchmarks.sets`, each with a sampler in it
(`benchmarks.sampling`).  Told are microseconds of CPU an operation, for the leader and for one
follower; what the sampler itself costs is left out, but not of what the system says besides.
"""

from __future__ import annotations

import json
import random
import signal
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.load import Load, get, put
from benchmarks.nodes import Node, cluster, leader_of
from benchmarks.sampling import dump_of
from benchmarks.sets import reference_ms

_PATIENCE = 10.0
_KEYS, _PREPARED, _VALUE_BYTES = 10_000, 64, 100


@dataclass(frozen=True, slots=True)
class Seen:
    """What one node burnt while a load ran, in microseconds an operation."""

    parts: dict[str, float]
    functions: dict[str, float]
    used: float
    """What the system says that it used, the sampler included."""


def bench(
    clients: Annotated[int, typer.Option(min=1, help="Connections, one request each.")] = 64,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long each load runs.")] = 10.0,
    functions: Annotated[int, typer.Option(min=0, help="How many functions to name.")] = 12,
    seed: Annotated[int, typer.Option(help="Draws keys and values.")] = 1,
) -> None:
    """Profile sets and gets, and print where the CPU went."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="huffleraft-bench-") as made:
        folder = Path(made)
        program = ("-m", "benchmarks.sampling", made, "--")
        with cluster(folder, 3, backend="asyncio", program=program) as running:
            leader, term = leader_of(running)
            follower = next(node for node in running if node is not leader)
            host = leader.address

            def some(kind: str) -> list[bytes]:
                keys = [dice.randrange(_KEYS) for _ in range(_PREPARED)]
                if kind == "get":
                    return [get(host, key) for key in keys]
                return [put(host, key, dice.randbytes(_VALUE_BYTES)) for key in keys]

            every = Load(host, [[put(host, n, b"x")] for n in range(clients)])
            every.send_each_once([put(host, n, dice.randbytes(_VALUE_BYTES)) for n in range(_KEYS)])
            every.close()
            seen: dict[tuple[str, str], Seen] = {}
            dumps = 0
            for kind in ("set", "get"):
                load = Load(host, [some(kind) for _ in range(clients)])
                load.run(seconds / 4, body_bytes=None)  # to get warm
                for node in (leader, follower):
                    _dumped(folder, node, dumps + 1)
                before = [node.cpu() for node in (leader, follower)]
                operations = load.run(seconds, body_bytes=None).operations
                used = [node.cpu() for node in (leader, follower)]
                for at, (name, node) in enumerate((("leader", leader), ("follower", follower))):
                    rows = _dumped(folder, node, dumps + 2)
                    each = 1e6 * (used[at] - before[at]) / operations
                    seen[kind, name] = _seen(rows, operations, each)
                dumps += 2
                load.close()
            if leader_of(running) != (leader, term):
                raise SystemExit("the leader changed meanwhile, so the figures mean nothing")
    _tell(seen, clients, functions)


def _dumped(folder: Path, node: Node, number: int) -> list[tuple[str, str, str, float]]:
    """What *node* has seen since the last time, for which this is number *number*."""
    node.process.send_signal(signal.SIGUSR1)
    dump = dump_of(folder, node.process.pid, number)
    deadline = time.monotonic() + _PATIENCE
    while not dump.exists():
        if time.monotonic() > deadline:
            raise SystemExit(f"{node.id} does not tell what it saw; look at its log")
        time.sleep(0.01)
    rows: list[tuple[str, str, str, float]] = json.loads(dump.read_text(encoding="utf-8"))
    return rows


def _seen(rows: list[tuple[str, str, str, float]], operations: int, used: float) -> Seen:
    parts: defaultdict[str, float] = defaultdict(float)
    functions: defaultdict[str, float] = defaultdict(float)
    for thread, part, function, spent in rows:
        each = 1e6 * spent / operations
        parts[part if thread == "main" else f"{part}, in threads"] += each
        functions[function or part] += each
    return Seen(parts, functions, used)


def _tell(seen: dict[tuple[str, str], Seen], clients: int, functions: int) -> None:
    console = Console()
    table = Table(title=f"microseconds of CPU an operation, {clients} clients")
    table.add_column("part")
    for kind, name in seen:
        table.add_column(f"{kind}\n{name}", justify="right")
    parts = {part for one in seen.values() for part in one.parts}
    for part in sorted(
        parts, key=lambda part: -sum(one.parts.get(part, 0) for one in seen.values())
    ):
        table.add_row(part, *(f"{one.parts.get(part, 0):.1f}" for one in seen.values()))
    table.add_row("all", *(f"{sum(one.parts.values()):.1f}" for one in seen.values()))
    table.add_row("by the system", *(f"{one.used:.1f}" for one in seen.values()))
    console.print(table)
    for (kind, name), one in seen.items():
        if functions:
            console.print(f"\n{kind}, {name}:", highlight=False)
        most = sorted(one.functions.items(), key=lambda item: -item[1])
        for function, spent in most[:functions]:
            console.print(f"  {spent:6.1f}  {function}", highlight=False)
    console.print(f"reference loop {reference_ms():.1f} ms of CPU")


if __name__ == "__main__":
    typer.run(bench)
