"""What is decided about a run before it begins."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from jepsen_lite.cluster import ClusterConfig
from jepsen_lite.cluster.status import HASH_EVERY
from jepsen_lite.verdicts import Demands
from jepsen_lite.verdicts.progress import TIMEOUTS_MAX

FILE: Final = "run.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything about a run that is decided before it begins; times are in seconds."""

    seed: int
    nodes: int = 5
    faults_seconds: float = 60.0
    plant: str | None = None
    hash_every: int | None = HASH_EVERY
    """See `ClusterConfig.hash_every`."""
    settle_timeouts: int = 2 * TIMEOUTS_MAX
    """Election timeouts that a healed cluster is watched: more than it may take, to say how late it
    was."""
    finish_seconds: float = 30.0
    """How long a healed cluster may take for the changes of members that were left to it."""
    final_read_seconds: float = 30.0
    """How long it is tried to read everything after the heal."""

    @property
    def config(self) -> ClusterConfig:
        """The cluster of this run."""
        return ClusterConfig(size=self.nodes, plant=self.plant, hash_every=self.hash_every)

    @property
    def settle_seconds(self) -> float:
        """How long a healed cluster is watched."""
        return self.settle_timeouts * self.config.election_timeout


def write_plan(plan: Plan, folder: Path, *, clients: int, demands: Demands | None) -> None:
    """Leave everything that was decided, the seed first."""
    config = plan.config
    resolved = {
        "seed": plan.seed,
        "nodes": plan.nodes,
        "faults_seconds": plan.faults_seconds,
        "plant": plan.plant or "none",
        "heartbeat_ms": config.heartbeat_ms,
        "election_ms": list(config.election_ms),
        "request_timeout": config.request_timeout,
        "clients": clients,
    }
    # Texts, numbers and lists of them are written alike in JSON and in TOML.
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in resolved.items()]
    if demands is not None:
        lines.append("\n[demands]\n")
        asked = msgspec.structs.asdict(demands)
        lines += (f"{name} = {json.dumps(value)}\n" for name, value in asked.items())
    (folder / FILE).write_text("".join(lines))
