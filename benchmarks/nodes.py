"""Real `huffleraft serve` processes on loopback, and what the system says that they cost."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from huffleraft.store.directory import DATABASE

_PATIENCE = 20.0
"""Seconds until all is up, or will not be."""

_TICK = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Node:
    """One process."""

    id: str
    address: str
    data_dir: Path
    process: subprocess.Popen[str]
    command: list[str]

    @property
    def log(self) -> Path:
        """What it writes to standard error."""
        return self.data_dir.with_suffix(".log")

    def spawned_again(self) -> Node:
        """The same node in a new process, which may not listen yet; its log goes on."""
        return _spawned(self.id, self.address, self.data_dir, self.command)

    def started_again(self) -> Node:
        """The same node in a new process that listens; its log goes on."""
        again = self.spawned_again()
        again.await_listening()
        return again

    def await_listening(self) -> None:
        """Return once it has said that it listens; once for each process."""
        assert self.process.stdout is not None, "it was asked for"
        if not self.process.stdout.readline().startswith("ready "):
            log = self.log.read_text(encoding="utf-8")
            raise SystemExit(f"{self.id} did not start; its log ends: {log[-500:]}")

    def cpu(self) -> float:
        """Seconds of CPU burnt so far, by all its threads."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK

    def written(self) -> int:
        """Bytes handed to the disk so far."""
        for line in Path(f"/proc/{self.process.pid}/io").read_text(encoding="ascii").splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
        return 0

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        with urlopen(f"http://{self.address}/v1/status", timeout=5) as answer:
            status: dict[str, Any] = json.load(answer)
        return status

    def mean_batch(self, first: int) -> float:
        """Entries a write of its log from *first* on, as far as it still has them; once stopped."""
        database = f"file:{self.data_dir / DATABASE}?mode=ro"
        with closing(sqlite3.connect(database, uri=True)) as opened:
            query = "SELECT avg(last_index - first_index + 1) FROM log WHERE first_index >= ?"
            (mean,) = opened.execute(query, (first,)).fetchone()
        return float(mean or 0)


@contextmanager
def cluster(
    folder: Path, count: int, *, backend: str, program: Sequence[str] = ("-m", "huffleraft")
) -> Iterator[list[Node]]:
    """Nodes that run while the block runs, and are stopped at its end.

    *program* is what Python runs as the command line.
    """
    nodes = found(folder, count, backend=backend, program=program)
    try:
        for node in nodes:
            node.await_listening()
        yield nodes
    finally:
        stop(nodes)


def found(
    folder: Path, count: int, *, backend: str, program: Sequence[str] = ("-m", "huffleraft")
) -> list[Node]:
    """Processes of a new cluster, which may not listen yet; whoever asks stops them."""
    ports = _free_ports(count)
    founders = {f"n{n}": f"127.0.0.1:{port}" for n, port in enumerate(ports, 1)}
    return [
        _started(folder, node_id, address, founders, backend, program)
        for node_id, address in founders.items()
    ]


def stop(nodes: list[Node]) -> None:
    """Stop all of *nodes* in good order; kill what does not."""
    for node in nodes:
        node.process.terminate()
    for node in nodes:
        try:
            node.process.wait(10)
        except subprocess.TimeoutExpired:
            node.process.kill()
            node.process.wait()


def leader_of(nodes: list[Node]) -> tuple[Node, int]:
    """The leader that all agree on, and its term; waits until there is one."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        told = {(status["leader"], status["term"]) for status in map(Node.status, nodes)}
        leader, term = next(iter(told))
        if len(told) == 1 and leader is not None:
            return next(node for node in nodes if node.id == leader), term
        time.sleep(0.05)
    raise SystemExit("the nodes did not agree on a leader; look at their logs")


def _started(
    folder: Path,
    node_id: str,
    address: str,
    founders: dict[str, str],
    backend: str,
    program: Sequence[str],
) -> Node:
    command = [sys.executable, *program, "serve"]
    command += ["--id", node_id, "--listen", address, "--data-dir", str(folder / node_id)]
    command += ["--bootstrap", ",".join(f"{name}={where}" for name, where in founders.items())]
    command += ["--backend", backend]
    return _spawned(node_id, address, folder / node_id, command)


def _spawned(node_id: str, address: str, data_dir: Path, command: list[str]) -> Node:
    with data_dir.with_suffix(".log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    return Node(node_id, address, data_dir, process, command)


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()
