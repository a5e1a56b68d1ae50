"""The client for tasks, on asyncio or trio."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from types import TracebackType
from typing import Self, TypeVar

import anyio

from huffleraft.client import member_requests, requests
from huffleraft.client.contacts import Contacts, Patience
from huffleraft.client.operation import Send, Steps
from huffleraft.client.outcomes import (
    CasOutcome,
    Deleted,
    Joined,
    Leads,
    Left,
    Listed,
    Page,
    Read,
    Roster,
    Written,
)
from huffleraft.client.requests import PAGE_KEYS, PAGE_KEYS_MAX
from huffleraft.client.sending import ask_async, new_async_http

T = TypeVar("T")


class Client:
    """Talks to the cluster of *endpoints*: HOST:PORT each, or one text with commas between.

    Any number of tasks may share it.  Every operation raises OperationFailed, and InvalidKey or
    ValueTooLarge before it asks; one that is cancelled may take effect all the same.
    *dice* draws the pauses and the endpoint to begin with.
    """

    def __init__(
        self,
        endpoints: Sequence[str] | str,
        *,
        patience: Patience | None = None,
        dice: Callable[[float, float], float] | None = None,
    ) -> None:
        self._contacts = Contacts(
            endpoints, patience or Patience(), dice or random.Random().uniform
        )
        self._http = new_async_http()

    @property
    def endpoint(self) -> str:
        """The node to be asked next: the last one that answered, or the next in turn."""
        return self._contacts.endpoint

    @property
    def sessions(self) -> tuple[int, ...]:
        """The ids of the sessions it keeps that no operation uses now; the last one is next."""
        return self._contacts.free_sessions

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections; operations after it raise RuntimeError."""
        with anyio.CancelScope(shield=True):
            await self._http.aclose()

    async def get(self, key: str, *, stale: bool = False) -> Read:
        """The value of *key*, linearizably unless *stale*: then what some node has applied."""
        return await self._run(requests.get(self._contacts, key, stale=stale))

    async def page(
        self,
        prefix: str = "",
        after: str = "",
        *,
        limit: int = PAGE_KEYS,
        values: bool = False,
        stale: bool = False,
    ) -> Page:
        """Keys in order, all of the state at one index.

        Those that begin with *prefix*, at most *limit* (up to 1,000) behind *after*; with *values*
        also theirs.  Raises ValueError for a limit out of bounds.
        """
        return await self._run(
            requests.page(self._contacts, prefix, after, limit=limit, values=values, stale=stale)
        )

    async def scan(
        self, prefix: str = "", *, values: bool = True, stale: bool = False
    ) -> AsyncIterator[Listed]:
        """All keys that begin with *prefix*, in order, page by page.

        Each page is an operation with a deadline of its own, and the state at one index; a key
        that is written meanwhile may be met or not.
        """
        after: str | None = ""
        while after is not None:
            page = await self.page(prefix, after, limit=PAGE_KEYS_MAX, values=values, stale=stale)
            for listed in page.keys:
                yield listed
            after = page.next

    async def keys(self, prefix: str = "", *, stale: bool = False) -> AsyncIterator[str]:
        """The keys that begin with *prefix*, in order; as `scan`."""
        async for listed in self.scan(prefix, values=False, stale=stale):
            yield listed.key

    async def set(self, key: str, value: bytes) -> Written:
        """Give *key* the value *value*."""
        return await self._run(requests.put(self._contacts, key, value))

    async def delete(self, key: str) -> Deleted:
        """Remove *key*; it may be missing."""
        return await self._run(requests.delete(self._contacts, key))

    async def cas(self, key: str, old: bytes | None, new: bytes) -> CasOutcome:
        """Give *key* the value *new* if it has *old*; None means that it is missing."""
        return await self._run(requests.cas(self._contacts, key, old, new))

    async def register(self) -> int:
        """Begin a session and keep it for a write to come; its id."""
        return await self._run(requests.register(self._contacts))

    async def members(self) -> Roster:
        """Who belongs to the cluster, as the node that is asked knows it."""
        return await self._run(member_requests.members(self._contacts))

    async def join(
        self, address: str, *, node_id: str | None = None, learner: bool = False
    ) -> Joined:
        """Bring the node at *address* one step nearer to being a voter, or a *learner*.

        It must be *node_id*, if that is given.  What comes back says whether there is more to do;
        if so, ask again.  OperationFailed has the code `member-refused` where it is not let in,
        and `member-unreachable` where it does not answer.
        """
        return await self._run(
            member_requests.join(self._contacts, address, node_id=node_id, learner=learner)
        )

    async def remove(self, node_id: str, *, force: bool = False) -> Left:
        """Remove a member; one that was removed before is no failure.

        OperationFailed has the code `quorum-at-risk` where the others would be no quorum, unless
        *force*, and `no-such-member` where it never was one.
        """
        return await self._run(member_requests.remove(self._contacts, node_id, force=force))

    async def transfer(self, to: str | None = None) -> Leads:
        """Let the voter *to* lead, or whichever is best able to; who leads then.

        OperationFailed has the code `transfer-refused` where it is no voter or lacks too much of
        the log, and `transfer-undecided` where it may lead yet.
        """
        return await self._run(member_requests.transfer(self._contacts, to))

    async def _run(self, steps: Steps[T]) -> T:
        """Take *steps* to their end; closed where they are left early, they give back all."""
        with closing(steps):
            heard = None
            while True:
                try:
                    step = steps.send(heard)
                except StopIteration as end:
                    result: T = end.value
                    return result
                if isinstance(step, Send):
                    heard = await ask_async(self._http, step)
                else:
                    heard = None
                    await anyio.sleep(step.seconds)
