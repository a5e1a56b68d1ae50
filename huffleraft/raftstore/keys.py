"""The operations on keys, as a program that embeds a node asks them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from huffleraft.kv.commands import SessionStamp
from huffleraft.kv.queries import PAGE_KEYS, PAGE_KEYS_MAX, Found, Listed, Missing, Page
from huffleraft.kv.results import CasMismatch, Changed, Removed
from huffleraft.raftstore.operations import Operations


class Keys:
    """Keys and values, by *operations* that are handed to the leader and asked again."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def set(
        self,
        key: str,
        value: bytes,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        session: SessionStamp | None = None,
    ) -> Changed:
        """Give *key* the value *value*.  Raises as `Operations` says."""
        return (await self._operations.set(key, value, timeout=timeout, session=session)).result

    async def get(
        self,
        key: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        stale: bool = False,
    ) -> Found | Missing:
        """Read *key*: linearizably, or with *stale* what this node has applied so far."""
        return (await self._operations.get(key, timeout=timeout, stale=stale)).result

    async def delete(
        self,
        key: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        session: SessionStamp | None = None,
    ) -> Removed:
        """Remove *key*; it also succeeds where there is nothing to remove."""
        return (await self._operations.delete(key, timeout=timeout, session=session)).result

    async def cas(
        self,
        key: str,
        old: bytes | None,
        new: bytes,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        session: SessionStamp | None = None,
    ) -> Changed | CasMismatch:
        """Give *key* the value *new* if it has *old*; None means that it is missing."""
        placed = await self._operations.cas(key, old, new, timeout=timeout, session=session)
        return placed.result

    async def page(
        self,
        prefix: str = "",
        after: str = "",
        *,
        limit: int = PAGE_KEYS,
        values: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        stale: bool = False,
    ) -> Page:
        """Keys in order, all of the state at one index: at most *limit* behind *after*.

        Its `next` is the `after` of the page that follows; None where none does.
        """
        placed = await self._operations.page(
            prefix, after, limit=limit, values=values, timeout=timeout, stale=stale
        )
        return placed.result

    async def scan(
        self, prefix: str = "", *, values: bool = True, stale: bool = False
    ) -> AsyncIterator[Listed]:
        """All keys that begin with *prefix*, in order, page by page.

        Each page is the state at one index; a key that is written meanwhile may be met or not.
        """
        after: str | None = ""
        while after is not None:
            page = await self.page(prefix, after, limit=PAGE_KEYS_MAX, values=values, stale=stale)
            for listed in page.keys:
                yield listed
            after = page.next

    async def register_session(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
    ) -> int:
        """Begin a session, and return its id; a `SessionStamp` under it makes writes run once."""
        return (await self._operations.register_session(timeout=timeout)).result.session
