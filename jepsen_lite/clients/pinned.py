"""A client that asks one node, whatever that node has become.

Clients that follow the leader see a deposed one only by accident.  A pinned client stays at its
node through every fault, so a node that answers from its past has somebody to answer to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Final

from jepsen_lite.clients.answers import Asking, Redirected, Refused, Said, Unclear, asking, judged
from jepsen_lite.clients.attempts import Attempts
from jepsen_lite.clients.connection import Broken, Connection, NoConnection
from jepsen_lite.clients.wish import (
    BACKOFF_SECONDS,
    DEADLINE_SECONDS,
    REDIRECTS_MAX,
    Outcome,
    Wish,
)

_NO_HEADERS: Final[Mapping[str, str]] = {}


class PinnedClient:
    """Asks *node*, at its address in *addresses* (node id to host:port)."""

    def __init__(
        self,
        node: str,
        addresses: Mapping[str, str],
        *,
        rolls: Random,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        self.node = node
        self._home = addresses[node]
        self._rolls = rolls
        self._deadline = deadline
        self._connections: dict[str, Connection] = {}
        self._under_way = False

    async def perform(self, wish: Wish) -> Outcome:
        """Do *wish*, or find out why not, within the deadline."""
        attempts = Attempts(wish)
        try:
            async with asyncio.timeout(self._deadline):
                return await self._insist(attempts, asking(wish))
        except TimeoutError:
            return attempts.overdue(under_way=self._under_way)

    async def close(self) -> None:
        """Let go of its connections."""
        for address in tuple(self._connections):
            await self._drop(address)

    async def _insist(self, attempts: Attempts, request: Asking) -> Outcome:
        address, redirects = self._home, 0
        while True:
            said = await self._attempt(address, attempts, request)
            outcome = attempts.take(said)
            if outcome is not None:
                return outcome
            if isinstance(said, Redirected):
                if redirects == REDIRECTS_MAX:
                    return attempts.give_up("too many redirects")
                address, redirects = said.address, redirects + 1
                continue
            address = self._home
            await asyncio.sleep(self._rolls.uniform(*BACKOFF_SECONDS))

    async def _attempt(self, address: str, attempts: Attempts, request: Asking) -> Said:
        """One request to *address*, on the connection kept for it."""
        self._under_way = False
        attempts.begin()
        try:
            connection = await self._connection(address)
        except NoConnection:
            return Refused("no-connection")
        self._under_way = True  # from here on, only an answer can make it definite
        try:
            response = await connection.exchange(request, _NO_HEADERS)
        except Broken:
            await self._drop(address)
            self._under_way = False
            return Unclear("connection-broken")
        except asyncio.CancelledError:  # the deadline: what comes later is nobody's answer
            await self._drop(address)
            raise
        self._under_way = False
        attempts.place(dict(response.headers))
        return judged(attempts.wish, response)

    async def _connection(self, address: str) -> Connection:
        kept = self._connections.get(address)
        if kept is not None and kept.usable:
            return kept
        if kept is not None:
            await self._drop(address)
        opened = self._connections[address] = await Connection.open(address)
        return opened

    async def _drop(self, address: str) -> None:
        connection = self._connections.pop(address, None)
        if connection is not None:
            await connection.close()
