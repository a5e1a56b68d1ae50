"""The core's timers, as deadlines on a clock.

A timer is a number, and resetting it stores another: no callback to cancel, no race between a
task that fires and one that resets.  What is due is asked for, one timer at a time and earliest
first, so a timer that an earlier expiry resets or cancels is never delivered (obligation O4).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from huffleraft.core.types import Timer
from huffleraft.ports import Dice
from huffleraft.settings import NodeSettings

NEVER = math.inf
"""The deadline of what is not awaited."""


def duration(timer: Timer, settings: NodeSettings, dice: Dice, *, alone: bool) -> float:
    """How long *timer* runs, in seconds.

    Stickiness lasts equally long everywhere and an election timeout at least as long (O5).  A
    server that is the only voter has nobody to wait for and nobody to depose: it runs at once.
    """
    if timer is Timer.HEARTBEAT:
        return settings.heartbeat
    if timer is Timer.CHECK_QUORUM:
        return settings.check_quorum
    if timer is Timer.TRANSFER:
        return settings.transfer
    if alone:
        return 0.0
    if timer is Timer.STICKINESS:
        return settings.stickiness
    return dice(settings.election_min, settings.election_max)


class Timers:
    """When each running timer falls due."""

    __slots__ = ("_deadlines", "_duration")

    def __init__(self, duration_of: Callable[[Timer], float]) -> None:
        self._deadlines: dict[Timer, float] = {}
        self._duration = duration_of

    def reset(self, timer: Timer, now: float) -> None:
        """Start *timer* afresh from *now*; an expiry not yet delivered is void."""
        self._deadlines[timer] = now + self._duration(timer)

    def cancel(self, timer: Timer) -> None:
        """Stop *timer*; an expiry not yet delivered is void."""
        self._deadlines.pop(timer, None)

    @property
    def next_due(self) -> float:
        """When the first timer falls due; `NEVER` if none runs."""
        return min(self._deadlines.values(), default=NEVER)

    def take_due(self, now: float) -> Timer | None:
        """Stop and return the timer that fell due first, if any has by *now*."""
        if self.next_due > now:
            return None
        timer = min(self._deadlines, key=self._deadlines.__getitem__)
        del self._deadlines[timer]
        return timer
