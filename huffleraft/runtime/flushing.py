"""When a state machine that is written behind is flushed, besides when it says it must be."""

from __future__ import annotations

from huffleraft.ports import StateMachine
from huffleraft.runtime.timers import NEVER


class FlushPlan:
    """A flush falls due an *interval* (seconds) after the first change since the last one."""

    __slots__ = ("_asked", "_interval", "_machine", "due")

    def __init__(self, machine: StateMachine, interval: float) -> None:
        self._machine = machine
        self._interval = interval
        self._asked = machine.last_applied
        self.due = NEVER

    def is_due(self, now: float) -> bool:
        """Whether to flush now; said once for each time that falls due."""
        if now >= self.due:
            self.due = NEVER
            self._asked = self._machine.last_applied
            return True
        if self.due == NEVER and self._machine.last_applied > self._asked:
            self.due = now + self._interval
        return False
