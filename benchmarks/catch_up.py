"""What it takes a node that was down to catch up, and what the clients notice of it.

    .venv/bin/python -m benchmarks.catch_up
    .venv/bin/python -m benchmarks.catch_up --keys 100000 --json

Three nodes on this machine.  One is killed, *keys* keys are written, and it comes back, while
clients go on writing as fast as they did before.  Told are the seconds until it has applied what
was committed when it came back, the CPU of the nodes, and the writes a second before and meanwhile.
"""

from __future__ import annotations

import json
import random
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.load import Load, Measured, put
from benchmarks.nodes import Node, cluster, leader_of
from benchmarks.sets import reference_ms

_BEFORE, _SLICE = 5.0, 0.5
"""Seconds of writing before; and in one go, meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured."""

    keys: int
    value_bytes: int
    catch_up_seconds: float
    installs: int
    first_index: int
    missed_from: int
    writes_before: float
    """A second, with the one node down."""
    writes_meanwhile: float
    """A second, until it has caught up."""
    node_cpu_seconds: float
    """Of the node that catches up, from the start of its process."""
    others_cpu_seconds: float
    """Of the two others meanwhile, who take those writes and one of whom sends."""
    reference_ms: float


def bench(
    keys: Annotated[int, typer.Option(help="Keys written while a node is down.")] = 50_000,
    value_bytes: Annotated[int, typer.Option(help="Size of a value.")] = 100,
    clients: Annotated[int, typer.Option(help="Connections, one request in flight each.")] = 64,
    seed: Annotated[int, typer.Option(help="Draws the values.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure one catching up, and print it."""
    dice = random.Random(seed)
    with (
        tempfile.TemporaryDirectory(prefix="huffleraft-bench-") as folder,
        cluster(Path(folder), 3, backend="asyncio") as running,
    ):
        leader, _ = leader_of(running)
        place = next(at for at, node in enumerate(running) if node is not leader)
        down = running[place]
        missed_from = down.status()["last_index"] + 1
        down.process.kill()
        down.process.wait()
        host = leader.address
        prepared = [put(host, key, dice.randbytes(value_bytes)) for key in range(keys)]
        load = Load(host, [dice.sample(prepared, 200) for _ in range(clients)])
        load.send_each_once(prepared)
        before = load.run(_BEFORE, body_bytes=None)

        meanwhile = Measured()
        over = threading.Event()
        writing = threading.Thread(target=lambda: _write(load, meanwhile, over))
        goal = leader.status()["commit_index"]
        others = [node for node in running if node is not down]
        others_cpu = sum(node.cpu() for node in others)
        begun = time.perf_counter()
        running[place] = again = down.started_again()
        writing.start()
        seconds = _caught_up(again, goal, begun)
        node_cpu = again.cpu()
        others_cpu = sum(node.cpu() for node in others) - others_cpu
        over.set()
        writing.join()
        load.close()
        status = again.status()
        figures = Figures(
            keys=keys,
            value_bytes=value_bytes,
            catch_up_seconds=round(seconds, 2),
            installs=status["installs"],
            first_index=status["first_index"],
            missed_from=missed_from,
            writes_before=round(before.operations / before.seconds),
            writes_meanwhile=round(meanwhile.operations / meanwhile.seconds),
            node_cpu_seconds=round(node_cpu, 2),
            others_cpu_seconds=round(others_cpu, 2),
            reference_ms=round(reference_ms(), 1),
        )
        told = [line for node in running for line in _told(node)]
    if as_json:
        print(json.dumps(asdict(figures)))
        return
    for name, value in asdict(figures).items():
        print(f"{name:19} {value}")
    print(*told, sep="\n")


def _write(load: Load, measured: Measured, over: threading.Event) -> None:
    """Write into *measured* until it is *over*."""
    while not over.is_set():
        done = load.run(_SLICE, body_bytes=None)
        measured.latencies += done.latencies
        measured.seconds += done.seconds


def _caught_up(node: Node, goal: int, begun: float) -> float:
    while (told := node.status())["last_applied"] < goal or not told["ready"]:
        if time.perf_counter() > begun + 120:
            raise SystemExit(f"{node.id} had not caught up after two minutes; look at its log")
        time.sleep(0.02)
    return time.perf_counter() - begun


def _told(node: Node) -> list[str]:
    lines = node.log.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "the snapshot" in line][-6:]


if __name__ == "__main__":
    typer.run(bench)
