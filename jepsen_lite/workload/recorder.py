"""The one list of events: an invoke before anything was sent, a completion after all was read.

The file is written as things happen, so that a harness that dies leaves a history that can be
judged.  After an `info` nobody may use that process number again, for the operation may still
take effect: its successor's number is higher by the number of processes there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from jepsen_lite.clients import Outcome, Wish
from jepsen_lite.history import Event, EventType, HistoryWriter

NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


class Recorder:
    """Writes the operations of *processes* processes to *history*; *now* is the run's clock."""

    def __init__(self, history: HistoryWriter, now: Callable[[], int], processes: int) -> None:
        self._history = history
        self._now = now
        self.processes = processes
        self.counts: Counter[tuple[str, EventType]] = Counter()
        """How many operations ended how, by what was asked."""
        self.retired = 0
        self.keys: dict[str, None] = {}
        """Every key that was asked for, in the order in which it first was."""

    def succeed(self, process: int) -> int:
        """The number of the process that takes the place of *process*, which is used up."""
        self.retired += 1
        return process + self.processes

    @property
    def unused(self) -> int:
        """A number above all that processes have had or will have."""
        return (self.retired + 1) * self.processes

    @property
    def total(self) -> int:
        """How many operations have ended."""
        return self.counts.total()

    def ended(self, kind: EventType) -> int:
        """How many operations have ended so."""
        return sum(count for (_, ended), count in self.counts.items() if ended is kind)

    def invoke(self, process: int, wish: Wish, extra: Mapping[str, object] = NOTHING) -> None:
        """*process* is about to ask for *wish*."""
        self.keys[wish.key] = None
        self._history.append(
            Event(
                process=process,
                type=EventType.INVOKE,
                f=wish.f,
                key=wish.key,
                value=wish.value,
                time=self._now(),
                extra=extra,
            )
        )

    def complete(
        self, process: int, wish: Wish, outcome: Outcome, extra: Mapping[str, object] = NOTHING
    ) -> None:
        """It learned that *wish* ended as *outcome* says."""
        self.counts[wish.f, outcome.type] += 1
        was_read = wish.f == "read" and outcome.type is EventType.OK
        self._history.append(
            Event(
                process=process,
                type=outcome.type,
                f=wish.f,
                key=wish.key,
                value=outcome.value if was_read else wish.value,
                time=self._now(),
                error=outcome.error,
                observed=outcome.observed,
                extra=outcome.extra() | dict(extra),
            )
        )
