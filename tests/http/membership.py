"""The members of a store of one: they change by the rules, without the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from huffleraft.errors import MemberRefused, MemberUnreachable, NoSuchMember, TransferRefused
from huffleraft.http.api import Joined, Member, Placed, Roster

if TYPE_CHECKING:
    from tests.http.solitary import SolitaryStore


T = TypeVar("T")


class SolitaryMembers:
    """Lets in whoever answers at its address, one step at a time, unless the store is to raise."""

    def __init__(self, store: SolitaryStore) -> None:
        self._store = store
        self._gone: set[str] = set()
        self.members = {store.node_id: Member(store.node_id, "127.0.0.1:1", "voter")}
        self.newcomers: dict[str, str] = {}
        """Who answers where: ids by addresses."""
        self.steps = 1
        """How often a newcomer is asked for as a learner before it has caught up."""
        self.forced: list[bool] = []
        """What each removal said of force."""
        self.index = 1
        self.leader = store.node_id

    def roster(self) -> Roster:
        members = tuple(self.members[name] for name in sorted(self.members))
        joint = any(one.standing == "leaving" for one in members)
        return Roster("c", self._store.node_id, self.index, joint, members)

    async def join(
        self,
        address: str,
        *,
        node_id: str | None = None,
        learner: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Placed[Joined]:
        self._begin(timeout)
        if address not in self.newcomers:
            raise MemberUnreachable(address, "nobody listens")
        who = self.newcomers[address]
        if node_id not in (None, who) or who in self._gone:
            raise MemberRefused(f"{who} at {address} cannot be let in; start it under another id")
        known = self.members.get(who)
        if known is None:
            self._change(Member(who, address, "learner"))
        elif known.standing == "learner" and not learner:
            self.steps -= 1
            if self.steps <= 0:
                self._change(Member(who, address, "voter"))
        member = self.members[who]
        return self._placed(Joined(member, learner or member.standing == "voter"))

    async def remove(
        self,
        node_id: str,
        *,
        force: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Placed[None]:
        self._begin(timeout)
        self.forced.append(force)
        if node_id in self.members:
            del self.members[node_id]
            self._gone.add(node_id)
            self.index += 1
        elif node_id not in self._gone:
            raise NoSuchMember(node_id)
        return self._placed(None)

    async def hand_over(
        self,
        to: str | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Placed[str]:
        self._begin(timeout)
        voters = [one for one, member in self.members.items() if member.standing == "voter"]
        others = [voter for voter in voters if voter != self.leader]
        if to not in (None, *voters) or not others:
            raise TransferRefused(f"{to} is no voter; name one")
        self.leader = to or others[0]
        return self._placed(self.leader)

    def _begin(self, timeout: float | None) -> None:
        self._store.asked.append(timeout)
        if self._store.instead is not None:
            raise self._store.instead

    def _change(self, member: Member) -> None:
        self.members[member.node_id] = member
        self.index += 1

    def _placed(self, result: T) -> Placed[T]:
        return Placed(result, self.index, self._store.term)
