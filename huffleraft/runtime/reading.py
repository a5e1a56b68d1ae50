"""Reads that the core has let through, answered from the state machine."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup

from huffleraft.core.types import Term
from huffleraft.errors import HuffleraftError, ReadTimedOut
from huffleraft.ports import Clock
from huffleraft.runtime.forwarding import ForwardedRequest
from huffleraft.runtime.machines import Machine
from huffleraft.runtime.requests import Answer


class Reading:
    """Asks one node's machine; *term* tells the term that an answer is given in."""

    def __init__(self, machine: Machine, clock: Clock, term: Callable[[], Term]) -> None:
        self._machine = machine
        self._clock = clock
        self._term = term
        self._tasks: TaskGroup | None = None

    def start(self, tasks: TaskGroup) -> None:
        """Answer other nodes' reads in *tasks* from now on."""
        self._tasks = tasks

    async def query(self, query: bytes, deadline: float) -> Answer:
        """Ask the state machine; raises ReadTimedOut if the disk is not done by *deadline*."""
        payload = self._machine.recall(query)
        if payload is None:  # the disk takes its time, and a scope costs some: only now
            with anyio.move_on_after(deadline - self._clock.now()):
                payload = await self._machine.query(query)
        if payload is None:
            raise ReadTimedOut
        return Answer(payload, self._machine.last_applied, self._term())

    def serve(self, request: ForwardedRequest) -> None:
        """Answer another node's read, in a task of its own."""
        if self._tasks is not None:
            self._tasks.start_soon(self._answer, request, name="forwarded read")

    async def _answer(self, request: ForwardedRequest) -> None:
        try:
            request.conclude(await self.query(request.payload, request.deadline))
        except HuffleraftError as error:
            request.conclude(error)
