"""What a run left behind, read once for all checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from jepsen_lite.cluster import ProcessEvent, StatusSample, read_processes, read_statuses
from jepsen_lite.cluster.configuration import Membership, memberships
from jepsen_lite.history import History, read_history
from jepsen_lite.models import KV
from jepsen_lite.nemeses import FaultRecord, read_faults
from jepsen_lite.proxy import ProxyReport
from jepsen_lite.verdicts.demands import Demands

ENDING: Final = "ending.json"
HISTORY: Final = "history.jsonl"
PROXY: Final = "proxy.json"


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What only the harness knew, written when the run ended.

    Times are the run's, in nanoseconds.  `settled_ns` is how long after the heal every member was
    ready and had applied what the leader had committed; None if it never came to that.
    """

    seed: int
    nodes: tuple[str, ...]
    """The members when the run ended."""
    founders: tuple[str, ...] = ()
    """The members when it began; the same, if nothing is said."""
    election_timeout: float
    faults_seconds: float
    """How long faults were to be dealt."""
    faults_begin_ns: int
    healed_ns: int
    settled_ns: int | None = None
    unread: tuple[str, ...] = ()
    """Write-once keys that could not be read after the heal."""
    completed: str = ""
    """Which changes of members were completed after the heal, in words."""
    unfinished: str = ""
    """Which could not be, in words."""
    unbitten: tuple[str, ...] = ()
    """Kinds of fault that never bit."""
    cut_short: str = ""
    """Why the schedule ended before its end: it was stopped, or the cluster did not come back."""
    unexpected_ends: tuple[str, ...] = ()
    second_vote: bool | None = None
    """Whether the last act's node voted twice in one term; None if it was not played."""
    last_act: str = ""
    """What happened in the last act, in words."""
    demands: Demands | None
    """What had to be asked and broken; None for a schedule that is no deck."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a run folder tells."""

    folder: Path
    ending: Ending
    history: History
    faults: tuple[FaultRecord, ...]
    samples: tuple[StatusSample, ...]
    processes: tuple[ProcessEvent, ...]
    proxy: ProxyReport | None
    """The proxy's last report; None if it left none."""

    @classmethod
    def read(cls, folder: Path) -> Evidence:
        """Read *folder*.  Raises OSError, ValueError or MalformedHistory."""
        return cls(
            folder=folder,
            ending=msgspec.json.decode((folder / ENDING).read_bytes(), type=Ending),
            history=read_history(folder / HISTORY, KV),
            faults=read_faults(folder / "faults.jsonl"),
            samples=read_statuses(folder),
            processes=read_processes(folder),
            proxy=_proxy_report(folder / PROXY),
        )

    def memberships(self) -> tuple[Membership, ...]:
        """Who voted from when on; by the founders alone where no status tells it."""
        seen = memberships(self.samples)
        if seen:
            return (Membership(0, seen[0].voters), *seen[1:])
        return (Membership(0, self.ending.founders or self.ending.nodes),)

    def logs(self) -> dict[str, str]:
        """The log of each node."""
        return {
            path.parent.name: path.read_text(errors="replace")
            for path in sorted((self.folder / "nodes").glob("*/log"))
        }


def _proxy_report(path: Path) -> ProxyReport | None:
    if not path.exists():
        return None
    return msgspec.json.decode(path.read_bytes(), type=ProxyReport)
