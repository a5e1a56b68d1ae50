"""What is asked of a cluster about its members and its leader; the same for both faces.

A change of members may be repeated after an attempt in doubt: done twice, it is done.  So may a
transfer to a node that is named; one to whoever is best able to would move the office again.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import msgspec

from huffleraft.client.asking import Ask, Heard
from huffleraft.client.contacts import Contacts
from huffleraft.client.operation import Operation, Steps
from huffleraft.client.outcomes import Joined, Leads, Left, Member, Roster, Standing

_MEMBERS: Final = "/v1/members"
_TRANSFER: Final = "/v1/leader/transfer"


class _Member(msgspec.Struct, frozen=True):
    id: str
    address: str
    standing: Standing


class _Roster(msgspec.Struct, frozen=True):
    """The members' document."""

    cluster_id: str
    leader: str | None
    index: int
    joint: bool
    members: tuple[_Member, ...]


class _Joined(_Member, frozen=True):
    """What one step came to."""

    index: int
    retry_after_ms: int | None = None


class _Left(msgspec.Struct, frozen=True):
    id: str
    index: int


class _Leads(msgspec.Struct, frozen=True):
    leader: str
    term: int


_ROSTER: Final = msgspec.json.Decoder(_Roster)
_JOINED: Final = msgspec.json.Decoder(_Joined)
_LEFT: Final = msgspec.json.Decoder(_Left)
_LEADS: Final = msgspec.json.Decoder(_Leads)


def members(contacts: Contacts) -> Steps[Roster]:
    """Read the members."""
    operation = Operation("members", contacts)
    heard = yield from operation.read(Ask("GET", _MEMBERS, timed=False))
    told = operation.understood(heard, lambda heard: _ROSTER.decode(heard.body), harmless=True)
    return Roster(
        cluster_id=told.cluster_id,
        leader=told.leader,
        index=told.index,
        joint=told.joint,
        members=tuple(_member(one) for one in told.members),
        attempts=operation.attempts,
    )


def join(contacts: Contacts, address: str, *, node_id: str | None, learner: bool) -> Steps[Joined]:
    """Bring the node at *address* one step nearer."""
    wish: dict[str, object] = {"address": address, "learner": learner}
    if node_id is not None:
        wish["id"] = node_id
    operation = Operation(f"join {address}", contacts)
    what = Ask("POST", _MEMBERS, body=msgspec.json.encode(wish))
    heard = yield from operation.change_members(what)
    told = operation.understood(heard, _joined)
    advised = told.retry_after_ms
    return Joined(
        member=_member(told),
        index=told.index,
        retry_after=None if advised is None else advised / 1000,
        attempts=operation.attempts,
    )


def remove(contacts: Contacts, node_id: str, *, force: bool) -> Steps[Left]:
    """Remove the member *node_id*."""
    path = f"{_MEMBERS}/{quote(node_id, safe='')}"
    operation = Operation(f"remove {node_id}", contacts)
    heard = yield from operation.change_members(Ask("DELETE", path, "force=true" if force else ""))
    told = operation.understood(heard, lambda heard: _LEFT.decode(heard.body))
    return Left(node_id=told.id, index=told.index, attempts=operation.attempts)


def transfer(contacts: Contacts, to: str | None) -> Steps[Leads]:
    """Let *to* lead, or whichever voter is best able to."""
    operation = Operation(f"transfer {to or 'the leadership'}", contacts)
    body = b"" if to is None else msgspec.json.encode({"to": to})
    what = Ask("POST", _TRANSFER, body=body)
    heard = yield from operation.change_members(what, repeatable=to is not None)
    told = operation.understood(heard, lambda heard: _LEADS.decode(heard.body))
    return Leads(node_id=told.leader, term=told.term, attempts=operation.attempts)


def _joined(heard: Heard) -> _Joined:
    told = _JOINED.decode(heard.body)
    if (heard.attempt.status == 200) is not (told.retry_after_ms is None):
        raise ValueError(f"status {heard.attempt.status} and {heard.body!r} contradict each other")
    return told


def _member(told: _Member) -> Member:
    return Member(node_id=told.id, address=told.address, standing=told.standing)
