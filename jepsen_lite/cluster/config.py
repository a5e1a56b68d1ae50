"""What a cluster under test is: how many nodes, how impatient, with which bug planted in it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jepsen_lite.cluster.status import HASH_EVERY

NODES_MAX = 9
"""More real processes than this measure the machine rather than the protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig:
    """A cluster of *size* nodes, n1 to nN.  Times are short, so that a run sees many elections.

    *plant* names a bug of `jepsen_lite.plants`.  *program* replaces the command before `serve`.
    *serve_arguments* stand behind all others.
    """

    size: int = 5
    cluster: str = "jepsen-lite"
    heartbeat_ms: int = 60
    election_ms: tuple[int, int] = (400, 800)
    request_timeout: float = 0.6
    snapshot_entries: int = 500
    trailing_entries: int = 50
    """Few, so that a node that was away for a while comes back by a snapshot."""
    plant: str | None = None
    program: tuple[str, ...] | None = None
    serve_arguments: tuple[str, ...] = ()
    hash_every: int | None = HASH_EVERY
    """Every so many polls also ask for the hash of the state; None: only at the end.

    A hash makes the node write its rows: a planted bug that writes late would be hit by the poll.
    """
    start_seconds: float = 30.0
    """How long a node may take from its start to its `ready` line."""

    def __post_init__(self) -> None:
        if not 1 <= self.size <= NODES_MAX:
            raise ValueError(f"a cluster of {self.size} nodes; expected 1 to {NODES_MAX}")
        least, most = self.election_ms
        if not 0 < self.heartbeat_ms < least <= most:
            raise ValueError(
                f"a heartbeat of {self.heartbeat_ms} ms and elections after {least} to {most} ms; "
                "expected a heartbeat well below the lower bound, and that not above the upper"
            )
        if self.plant is not None and self.program is not None:
            raise ValueError("a plant and a program; a plant is made in the product's own program")

    @property
    def nodes(self) -> tuple[str, ...]:
        """The node ids, in order."""
        return tuple(f"n{number}" for number in range(1, self.size + 1))

    @property
    def election_timeout(self) -> float:
        """The longest election timeout, in seconds."""
        return self.election_ms[1] / 1000

    def command(self, node: str, address: str, data_dir: Path, beginning: str) -> tuple[str, ...]:
        """The command line that starts *node* the first time and every other time.

        *beginning* is the option that says what becomes of an empty directory: `founding` or
        `joining`.
        """
        least, most = self.election_ms
        return (
            *self._program(),
            "serve",
            f"--id={node}",
            "--listen=127.0.0.1:0",
            f"--advertise={address}",
            f"--data-dir={data_dir}",
            f"--cluster={self.cluster}",
            beginning,
            f"--heartbeat-ms={self.heartbeat_ms}",
            f"--election-ms={least}-{most}",
            f"--request-timeout={self.request_timeout}",
            f"--snapshot-entries={self.snapshot_entries}",
            f"--trailing-entries={self.trailing_entries}",
            *self.serve_arguments,
        )

    def _program(self) -> tuple[str, ...]:
        if self.program is not None:
            return self.program
        if self.plant is not None:
            return (sys.executable, "-m", "jepsen_lite.plants", self.plant, "--")
        return (sys.executable, "-m", "huffleraft")


def founding(founders: Mapping[str, str]) -> str:
    """The option of a node that founds the cluster with the others of *founders*."""
    return "--bootstrap=" + ",".join(f"{name}={where}" for name, where in founders.items())


def joining(seeds: Iterable[str]) -> str:
    """The option of a newcomer that asks the members at *seeds* to be let in."""
    return "--join=" + ",".join(seeds)
