"""One operation of a client: which node is asked, what is followed, and what may be repeated.

A read may always be repeated.  A write may while every request so far was definitely without
effect; after one that was not, only under a session, with the same number, for then it runs once
however often it arrives.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import anyio
import httpx2
import msgspec

from huffleraft.http.asking import Ask, Heard, ask
from huffleraft.http.options import TIMEOUT_MAX
from huffleraft.http.outcomes import Attempt, OperationFailed

_SESSIONS: Final = "/v1/sessions"

_WORTH_REPEATING: Final = frozenset({None, 307, 408, 503, 504})
"""Statuses after which another try may do better; None is no answer at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a client tries, and how hard.  Times are in seconds."""

    total: float = 5.0
    """For an operation with all its requests."""
    server: float | None = None
    """What each request allows the node; None allows nine tenths of what is left."""
    hops: int = 3
    """Redirects followed in a row."""
    retries: bool = True
    """Whether what is safe to repeat is repeated.  Without it an operation is one request and
    its redirects, and the next one begins at the same node again."""
    pause: tuple[float, float] = (0.02, 0.06)
    """Between two requests, drawn between these, where the node advises nothing."""
    obey_retry_after: bool = True
    """Whether a node's advice replaces the pause, with jitter: half of it to one and a half."""
    sessions: bool = True
    """Whether writes are made under sessions."""


@dataclass(slots=True)
class Session:
    """A session, and the last number used under it."""

    id: int
    sequence: int = 0


@dataclass(slots=True)
class Contacts:
    """What a client keeps between operations: whom it asks next, and which sessions are free."""

    http: httpx2.AsyncClient
    endpoints: Sequence[str]
    dice: Callable[[float, float], float]
    patience: Patience
    endpoint: str = field(init=False)
    sessions: list[Session] = field(default_factory=list)
    _cycle: itertools.cycle[str] = field(init=False)

    def __post_init__(self) -> None:
        self._cycle = itertools.cycle(self.endpoints)
        self.endpoint = next(self._cycle)

    def turn_to_next(self) -> str:
        """Give up on the node asked last; the one to ask instead."""
        self.endpoint = next(self._cycle)
        return self.endpoint


class Operation:
    """One operation under way: its deadline, and the requests made so far."""

    def __init__(self, name: str, contacts: Contacts) -> None:
        self._name = name
        self._contacts = contacts
        self._patience = contacts.patience
        self._deadline = anyio.current_time() + self._patience.total
        self._attempts: list[Attempt] = []
        self._in_doubt = False

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The requests made so far."""
        return tuple(self._attempts)

    async def read(self, what: Ask, accept: Sequence[str] = ()) -> Heard:
        """Have *what* answered, well or with a code in *accept*."""
        return await self._answered(what, accept, repeatable=True)

    async def write(self, what: Ask, accept: Sequence[str] = ()) -> Heard:
        """Have the write *what* answered: under a session, unless this client has none."""
        if not self._patience.sessions:
            return await self._answered(what, accept, repeatable=False)
        while True:
            session = await self._borrowed()
            session.sequence += 1
            stamp = {
                "Huffleraft-Session": str(session.id),
                "Huffleraft-Sequence": str(session.sequence),
            }
            stamped = dataclasses.replace(what, headers=stamp)
            ended = False
            try:
                heard = await self._answered(stamped, (*accept, "session-unknown"), repeatable=True)
                ended = heard.attempt.code == "session-unknown"
            finally:
                if not ended:
                    # Also after a failure: the next number fences off whatever is still on its
                    # way under this one.
                    self._contacts.sessions.append(session)
            if not ended:
                return heard
            self._lose_session(heard.attempt)

    def _lose_session(self, attempt: Attempt) -> None:
        """Go on with another session, if this number cannot have run under the lost one."""
        if self._in_doubt:
            raise self._failed()
        # The number had never been sent before, and was refused now.
        self._attempts[-1] = dataclasses.replace(attempt, definite=True)

    async def registered(self) -> Session:
        """A new session.  One that nobody uses is no effect, so this leaves nothing in doubt."""
        before = self._in_doubt
        heard = await self._answered(Ask("POST", _SESSIONS), repeatable=True)
        self._in_doubt = before
        return Session(msgspec.json.decode(heard.body)["session"])

    async def _borrowed(self) -> Session:
        free = self._contacts.sessions
        return free.pop() if free else await self.registered()

    # One answer.

    async def _answered(self, what: Ask, accept: Sequence[str] = (), *, repeatable: bool) -> Heard:
        """Send *what* until it is answered.  *repeatable*: also after a request in doubt."""
        contacts = self._contacts
        endpoint, hops = contacts.endpoint, 0
        while True:
            heard = await self._asked(endpoint, what)
            attempt = heard.attempt
            if attempt.code is None or attempt.code in accept:
                if self._patience.retries:
                    contacts.endpoint = endpoint
                return heard
            if heard.leader is not None and hops < self._patience.hops:
                endpoint, hops = heard.leader, hops + 1
                continue
            self._in_doubt = self._in_doubt or not attempt.definite
            safe = repeatable or not self._in_doubt
            if not (self._patience.retries and safe and attempt.status in _WORTH_REPEATING):
                raise self._failed()
            await self._pause(heard)
            endpoint, hops = contacts.turn_to_next(), 0

    async def _asked(self, endpoint: str, what: Ask) -> Heard:
        left = self._deadline - anyio.current_time()
        if left <= 0:
            raise self._failed()
        allowed = min(self._patience.server or 0.9 * left, TIMEOUT_MAX)
        timeout = f"timeout={max(allowed, 0.001):.3f}"
        bounded = dataclasses.replace(
            what, query=f"{what.query}&{timeout}" if what.query else timeout
        )
        heard = await ask(self._contacts.http, endpoint, bounded, left)
        self._attempts.append(heard.attempt)
        return heard

    async def _pause(self, heard: Heard) -> None:
        advised = heard.retry_after if self._patience.obey_retry_after else None
        dice = self._contacts.dice
        pause = dice(*self._patience.pause) if advised is None else advised * dice(0.5, 1.5)
        left = self._deadline - anyio.current_time()
        await anyio.sleep(max(0.0, min(pause, left)))

    def _failed(self) -> OperationFailed:
        return OperationFailed(self._name, self.attempts, definite=not self._in_doubt)
