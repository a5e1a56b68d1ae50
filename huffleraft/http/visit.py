"""One accepted connection, from its first bytes to its end.

It begins as a stranger.  The first bytes decide: a peer's handshake is handed to the node's
links, with the stream; anything else is HTTP.  A visit waits without timers of its own: it notes
what it waits for and since when, and the listener's one sweeper ends what has waited too long.
Only who sends drop by drop is read with pauses between: a read costs as much for one byte as for
many.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeAlias

import anyio
from anyio.abc import ByteStream

from huffleraft.http.connection import Connection, Phase
from huffleraft.http.front import Front
from huffleraft.http.limits import DROP_BYTES, DROPS_MAX, READ_BYTES, DoorSettings
from huffleraft.http.messages import Request
from huffleraft.http.parsers import MakeParser
from huffleraft.http.problems import Problem, too_many_connections, too_slow
from huffleraft.runtime.frames import MAGIC
from huffleraft.runtime.streams import LOST

ServePeer: TypeAlias = Callable[[ByteStream, bytes], Awaitable[None]]
"""Takes over a peer's connection, of which these bytes were read, and closes it at its end."""

_LAST_WORD: Final = 1.0
"""Seconds that a client who was too slow has to take the answer that says so."""


class Visit:
    """One connection.  `run` ends when it does; whoever accepted it closes the stream."""

    __slots__ = (
        "_awaited",
        "_connection",
        "_drops",
        "_front",
        "_leaving",
        "_patience",
        "_scope",
        "_settings",
        "_since",
        "_stream",
        "between_requests",
    )

    def __init__(
        self,
        stream: ByteStream,
        *,
        front: Front,
        settings: DoorSettings,
        make_parser: MakeParser,
    ) -> None:
        self._stream = stream
        self._front = front
        self._settings = settings
        self._connection = Connection(make_parser)
        self._scope = anyio.CancelScope()
        self._awaited: Phase | None = None
        self._drops = 0
        self._leaving = False
        self.between_requests = False
        """Whether it waits for a request that has not begun: nothing is lost by its end."""
        self._since = time.monotonic()
        self._patience = settings.head_timeout

    # For the listener.

    def is_overdue(self, now: float) -> bool:
        """Whether what it waits for should have come by *now*."""
        return now - self._since > self._patience

    def end(self) -> None:
        """End it where it stands."""
        self._scope.cancel()

    def leave(self) -> None:
        """End it after the answer that is under way; at once if there is none."""
        self._leaving = True
        if self.between_requests:
            self._scope.cancel()

    def _begin(self) -> anyio.CancelScope:
        """A new part of its course, with all the time there is."""
        self._scope = anyio.CancelScope()
        self._patience = math.inf
        return self._scope

    # Its course.

    async def first_bytes(self) -> bytes:
        """Enough of what came first to tell a peer from a client; empty if it went, or was slow."""
        received = b""
        with self._scope, suppress(*LOST):
            received = await self._stream.receive(READ_BYTES)
            while len(received) < len(MAGIC) and MAGIC.startswith(received):
                received += await self._stream.receive(READ_BYTES)
            return received
        return b""

    async def run(self, received: bytes) -> None:
        """Answer the client's requests until either side has enough."""
        with self._begin(), suppress(*LOST):
            await self._converse(received)
        if not self._scope.cancelled_caught:
            return
        phase = self._connection.phase
        if not self._leaving and phase is not Phase.IDLE and not self._connection.closing:
            problem = too_slow(phase.value, self._patience)
            with anyio.move_on_after(_LAST_WORD), suppress(*LOST):
                await self._stream.send(self._connection.refuse(self._front.problem(problem)))
                await self._stream.send_eof()

    async def turn_away(self) -> None:
        """Tell one client too many that there is no room."""
        problem = too_many_connections(self._settings.connections)
        with self._begin(), suppress(*LOST):
            await self._say_last(self._connection.refuse(self._front.problem(problem)))

    async def _converse(self, received: bytes) -> None:
        connection, stream = self._connection, self._stream
        while True:
            connection.receive(received)
            while (taken := connection.take()) is not None:
                if isinstance(taken, Problem):
                    await self._say_last(connection.refuse(self._front.problem(taken)))
                    return
                await self._answer(taken)
                if connection.closing:
                    return
            if interim := connection.interim():
                await stream.send(interim)
            self._wait_for(connection.phase, len(received))
            if self._drops > DROPS_MAX:
                await anyio.sleep(self._settings.drop_pause)
            received = await stream.receive(READ_BYTES)
            self.between_requests = False

    async def _answer(self, request: Request) -> None:
        self._awaited = None
        self._patience = math.inf  # the node bounds it, by the request's own timeout
        response = await self._front.answer(request)
        answer = self._connection.respond(request, response, keep_alive=not self._leaving)
        self._since = time.monotonic()
        self._patience = self._settings.send_timeout
        await self._stream.send(answer)

    def _wait_for(self, phase: Phase, came: int) -> None:
        """Note what is awaited after *came* bytes.

        The pieces of one head, or one body, share one deadline, and the drops in it are counted.
        """
        self.between_requests = phase is Phase.IDLE
        if phase is not self._awaited:
            self._awaited = phase
            self._since = time.monotonic()
            self._patience = self._patience_for(phase)
            self._drops = 0
        elif came < DROP_BYTES:
            self._drops += 1
        else:
            self._drops = 0

    def _patience_for(self, phase: Phase) -> float:
        match phase:
            case Phase.IDLE:
                return self._settings.idle_timeout
            case Phase.HEAD:
                return self._settings.head_timeout
            case Phase.BODY:
                return self._settings.body_timeout

    async def _say_last(self, answer: bytes) -> None:
        """Send *answer*, then hear the client out for a while.

        A socket closed while bytes are unread resets the connection, and the client would lose
        the very answer that tells it what was wrong.
        """
        self._since = time.monotonic()
        self._patience = self._settings.linger
        await self._stream.send(answer)
        await self._stream.send_eof()
        while True:
            await self._stream.receive(READ_BYTES)
