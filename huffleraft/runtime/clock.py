"""The clock that deadlines are numbers on.

It must run while the machine sleeps (obligation O4): a leader that was suspended for a minute
must find, when it wakes, that its timers are due, before it answers anybody.  Linux has such a
clock, ``CLOCK_BOOTTIME``; macOS's monotonic clock stands still in sleep, and elsewhere we do not
know.  Where there is none, everything that rests on messages still holds, but nothing may rest
on time alone (leases are to be refused).
"""

from __future__ import annotations

import time


class BoottimeClock:
    """Seconds since the machine booted, sleep included where the system can tell."""

    runs_in_sleep: bool = hasattr(time, "CLOCK_BOOTTIME")
    """Whether this system has a clock that runs while the machine sleeps."""

    if runs_in_sleep:

        def now(self) -> float:
            """The time, in seconds; it never goes back."""
            return time.clock_gettime(time.CLOCK_BOOTTIME)

    else:

        def now(self) -> float:
            """The time, in seconds; it never goes back, and may stand still in sleep."""
            return time.monotonic()
