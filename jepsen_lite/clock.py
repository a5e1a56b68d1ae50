"""One clock for a whole run: history, faults and samples are drawn on the same axis."""

from __future__ import annotations

import time


class RunClock:
    """Nanoseconds since this clock was made, never falling.  `wall_ns` is when that was (UTC)."""

    def __init__(self) -> None:
        self.wall_ns = time.time_ns()
        self._origin = time.monotonic_ns()

    def now(self) -> int:
        """Nanoseconds since the run began."""
        return time.monotonic_ns() - self._origin


def seconds(nanoseconds: int) -> float:
    """*nanoseconds* as seconds, to be read or waited for."""
    return nanoseconds / 1e9
