"""One client process: asks, waits for the outcome, and asks again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from jepsen_lite.clients import Client, Outcome, Wish
from jepsen_lite.history import EventType
from jepsen_lite.workload.recorder import NOTHING, Recorder


class Diet(Protocol):
    """Says what a process asks next, and hears what became of it."""

    def next(self, process: int) -> Wish:
        """What the process that is now called *process* asks."""
        ...

    def heard(self, wish: Wish, outcome: Outcome) -> None:
        """*wish* ended so."""
        ...


class Process:
    """The process number *number*, which asks *client* for what its *diet* says.

    *extra* is written into each of its lines.
    """

    def __init__(
        self,
        number: int,
        client: Client,
        diet: Diet,
        recorder: Recorder,
        extra: Mapping[str, object] = NOTHING,
    ) -> None:
        self.number = number
        self.client = client
        self._diet = diet
        self._recorder = recorder
        self._extra = dict(extra) | ({"node": client.node} if client.node is not None else {})

    async def once(self) -> Outcome:
        """One operation, from its invoke to its completion."""
        return await self.ask(self._diet.next(self.number))

    async def ask(self, wish: Wish) -> Outcome:
        """Exactly *wish*, written down.  After an `info` this process has a new number.

        Cancelled, it leaves its invoke without a completion, which says the same as an `info`.
        """
        self._recorder.invoke(self.number, wish, self._extra)
        outcome = await self.client.perform(wish)
        self._recorder.complete(self.number, wish, outcome, self._extra)
        if outcome.type is EventType.INFO:
            self.number = self._recorder.succeed(self.number)
        self._diet.heard(wish, outcome)
        return outcome
