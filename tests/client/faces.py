"""Both faces of the client as one: what a test asks of either, it asks of both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Protocol, Self, TypeVar

from anyio import to_thread

from huffleraft.client import (
    CasOutcome,
    Client,
    Deleted,
    Joined,
    Leads,
    Left,
    Listed,
    Page,
    Patience,
    Read,
    Roster,
    SyncClient,
    Written,
)
from huffleraft.client.contacts import Contacts

T = TypeVar("T")


def lower(low: float, _high: float) -> float:
    """Dice with one side: the first endpoint is the first one given."""
    return low


class TaskFace(Client):
    """The client for tasks."""

    def __init__(
        self,
        endpoints: Sequence[str] | str,
        *,
        patience: Patience | None = None,
        dice: Callable[[float, float], float] = lower,
    ) -> None:
        super().__init__(endpoints, patience=patience, dice=dice)

    @property
    def contacts(self) -> Contacts:
        return self._contacts


class ThreadFace:
    """The client for threads, each operation in a thread of its own, awaited by a task."""

    def __init__(
        self,
        endpoints: Sequence[str] | str,
        *,
        patience: Patience | None = None,
        dice: Callable[[float, float], float] = lower,
    ) -> None:
        self._client = SyncClient(endpoints, patience=patience, dice=dice)

    @property
    def contacts(self) -> Contacts:
        return self._client._contacts

    @property
    def endpoint(self) -> str:
        return self._client.endpoint

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
        await to_thread.run_sync(self._client.close)

    async def get(self, key: str, *, stale: bool = False) -> Read:
        return await to_thread.run_sync(partial(self._client.get, key, stale=stale))

    async def page(
        self, prefix: str = "", after: str = "", *, limit: int = 100, values: bool = False
    ) -> Page:
        wanted = partial(self._client.page, prefix, after, limit=limit, values=values)
        return await to_thread.run_sync(wanted)

    async def scan(self, prefix: str = "", *, values: bool = True) -> AsyncIterator[Listed]:
        found = await to_thread.run_sync(lambda: list(self._client.scan(prefix, values=values)))
        for one in found:
            yield one

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        for key in await to_thread.run_sync(lambda: list(self._client.keys(prefix))):
            yield key

    async def set(self, key: str, value: bytes) -> Written:
        return await to_thread.run_sync(self._client.set, key, value)

    async def delete(self, key: str) -> Deleted:
        return await to_thread.run_sync(self._client.delete, key)

    async def cas(self, key: str, old: bytes | None, new: bytes) -> CasOutcome:
        return await to_thread.run_sync(self._client.cas, key, old, new)

    async def members(self) -> Roster:
        return await to_thread.run_sync(self._client.members)

    async def join(
        self, address: str, *, node_id: str | None = None, learner: bool = False
    ) -> Joined:
        wanted = partial(self._client.join, address, node_id=node_id, learner=learner)
        return await to_thread.run_sync(wanted)

    async def remove(self, node_id: str, *, force: bool = False) -> Left:
        return await to_thread.run_sync(partial(self._client.remove, node_id, force=force))

    async def transfer(self, to: str | None = None) -> Leads:
        return await to_thread.run_sync(self._client.transfer, to)

    async def register(self) -> int:
        return await to_thread.run_sync(self._client.register)


Face = TaskFace | ThreadFace


class MakeFace(Protocol):
    """Makes a client that begins with the first of *endpoints*, unless *dice* say otherwise."""

    def __call__(
        self,
        endpoints: Sequence[str] | str,
        *,
        patience: Patience | None = None,
        dice: Callable[[float, float], float] = lower,
    ) -> Face: ...
