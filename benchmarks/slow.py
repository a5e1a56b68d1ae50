"""What is left of good clients' goodput while slow ones hold connections.

    .venv/bin/python -m benchmarks.slow
    .venv/bin/python -m benchmarks.slow --sockets 900 --pause 0.1 --json

Three nodes on this machine, and clients that set keys on the leader without a pause.  In every
other round slow clients hold connections to it besides: a half of them have sent half a head, the
others a head and a part of the body, and all send one byte more after each pause.  A connection
that the node gives up is opened again.  Told is goodput with them and without, from neighbouring
rounds of one run, and their ratio.
"""

from __future__ import annotations

import json
import random
import socket
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.load import Load, put
from benchmarks.nodes import cluster, leader_of
from benchmarks.sets import reference_ms

_HALF_A_HEAD = b"PUT /v1/kv/slow HTTP/1.1\r\nHost: slow\r\nX-Slow: "
_PART_OF_A_BODY = b"PUT /v1/kv/slow HTTP/1.1\r\nHost: slow\r\nContent-Length: 100000\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured; sets a second are medians over the rounds."""

    sockets: int
    pause: float
    """Seconds between two bytes of one socket."""
    rounds: int
    sets_without: float
    sets_with: float
    kept: float
    """The median of each round's ratio."""
    opened_again: int
    reference_ms: float


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
        without, beside, opened_again = [], [], 0
        for _ in range(rounds):
            without.append(_goodput(load, seconds))
            with _slow(host, sockets, pause) as slow:
                beside.append(_goodput(load, seconds))
            opened_again += slow.opened_again
        load.close()
    figures = Figures(
        sockets=sockets,
        pause=pause,
        rounds=rounds,
        sets_without=round(statistics.median(without)),
        sets_with=round(statistics.median(beside)),
        kept=round(statistics.median(w / o for o, w in zip(without, beside, strict=True)), 3),
        opened_again=opened_again,
        reference_ms=round(reference_ms(), 1),
    )
    if as_json:
        print(json.dumps(asdict(figures)))
        return
    for name, value in asdict(figures).items():
        print(f"{name:14} {value}")


def _goodput(load: Load, seconds: float) -> float:
    measured = load.run(seconds, body_bytes=None)
    return measured.operations / measured.seconds


class _Slow:
    """Clients that never finish what they say."""

    def __init__(self, address: str, count: int) -> None:
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))
        self._open = [self._opened(place) for place in range(count)]
        self.opened_again = 0

    def _opened(self, place: int) -> socket.socket:
        connection = socket.create_connection(self._address)
        connection.sendall(_HALF_A_HEAD if place % 2 else _PART_OF_A_BODY)
        return connection

    def dribble(self, pause: float, over: threading.Event) -> None:
        """Send a byte on each and *pause*, again and again, until it is *over*."""
        while not over.wait(pause):
            for place, connection in enumerate(self._open):
                try:
                    connection.sendall(b"x")
                except OSError:  # the node has had enough of this one
                    connection.close()
                    self._open[place] = self._opened(place)
                    self.opened_again += 1

    def close(self) -> None:
        for connection in self._open:
            connection.close()


@contextmanager
def _slow(address: str, count: int, pause: float) -> Iterator[_Slow]:
    slow = _Slow(address, count)
    over = threading.Event()
    dribbling = threading.Thread(target=slow.dribble, args=(pause, over))
    dribbling.start()
    try:
        yield slow
    finally:
        over.set()
        dribbling.join()
        slow.close()


if __name__ == "__main__":
    typer.run(bench)
