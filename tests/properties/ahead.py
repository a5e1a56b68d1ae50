"""Canaries that sing ahead: in processes of their own, beside the tests that come before them.

Most tests wait for time to pass, and leave the machine's other core alone; a canary only computes.
One runs at a time, and gives way to whatever else wants to run.  What is selected is begun as soon
as it is known, and a test waits for its own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

Arguments: TypeAlias = tuple[str, ...]
"""Those of `python -m tests.properties.canary`."""


class Choir:
    """Runs canaries, each once, one after the other."""

    def __init__(self) -> None:
        self._stage = ThreadPoolExecutor(max_workers=1, thread_name_prefix="canary")
        self._songs: dict[Arguments, Future[subprocess.CompletedProcess[str]]] = {}

    def begin(self, canaries: Iterable[Arguments]) -> None:
        """Let each of *canaries* be sung, in this order."""
        for arguments in canaries:
            if arguments not in self._songs:
                self._songs[arguments] = self._stage.submit(_sing, arguments)

    def line(self, arguments: Arguments) -> str:
        """What that canary ends with: which property was broken, or that it got away."""
        self.begin([arguments])
        run = self._songs[arguments].result()
        told = f"{' '.join(run.args)}\n{run.stdout[-2000:]}{run.stderr[-2000:]}"
        assert run.returncode == 0, told
        return run.stdout.splitlines()[-1]

    def end(self) -> None:
        """Begin no more of them, and wait for the one that sings."""
        self._stage.shutdown(cancel_futures=True)


def _sing(arguments: Arguments) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.properties.canary", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


CHOIR = Choir()
