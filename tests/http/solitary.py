"""A store of one, in memory: the real state machine without the protocol, behind `StoreApi`."""

from collections.abc import Mapping

import anyio

from huffleraft.core.log import Entry
from huffleraft.errors import SequencePassed, SessionUnknown
from huffleraft.http.api import Facts, Placed, Readiness, Roster
from huffleraft.kv import results
from huffleraft.kv.commands import Cas, Command, Delete, Register, SessionStamp, Set, encode_command
from huffleraft.kv.queries import Found, Get, Missing, Page, Scan, decode_answer, encode_query
from huffleraft.kv.replica import KvStateMachine
from huffleraft.kv.results import CasMismatch, Changed, Registered, Removed, decode_result
from tests.http.membership import SolitaryMembers
from tests.kv.memory_rows import MemoryRows


class SolitaryStore:
    """Commits at once whatever it is asked, unless `instead` says what to raise."""

    def __init__(self, node_id: str = "n1", term: int = 3) -> None:
        self._machine = KvStateMachine(MemoryRows(), 0, {})
        self.node_id = node_id
        self.term = term
        self.instead: Exception | None = None
        self.leader: SolitaryStore | None = None
        self.hang: anyio.Event | None = None
        """What every write waits for, if anything."""
        self.readiness = Readiness(True, "", 0)
        self.asked: list[float | None] = []
        """The timeouts that were asked for."""
        self.membership = SolitaryMembers(self)

    def members(self) -> Roster:
        return self.membership.roster()

    def changing(self, *, forward: bool) -> SolitaryMembers:
        """Its own members; with *forward* whoever leads' ones."""
        return self.forwarding.membership if forward else self.membership

    @property
    def applied(self) -> int:
        return self._machine.last_applied

    async def set(
        self,
        key: str,
        value: bytes,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
        session: SessionStamp | None = None,
    ) -> Placed[Changed]:
        placed = await self._change(Set(key, value, session), timeout, session)
        assert isinstance(placed.result, Changed)
        return Placed(placed.result, placed.index, placed.term)

    async def delete(
        self,
        key: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
        session: SessionStamp | None = None,
    ) -> Placed[Removed]:
        placed = await self._change(Delete(key, session), timeout, session)
        assert isinstance(placed.result, Removed)
        return Placed(placed.result, placed.index, placed.term)

    async def cas(
        self,
        key: str,
        old: bytes | None,
        new: bytes,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
        session: SessionStamp | None = None,
    ) -> Placed[Changed | CasMismatch]:
        placed = await self._change(Cas(key, old, new, session), timeout, session)
        assert isinstance(placed.result, Changed | CasMismatch)
        return Placed(placed.result, placed.index, placed.term)

    async def register_session(self, *, timeout: float | None = None) -> Placed[Registered]:  # noqa: ASYNC109
        placed = await self._change(Register(), timeout, None)
        assert isinstance(placed.result, Registered)
        return Placed(placed.result, placed.index, placed.term)

    async def get(
        self,
        key: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
        stale: bool = False,
    ) -> Placed[Found | Missing]:
        self.asked.append(timeout)
        if self.instead is not None and not stale:
            raise self.instead
        answer = decode_answer(await self._machine.query(encode_query(Get(key))))
        assert isinstance(answer, Found | Missing)
        return Placed(answer, self.applied, self.term)

    async def page(
        self,
        prefix: str = "",
        after: str = "",
        *,
        limit: int = 100,
        values: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109
        stale: bool = False,
    ) -> Placed[Page]:
        self.asked.append(timeout)
        if self.instead is not None and not stale:
            raise self.instead
        query = encode_query(Scan(prefix, after, limit, values))
        answer = decode_answer(await self._machine.query(query))
        assert isinstance(answer, Page)
        return Placed(answer, answer.applied_index, self.term)

    @property
    def forwarding(self) -> "SolitaryStore":
        """Whoever leads: another store, if one was given."""
        return self if self.leader is None else self.leader

    async def status(self, *, hash: bool = False) -> Mapping[str, object]:  # noqa: A002
        seen: dict[str, object] = {"id": self.node_id, "term": self.term}
        if hash:
            digest, index = await self._machine.digest()
            seen |= {"hash": digest.hex(), "hash_index": index}
        return seen

    async def ready(self) -> Readiness:
        return self.readiness

    def facts(self) -> Facts:
        return Facts(
            node_id=self.node_id,
            cluster_id="c",
            version="0",
            boot=1,
            role="leader",
            term=self.term,
            leader_known=True,
            commit_index=self.applied + 2,
            applied=self.applied,
            log_entries=5,
            campaigns=1,
            leader_changes=2,
            messages={"sent": 3, "received": 4, "dropped": 5},
            disk_bytes={"database": 4096, "write_ahead_log": 32},
        )

    async def _change(
        self,
        command: Command,
        timeout: float | None,  # noqa: ASYNC109
        session: SessionStamp | None,
    ) -> Placed[results.Result]:
        self.asked.append(timeout)
        if self.hang is not None:
            await self.hang.wait()
        if self.instead is not None:
            raise self.instead
        index = self.applied + 1
        (payload,) = await self._machine.apply([Entry(self.term, index, encode_command(command))])
        result = decode_result(payload)
        if session is not None and isinstance(result, results.SessionUnknown):
            raise SessionUnknown(session.session)
        if session is not None and isinstance(result, results.SequencePassed):
            raise SequencePassed(session.session, session.sequence)
        return Placed(result, index, self.term)
