"""What clients notice when the leader is stopped in good order, or asked to hand over.

    .venv/bin/python -m benchmarks.handover
    .venv/bin/python -m benchmarks.handover --how transfer --stops 10 --json

Nodes on this machine, with the settings that `huffleraft serve` has by itself, and clients of the
product that write one key after another through all of it, each in a closed loop and each of its
own thread: redirects, pauses and repeats are what any program sees.  Then the leader gets SIGTERM
(or is asked for a transfer), is started again, and when all agree on a leader the next one goes.

Two figures of each, in seconds: the longest write that was under way then, which is what it cost a
client, and the longest time in which none was acknowledged.  Beside them, what the same clients
noticed while nothing happened: on a busy machine that is the floor.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.request import Request, urlopen

import typer
from rich.console import Console
from rich.progress import track

from benchmarks.nodes import Node, cluster, leader_of
from benchmarks.sets import reference_ms
from huffleraft.client import SyncClient
from huffleraft.settings import NodeSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LULL = 1.5
"""Seconds of load before and after each event: what is under way then is its cost."""


class How(Enum):
    """How the leader goes."""

    STOP = "stop"
    TRANSFER = "transfer"
    KILL = "kill"


@dataclass(frozen=True, slots=True)
class Span:
    """One acknowledged write, on the monotonic clock."""

    begun: float
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured; seconds unless a name says otherwise."""

    how: str
    nodes: int
    clients: int
    stops: int
    writes_per_second: float
    longest_write_median: float
    longest_write_worst: float
    longest_write_worst_in_timeouts: float
    """In election timeouts of the least length."""
    silence_median: float
    silence_worst: float
    silence_worst_in_timeouts: float
    floor_longest_write: float
    """The longest write while nothing happened: the worst of all lulls."""
    failed: int
    """Writes that failed for their clients; none should."""
    reference_ms: float


@dataclass(slots=True)
class Load:
    """Clients that write until they are told to stop."""

    endpoints: str
    spans: list[Span] = field(default_factory=list)
    failed: int = 0
    _done: threading.Event = field(default_factory=threading.Event)

    def write(self, number: int) -> None:
        """One client's life."""
        with SyncClient(self.endpoints) as client:
            while not self._done.is_set():
                begun = time.monotonic()
                try:
                    client.set(f"handover/{number}", b"x" * 64)
                except Exception:  # noqa: BLE001  # counted: no client should see one
                    self.failed += 1
                else:
                    self.spans.append(Span(begun, time.monotonic()))

    def end(self) -> None:
        """Let every client end after its present write."""
        self._done.set()


@contextmanager
def _under_load(nodes: list[Node], clients: int) -> Iterator[Load]:
    load = Load(",".join(node.address for node in nodes))
    with ThreadPoolExecutor(clients) as threads:
        running = [threads.submit(load.write, number) for number in range(clients)]
        try:
            yield load
        finally:
            load.end()
    for one in running:
        one.result()


def bench(
    how: Annotated[How, typer.Option(help="How the leader goes.")] = How.STOP,
    stops: Annotated[int, typer.Option(min=2, help="How many leaders go.")] = 20,
    nodes: Annotated[int, typer.Option(min=3, max=9, help="How many nodes.")] = 3,
    clients: Annotated[int, typer.Option(min=1, help="How many write all the time.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Stop leaders under load, and print what their clients noticed."""
    console = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory(prefix="huffleraft-bench-") as folder,
        cluster(Path(folder), nodes, backend="asyncio") as running,
    ):
        leader_of(running)
        moments: list[float] = []
        with _under_load(running, clients) as load:
            for _ in track(range(stops), disable=not console.is_terminal, console=console):
                time.sleep(_LULL)
                moments.append(_let_go(running, how))
                time.sleep(_LULL)
        told = asdict(_figures(how, nodes, clients, load, moments))
    if as_json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        print(f"{name:32} {value}")


def _let_go(running: list[Node], how: How) -> float:
    """Make the leader go; when that began."""
    leader, _ = leader_of(running)
    begun = time.monotonic()
    if how is How.TRANSFER:
        address = f"http://{leader.address}/v1/leader/transfer"
        urlopen(Request(address, method="POST"), timeout=10).close()
        return begun
    if how is How.STOP:
        leader.process.terminate()
    else:
        leader.process.kill()
    leader.process.wait()
    time.sleep(_LULL)  # what its start costs is not what its end costs
    running[running.index(leader)] = leader.started_again()
    return begun


def _figures(how: How, nodes: int, clients: int, load: Load, moments: Sequence[float]) -> Figures:
    spans = sorted(load.spans, key=lambda span: span.ended)
    least = NodeSettings().election_min
    longest = [_longest(spans, at, at + _LULL) for at in moments]
    silences = [_silence(spans, at, at + _LULL) for at in moments]
    seconds = spans[-1].ended - spans[0].begun
    return Figures(
        how=how.value,
        nodes=nodes,
        clients=clients,
        stops=len(moments),
        writes_per_second=round(len(spans) / seconds),
        longest_write_median=round(statistics.median(longest), 3),
        longest_write_worst=round(max(longest), 3),
        longest_write_worst_in_timeouts=round(max(longest) / least, 2),
        silence_median=round(statistics.median(silences), 3),
        silence_worst=round(max(silences), 3),
        silence_worst_in_timeouts=round(max(silences) / least, 2),
        floor_longest_write=round(max(_floor(spans, at) for at in moments), 3),
        failed=load.failed,
        reference_ms=round(reference_ms(), 1),
    )


def _longest(spans: Sequence[Span], begin: float, end: float) -> float:
    """The longest of the writes under way between *begin* and *end*."""
    return max(
        (one.ended - one.begun for one in spans if one.ended > begin and one.begun < end),
        default=end - begin,
    )


def _floor(spans: Sequence[Span], until: float) -> float:
    """The longest of the writes that were answered in the second before *until*."""
    quiet = (one.ended - one.begun for one in spans if until - 1 < one.ended < until)
    return max(quiet, default=0.0)


def _silence(spans: Sequence[Span], begin: float, end: float) -> float:
    """The longest time around *begin* to *end* in which no write was acknowledged."""
    acknowledged = [one.ended for one in spans if begin - 0.1 < one.ended < end + _LULL]
    gaps = (later - earlier for earlier, later in pairwise(acknowledged))
    return max(gaps, default=end - begin)


if __name__ == "__main__":
    typer.run(bench)
