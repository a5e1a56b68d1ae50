"""What is left of good clients' goodput while slow ones hold connections.

    .venv/bin/python -m benchmarks.slow
    .venv/bin/python -m benchmarks.slow --sockets 900 --pause 0.1 --json

Three nodes on this machine, and clients that set keys on the leader without a pause.  In every
other round slow clients hold connections to it besides: a half of them have sent half a head, the
others a head and a part of the body, and each sends one byte more after each pause, not all at
once.  A connection that the node gives up is opened again.

Told is goodput with them and without, from neighbouring rounds of one run, and their ratio.  The
slow clients are a process of their own, yet it takes its CPU from the same cores; so the nodes'
CPU a set is told too, in which nothing counts but what the nodes do.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.load import Load, put
from benchmarks.nodes import Node, cluster, leader_of
from benchmarks.sets import reference_ms

_HALF_A_HEAD = b"PUT /v1/kv/slow HTTP/1.1\r\nHost: slow\r\nX-Slow: "
_PART_OF_A_BODY = b"PUT /v1/kv/slow HTTP/1.1\r\nHost: slow\r\nContent-Length: 100000\r\n\r\n"

_TICK = 0.01
"""Seconds between two looks at whose byte is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured; all but the sums are medians over the rounds."""

    sockets: int
    pause: float
    """Seconds between two bytes of one socket."""
    rounds: int
    sets_without: float
    """A second."""
    sets_with: float
    kept: float
    """The median of each round's ratio."""
    nodes_cpu_us_without: float
    """Microseconds of all nodes' CPU a set."""
    nodes_cpu_us_with: float
    kept_a_cpu_second: float
    """The same ratio, of sets in a second of the nodes' CPU."""
    slow_clients_cpu: float
    """Cores that they took while they were there."""
    bytes_sent: int
    opened_again: int
    reference_ms: float


@dataclass(frozen=True, slots=True)
class _Half:
    """One half of a round."""

    goodput: float
    cpu_us: float


@dataclass(slots=True)
class _Slow:
    """What the slow clients say of themselves, once they are gone."""

    bytes_sent: int = 0
    opened_again: int = 0
    cpu: float = 0.0


def bench(
    sockets: Annotated[int, typer.Option(min=1, max=1000, help="How many are slow.")] = 500,
    pause: Annotated[float, typer.Option(min=0.01, help="Seconds between their bytes.")] = 1.0,
    clients: Annotated[int, typer.Option(min=1, help="Good ones, one request in flight.")] = 64,
    rounds: Annotated[int, typer.Option(min=1, help="Pairs of with and without.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long each half takes.")] = 8.0,
    seed: Annotated[int, typer.Option(help="Draws the values.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure goodput with slow clients and without, and print both."""
    dice = random.Random(seed)
    with (
        tempfile.TemporaryDirectory(prefix="huffleraft-bench-") as folder,
        cluster(Path(folder), 3, backend="asyncio") as running,
    ):
        leader, _ = leader_of(running)
        host = leader.address
        load = Load(
            host,
            [
                [put(host, dice.randrange(1000), dice.randbytes(100)) for _ in range(64)]
                for _ in range(clients)
            ],
        )
        load.run(seconds, body_bytes=None)  # to get warm
        halves: list[tuple[_Half, _Half]] = []
        slow = _Slow()
        for _ in range(rounds):
            without = _measured(load, running, seconds)
            with _slow(host, sockets, pause, slow):
                halves.append((without, _measured(load, running, seconds)))
        load.close()
    figures = Figures(
        sockets=sockets,
        pause=pause,
        rounds=rounds,
        sets_without=round(statistics.median(one.goodput for one, _ in halves)),
        sets_with=round(statistics.median(other.goodput for _, other in halves)),
        kept=round(statistics.median(other.goodput / one.goodput for one, other in halves), 3),
        nodes_cpu_us_without=round(statistics.median(one.cpu_us for one, _ in halves), 1),
        nodes_cpu_us_with=round(statistics.median(other.cpu_us for _, other in halves), 1),
        kept_a_cpu_second=round(
            statistics.median(one.cpu_us / other.cpu_us for one, other in halves), 3
        ),
        slow_clients_cpu=round(slow.cpu / (rounds * seconds), 3),
        bytes_sent=slow.bytes_sent,
        opened_again=slow.opened_again,
        reference_ms=round(reference_ms(), 1),
    )
    if as_json:
        print(json.dumps(asdict(figures)))
        return
    for name, value in asdict(figures).items():
        print(f"{name:20} {value}")


def _measured(load: Load, nodes: list[Node], seconds: float) -> _Half:
    before = sum(node.cpu() for node in nodes)
    measured = load.run(seconds, body_bytes=None)
    spent = sum(node.cpu() for node in nodes) - before
    return _Half(measured.operations / measured.seconds, 1e6 * spent / measured.operations)


@contextmanager
def _slow(address: str, count: int, pause: float, told: _Slow) -> Iterator[None]:
    """Let slow clients hold connections while the block runs; add what they did to *told*."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_dribble, args=(address, count, pause, theirs))
    process.start()
    try:
        ours.recv()  # all are connected
        yield
        ours.send(None)
        bytes_sent, opened_again, cpu = ours.recv()
    finally:
        process.join(10)
        process.kill()
    told.bytes_sent += bytes_sent
    told.opened_again += opened_again
    told.cpu += cpu


def _dribble(address: str, count: int, pause: float, told: Connection) -> None:
    """Send a byte on each of *count* connections in every *pause*, until told to end."""
    host, _, port = address.rpartition(":")

    def opened(place: int) -> socket.socket:
        connection = socket.create_connection((host, int(port)))
        connection.sendall(_HALF_A_HEAD if place % 2 else _PART_OF_A_BODY)
        return connection

    connections = [opened(place) for place in range(count)]
    opened_again = sent = 0
    told.send(None)
    begun, cpu = time.monotonic(), time.process_time()
    while not told.poll(_TICK):
        due = int((time.monotonic() - begun) / pause * count)
        while sent < due:
            place = sent % count
            sent += 1
            try:
                connections[place].sendall(b"x")
            except OSError:  # the node has had enough of this one
                connections[place].close()
                connections[place] = opened(place)
                opened_again += 1
    told.send((sent, opened_again, time.process_time() - cpu))
    for connection in connections:
        connection.close()


if __name__ == "__main__":
    typer.run(bench)
