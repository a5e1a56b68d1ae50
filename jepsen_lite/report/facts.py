"""What a report draws: read from the run folder, in one place, and nowhere else."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from jepsen_lite.cluster import StatusSample, read_statuses
from jepsen_lite.cluster.configuration import memberships
from jepsen_lite.history import EventType, Operation, read_history
from jepsen_lite.models import KV
from jepsen_lite.nemeses import FaultRecord, read_faults


@dataclass(frozen=True, slots=True)
class Reign:
    """One leader of one term, as the polls saw it: from the first to the last look."""

    node: str
    term: int
    begin_ns: int
    end_ns: int


@dataclass(slots=True)
class Stay:
    """From when to when a node was polled, and when it was seen to join and to leave, if it did."""

    begin_ns: int
    end_ns: int
    joined_ns: int | None = None
    left_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a run.  `results` and `config` are as their files have them."""

    name: str
    config: Mapping[str, object]
    results: Mapping[str, object]
    operations: tuple[Operation, ...]
    faults: tuple[FaultRecord, ...]
    samples: tuple[StatusSample, ...]

    @classmethod
    def read(cls, run_folder: Path) -> Facts:
        """Read *run_folder*.  Raises ValueError or MalformedHistory for what cannot be read."""
        results = run_folder / "results.json"
        config = run_folder / "run.toml"
        return cls(
            name=run_folder.resolve().name,
            config=tomllib.loads(config.read_text()) if config.exists() else {},
            results=json.loads(results.read_bytes()) if results.exists() else {},
            operations=read_history(run_folder / "history.jsonl", KV).operations,
            faults=read_faults(run_folder / "faults.jsonl"),
            samples=read_statuses(run_folder),
        )

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that were polled, in the order of their names, n10 after n9."""
        return tuple(sorted({sample.node for sample in self.samples}, key=in_order))

    def stays(self) -> dict[str, Stay]:
        """How long each node was seen, and when it came to vote and ceased to."""
        story = memberships(self.samples)
        seen: dict[str, Stay] = {}
        for sample in self.samples:
            stay = seen.setdefault(sample.node, Stay(sample.begin_ns, sample.end_ns))
            stay.end_ns = sample.end_ns
        for before, after in pairwise(story):
            for node in seen.keys() & (set(after.voters) - set(before.voters)):
                seen[node].joined_ns = after.since_ns
            for node in seen.keys() & (set(before.voters) - set(after.voters)):
                seen[node].left_ns = after.since_ns
        return seen

    @property
    def end_ns(self) -> int:
        """The last moment of which anything is known."""
        ends = [
            *(ended_ns(one) for one in self.operations[-200:]),
            *(one.end_ns or one.begin_ns for one in self.faults[-20:]),
            *(one.end_ns for one in self.samples[-1:]),
        ]
        return max(ends, default=1)

    def reigns(self) -> tuple[Reign, ...]:
        """Who led when, in the order in which it was first seen."""
        seen: dict[tuple[str, int], Reign] = {}
        for sample in self.samples:
            status = sample.status
            if status is None or status.role != "leader":
                continue
            key = (sample.node, status.term)
            begin = seen[key].begin_ns if key in seen else sample.begin_ns
            seen[key] = Reign(sample.node, status.term, begin, sample.end_ns)
        return tuple(sorted(seen.values(), key=lambda one: one.begin_ns))


def in_order(node: str) -> tuple[str, int]:
    """The key by which names of nodes are sorted: letters first, then the number at their end."""
    letters = node.rstrip("0123456789")
    return letters, int(node[len(letters) :] or 0)


def ended_ns(operation: Operation) -> int:
    """When an operation ended; when it began, if nobody knows."""
    return (operation.completion or operation.invoke).time


def outcome(operation: Operation) -> str:
    """`ok`, `fail`, or `info`, which an operation without an end is as well."""
    completion = operation.completion
    return "info" if completion is None else str(completion.type.value)


def is_acknowledged_write(operation: Operation) -> bool:
    """Whether a client was told that it changed something."""
    completion = operation.completion
    return operation.f != "read" and completion is not None and completion.type is EventType.OK
