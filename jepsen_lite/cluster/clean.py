"""After a harness that was killed itself: end what it left running, and nothing else."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from jepsen_lite.cluster.life import Life, ProcessEvent, birth_of, is_gone, read_processes


def left_behind(run_folder: Path) -> tuple[ProcessEvent, ...]:
    """The processes of a run that still run.

    A process is the one that was started only if the kernel says that it began at the same
    moment; where it says nothing, nothing is taken for ours.  Raises ValueError.
    """
    standing: dict[int, ProcessEvent] = {}
    for event in read_processes(run_folder):
        if event.event is Life.STARTED:
            standing[event.pid] = event
        elif event.event is Life.ENDED:
            standing.pop(event.pid, None)
    return tuple(
        event
        for event in standing.values()
        if event.birth is not None and event.birth == birth_of(event.pid) and not is_gone(event.pid)
    )


def clean(run_folder: Path) -> tuple[ProcessEvent, ...]:
    """SIGKILL the process group of each that was left behind; returns those.

    A pause needs no undoing first: SIGKILL ends what stands still.  A cut needs none at all: the
    proxy ends with its harness, and every connection with the proxy.  Raises ValueError.
    """
    found = left_behind(run_folder)
    for event in found:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(event.pid, signal.SIGKILL)
    return found
