"""A client of a whole cluster, for programs: it finds the leader, and repeats only what is safe.

    async with Client(["127.0.0.1:7001", "127.0.0.1:7002"]) as client:
        await client.set("a", b"1")
        read = await client.get("a")

Sessions are its own business: each write borrows one that no other uses, or registers one, so
a write runs once even where its answer was lost and it was sent again.
"""

from __future__ import annotations

import random
from base64 import b64decode
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

import anyio
import msgspec

from huffleraft.http.asking import Ask, Heard, key_path, new_http
from huffleraft.http.operation import Contacts, Operation, Patience
from huffleraft.http.outcomes import (
    Attempt,
    CasOutcome,
    Deleted,
    Mismatch,
    OperationFailed,
    Read,
    Written,
)
from huffleraft.kv.limits import check_key, check_value

__all__ = [
    "Attempt",
    "CasOutcome",
    "Client",
    "Deleted",
    "Mismatch",
    "OperationFailed",
    "Patience",
    "Read",
    "Written",
]

_KV: Final = "/v1/kv/"
_CAS: Final = "/v1/cas/"


class Client:
    """Talks to the cluster of *endpoints*, HOST:PORT each; any number of tasks may share it.

    Every operation raises OperationFailed, and InvalidKey or ValueTooLarge before it asks.
    *dice* draws the pauses.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        *,
        patience: Patience | None = None,
        dice: Callable[[float, float], float] | None = None,
    ) -> None:
        if not endpoints:
            raise ValueError("a client needs at least one endpoint; give HOST:PORT of a node")
        self._http = new_http()
        self._contacts = Contacts(
            self._http, endpoints, dice or random.Random().uniform, patience or Patience()
        )

    @property
    def endpoint(self) -> str:
        """The node to be asked next: the last one that answered, or the next in turn."""
        return self._contacts.endpoint

    @property
    def sessions(self) -> tuple[int, ...]:
        """The ids of the sessions it keeps that no operation uses now; the last one is next."""
        return tuple(session.id for session in self._contacts.sessions)

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
        """Close all connections."""
        with anyio.CancelScope(shield=True):
            await self._http.aclose()

    async def get(self, key: str, *, stale: bool = False) -> Read:
        """The value of *key*, linearizably unless *stale*: then what some node has applied."""
        check_key(key)
        operation = Operation(f"get {key!r}", self._contacts)
        what = Ask("GET", key_path(_KV, key), "consistency=stale" if stale else "")
        heard = await operation.read(what, ("key-not-found",))
        if heard.attempt.code is not None:
            return Read(value=None, version=None, index=None, attempts=operation.attempts)
        index, version = _last_change(heard)
        return Read(value=heard.body, version=version, index=index, attempts=operation.attempts)

    async def set(self, key: str, value: bytes) -> Written:
        """Give *key* the value *value*."""
        check_key(key)
        check_value(value)
        operation = Operation(f"set {key!r}", self._contacts)
        heard = await operation.write(Ask("PUT", key_path(_KV, key), body=value))
        return _written(heard, operation)

    async def delete(self, key: str) -> Deleted:
        """Remove *key*; it may be missing."""
        check_key(key)
        operation = Operation(f"delete {key!r}", self._contacts)
        heard = await operation.write(Ask("DELETE", key_path(_KV, key)))
        return Deleted(replayed=heard.replayed, attempts=operation.attempts)

    async def cas(self, key: str, old: bytes | None, new: bytes) -> CasOutcome:
        """Give *key* the value *new* if it has *old*; None means that it is missing."""
        check_key(key)
        check_value(new)
        operation = Operation(f"cas {key!r}", self._contacts)
        wanted = {"old": old, "new": new}
        what = Ask("POST", key_path(_CAS, key), body=msgspec.json.encode(wanted))
        heard = await operation.write(what, ("cas-mismatch",))
        if heard.attempt.code is None:
            return _written(heard, operation)
        current = heard.problem.get("current")
        return Mismatch(
            current=b64decode(current) if isinstance(current, str) else None,
            version=heard.problem.get("version"),
            replayed=heard.replayed,
            attempts=operation.attempts,
        )

    async def register(self) -> int:
        """Begin a session and keep it for a write to come; its id."""
        session = await Operation("register", self._contacts).registered()
        self._contacts.sessions.append(session)
        return session.id


def _last_change(heard: Heard) -> tuple[int, int]:
    """The index and version of the key's last change."""
    return int(heard.headers["ETag"].strip('"')), int(heard.headers["Huffleraft-Version"])


def _written(heard: Heard, operation: Operation) -> Written:
    index, version = _last_change(heard)
    return Written(
        index=index, version=version, replayed=heard.replayed, attempts=operation.attempts
    )
