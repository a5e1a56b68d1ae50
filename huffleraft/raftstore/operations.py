"""Keys and values in, commands and queries to the node, results out.

There are doors to the same operations.  A program that embeds a node may ask any node: what
needs the leader is handed to it, and what was refused for certain is asked again until the
time is up.  HTTP asks this node alone, once, and tells its client where the leader is, or where
the client wants that, hands the operation over, once.
"""

from __future__ import annotations

from huffleraft import errors
from huffleraft.http.api import Placed
from huffleraft.kv import results
from huffleraft.kv.commands import (
    Cas,
    Command,
    Delete,
    KeyCommand,
    Register,
    SessionStamp,
    Set,
    encode_command,
)
from huffleraft.kv.queries import (
    PAGE_KEYS,
    Found,
    Get,
    Missing,
    Page,
    Query,
    Scan,
    decode_answer,
    encode_query,
)
from huffleraft.kv.results import CasMismatch, Changed, Registered, Removed, decode_result
from huffleraft.raftstore.persisting import Persistence
from huffleraft.runtime.node import Node
from huffleraft.runtime.requests import Answer
from huffleraft.settings import NodeSettings


class Operations:
    """The operations on keys, as one door asks them of *node*.

    - *forward*: what this node may not do since another leads is handed to that one.
    - *persist*: what was refused for certain is asked again while there is time.

    Every operation takes a *timeout* in seconds (the settings' if None), and raises:

    - NoLeader, NotLeader, Overloaded, Stopping, Halted: it has had no effect;
    - OutcomeUnknown: a write that may or may not take effect;
    - ReadTimedOut: a read for which no leader was confirmed in time;
    - InvalidKey, ValueTooLarge, and ValueError for a timeout: nothing was asked of anybody.

    A write under a *session* runs once however often it is made with the same number; it raises
    SessionUnknown and SequencePassed besides.
    """

    def __init__(self, node: Node, settings: NodeSettings, *, forward: bool, persist: bool) -> None:
        self._node = node
        self._forward = forward
        self._persistence = Persistence(node, settings, persist=persist)

    async def set(
        self,
        key: str,
        value: bytes,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        session: SessionStamp | None = None,
    ) -> Placed[Changed]:
        """Give *key* the value *value*; how often the key was changed, and at which index."""
        answer, result = await self._change(Set(key, value, session), timeout)
        assert isinstance(result, Changed), "a set changes its key"
        return Placed(result, answer.index, answer.term)

    async def delete(
        self,
        key: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        session: SessionStamp | None = None,
    ) -> Placed[Removed]:
        """Remove *key*; it also succeeds where there is nothing to remove."""
        answer, result = await self._change(Delete(key, session), timeout)
        assert isinstance(result, Removed), "a delete removes its key"
        return Placed(result, answer.index, answer.term)

    async def cas(
        self,
        key: str,
        old: bytes | None,
        new: bytes,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        session: SessionStamp | None = None,
    ) -> Placed[Changed | CasMismatch]:
        """Give *key* the value *new* if it has *old* (None: if it is missing)."""
        answer, result = await self._change(Cas(key, old, new, session), timeout)
        assert isinstance(result, Changed | CasMismatch), "a cas changes its key or says why not"
        return Placed(result, answer.index, answer.term)

    async def register_session(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
    ) -> Placed[Registered]:
        """Begin a session."""
        answer, result = await self._write(Register(), timeout)
        assert isinstance(result, Registered), "a register begins a session"
        return Placed(result, answer.index, answer.term)

    async def get(
        self,
        key: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        stale: bool = False,
    ) -> Placed[Found | Missing]:
        """Read *key*, linearizably; with *stale* as this node knows it, at once."""
        answer = await self._read(Get(key), timeout, stale=stale)
        decoded = decode_answer(answer.payload)
        assert isinstance(decoded, Found | Missing), "a get finds its key or not"
        return Placed(decoded, answer.index, answer.term)

    async def page(
        self,
        prefix: str = "",
        after: str = "",
        *,
        limit: int = PAGE_KEYS,
        values: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        stale: bool = False,
    ) -> Placed[Page]:
        """Keys in order, all of the state at one index: at most *limit* behind *after*."""
        answer = await self._read(Scan(prefix, after, limit, values), timeout, stale=stale)
        decoded = decode_answer(answer.payload)
        assert isinstance(decoded, Page), "a scan is answered by a page"
        return Placed(decoded, answer.index, answer.term)

    async def _read(
        self,
        query: Query,
        timeout: float | None,  # noqa: ASYNC109  # as above
        *,
        stale: bool,
    ) -> Answer:
        payload, seconds = encode_query(query), self._persistence.seconds(timeout)
        if stale:
            return await self._node.read(payload, seconds, stale=True)
        return await self._persistence.attempt(
            lambda left: self._node.read(payload, left, forward=self._forward), seconds
        )

    # How a command becomes a result.

    async def _change(
        self,
        command: KeyCommand,
        timeout: float | None,  # noqa: ASYNC109  # as above
    ) -> tuple[Answer, results.Result]:
        answer, result = await self._write(command, timeout)
        stamp = command.session
        match result:
            case results.SessionUnknown() if stamp is not None:
                raise errors.SessionUnknown(stamp.session)
            case results.SequencePassed() if stamp is not None:
                raise errors.SequencePassed(stamp.session, stamp.sequence)
            case results.Refused(why):
                raise errors.BadRequest(why)
            case _:
                return answer, result

    async def _write(
        self,
        command: Command,
        timeout: float | None,  # noqa: ASYNC109  # as above
    ) -> tuple[Answer, results.Result]:
        payload, seconds = encode_command(command), self._persistence.seconds(timeout)
        answer = await self._persistence.attempt(
            lambda left: self._node.write(payload, left, forward=self._forward), seconds
        )
        return answer, decode_result(answer.payload)
