"""What became of each process, told as it happens: a run can be judged, or cleaned, later."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from jepsen_lite.jsonl import read_lines

FILE: Final = "processes.jsonl"


class Life(Enum):
    """What a line of `processes.jsonl` says of a process."""

    STARTED = "started"
    READY = "ready"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEvent:
    """One moment in the life of a process.

    *birth* is the kernel's own note of when it was started: a number is used again, the pair is
    not.  *boot* and *port* are known once it is ready, *returncode* (negative: the signal) and
    *by_harness* once it has ended: that it was killed, stopped, or taken out of its cluster.
    """

    time_ns: int
    name: str
    event: Life
    pid: int
    birth: int | None = None
    boot: int | None = None
    port: int | None = None
    returncode: int | None = None
    by_harness: bool | None = None


@dataclass(frozen=True, slots=True)
class UnexpectedEnd:
    """A node that ended though the harness had not ended it, or would not end as it should."""

    node: str
    time_ns: int
    returncode: int | None
    why: str
    last_lines: str


def read_processes(run_folder: Path) -> tuple[ProcessEvent, ...]:
    """Every moment that a run folder tells of.  Raises ValueError."""
    return read_lines(run_folder / FILE, ProcessEvent)


def birth_of(pid: int) -> int | None:
    """When the kernel started process *pid*, in its own ticks; None if gone, or if it won't say."""
    fields = _stat(pid)
    return int(fields[19]) if len(fields) > 19 else None


def is_stopped(pid: int) -> bool | None:
    """Whether *pid* is stopped by a signal; None where the system does not tell."""
    fields = _stat(pid)
    return fields[0] == "T" if fields else None


def is_gone(pid: int) -> bool:
    """Whether no process *pid* runs any code any more."""
    fields = _stat(pid)
    return not fields or fields[0] in "ZX"


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: the second, a name, may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
