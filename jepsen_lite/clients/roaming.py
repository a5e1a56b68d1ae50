"""A client that goes wherever it is answered: the product's own, with its sessions.

It is what an application would use, so it is what an application must be able to trust: a write
whose answer was lost is sent again under the same number, and must not happen twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from huffleraft.client import Attempt, Client, Mismatch, OperationFailed, Patience
from huffleraft.client import Read as WasRead
from jepsen_lite.clients.wish import (
    BACKOFF_SECONDS,
    DEADLINE_SECONDS,
    NODE_SECONDS,
    REDIRECTS_MAX,
    Outcome,
    Wish,
)
from jepsen_lite.history import MISMATCH, EventType
from jepsen_lite.values import Observed, Value


class RoamingClient:
    """Asks the nodes at *addresses* (node id to host:port), in an order that *rolls* draws."""

    node = None

    def __init__(
        self, addresses: Mapping[str, str], *, rolls: Random, deadline: float = DEADLINE_SECONDS
    ) -> None:
        endpoints = list(addresses.values())
        rolls.shuffle(endpoints)
        patience = Patience(
            total=deadline,
            server=min(NODE_SECONDS, deadline),
            hops=REDIRECTS_MAX,
            pause=BACKOFF_SECONDS,
            obey_retry_after=False,
        )
        self._client = Client(endpoints, patience=patience, dice=rolls.uniform)

    async def perform(self, wish: Wish) -> Outcome:
        """Do *wish*, or find out why not, within the deadline."""
        try:
            outcome, attempts = await self._ask(wish)
        except OperationFailed as failed:
            # A read has no effect whatever became of it, but a history says `fail` only of what
            # was refused: one whose answer is lost may have been served.
            lost = not wish.changes and not all(one.definite for one in failed.attempts)
            kind = EventType.FAIL if failed.definite and not lost else EventType.INFO
            outcome, attempts = Outcome(type=kind, error=failed.code), failed.attempts
        return self._told(wish, outcome, attempts)

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()

    async def _ask(self, wish: Wish) -> tuple[Outcome, tuple[Attempt, ...]]:
        match wish.f:
            case "read":
                read = await self._client.get(wish.key)
                return Outcome(type=EventType.OK, value=_value(read)), read.attempts
            case "write":
                written = await self._client.set(wish.key, str(wish.value).encode())
                return Outcome(type=EventType.OK), written.attempts
            case "delete":
                deleted = await self._client.delete(wish.key)
                return Outcome(type=EventType.OK), deleted.attempts
            case "cas":
                return await self._cas(wish)
            case unknown:
                raise ValueError(f"no client knows the operation {unknown!r}")

    async def _cas(self, wish: Wish) -> tuple[Outcome, tuple[Attempt, ...]]:
        old, new = wish.pair()
        expected = None if old is None else str(old).encode()
        answer = await self._client.cas(wish.key, expected, str(new).encode())
        if isinstance(answer, Mismatch):
            seen = Observed(None if answer.current is None else _text(answer.current))
            refused = Outcome(type=EventType.FAIL, error=MISMATCH, observed=seen)
            return refused, answer.attempts
        return Outcome(type=EventType.OK), answer.attempts

    def _told(self, wish: Wish, outcome: Outcome, attempts: tuple[Attempt, ...]) -> Outcome:
        """*outcome*, with where its last word came from."""
        last = attempts[-1] if attempts else None
        sessions = self._client.sessions
        return Outcome(
            type=outcome.type,
            value=outcome.value,
            error=outcome.error,
            observed=outcome.observed,
            code=None if last is None or outcome.type is EventType.OK else last.code,
            served_by=None if last is None else last.node,
            term=None if last is None else last.term,
            index=None if last is None else last.index,
            attempts=len(attempts),
            session=sessions[-1] if wish.changes and sessions else None,
        )


def _value(read: WasRead) -> Value:
    return None if read.value is None else _text(read.value)


def _text(found: bytes) -> str:
    """What was found, as text; bytes that are none were written by nobody, and shall be seen."""
    try:
        return found.decode()
    except UnicodeDecodeError:
        return repr(found)
