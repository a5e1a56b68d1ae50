"""What people want of the members, and what the core is asked for it.

A wish ("let this node in", "take that one out") travels as it was said.  Only the leader makes a
configuration of it, in its own turn, out of the one that is in force there: anybody else's may be
old, and would undo what has changed since.  A wish that has come true already asks for what is in
force, which the core answers at once; so whoever heard no answer may say it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, assert_never

import msgspec

from huffleraft.codec.fields import MEMBERS_MAX, UNREADABLE, Address, Id
from huffleraft.core import Configuration, ConfigurationRequested, Leader, NodeId, Ref, Server
from huffleraft.errors import (
    FrameInvalid,
    HuffleraftError,
    MemberRefused,
    MemberRemoved,
    NoSuchMember,
    QuorumAtRisk,
)


class Admit(msgspec.Struct, array_like=True, tag="admit", frozen=True):
    """Bring a node one step nearer to what it wants to be: a learner, or a voter after that.

    - ``learner``: it is to stay one.
    - ``empty``: its log held nothing when it was asked.
    """

    node_id: Id
    address: Address
    learner: bool
    empty: bool


class Remove(msgspec.Struct, array_like=True, tag="remove", frozen=True):
    """Take a node out; with ``force``, whatever becomes of the quorum."""

    node_id: Id
    force: bool


Wish: TypeAlias = Admit | Remove

_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[Wish] = msgspec.msgpack.Decoder(Admit | Remove)


def encode_wish(wish: Wish) -> bytes:
    """*wish* as the payload of a request."""
    return _encode(wish)


def decode_wish(payload: bytes) -> Wish:
    """The wish in *payload*.  Raises FrameInvalid, in one sentence."""
    try:
        return _decoder.decode(payload)
    except UNREADABLE as error:
        raise FrameInvalid(f"this is no change of members: {error}") from error


@dataclass(frozen=True, slots=True)
class _Members:
    """A configuration's members as they are to be."""

    voters: dict[NodeId, str]
    learners: dict[NodeId, str]

    @classmethod
    def of(cls, configuration: Configuration) -> _Members:
        at = dict(configuration.addresses)
        voters = {node: at.get(node, "") for node in configuration.voters}
        return cls(voters, {node: at.get(node, "") for node in configuration.learners})

    def asked(self, ref: Ref, *, force: bool = False) -> ConfigurationRequested:
        voters, learners = sorted(self.voters.items()), sorted(self.learners.items())
        return ConfigurationRequested(ref, tuple(voters), tuple(learners), force)


class Changes:
    """Makes events of wishes, and says what came of them.

    *server* is the server as it stands; *has_left* and *reaches* say of a node whether it was
    removed, and whether it is connected.
    """

    def __init__(
        self,
        server: Callable[[], Server],
        *,
        has_left: Callable[[NodeId], bool],
        reaches: Callable[[NodeId], bool],
    ) -> None:
        self._server = server
        self._has_left = has_left
        self._reaches = reaches

    def event_for(self, ref: Ref, payload: bytes) -> ConfigurationRequested | HuffleraftError:
        """What to ask the core so that the wish in *payload* comes true, or why it cannot."""
        server = self._server()
        members = _Members.of(server.configuration)
        if not isinstance(server.role, Leader):  # the core says so, and who does
            return members.asked(ref)
        try:
            wish = decode_wish(payload)
        except FrameInvalid as damage:
            return MemberRefused(damage.why)
        fault = self._make(wish, members)
        if fault is not None:
            return fault
        force = isinstance(wish, Remove) and wish.force
        if not (force or self._keeps_a_quorum(server, members)):
            return self.risk(payload)
        return members.asked(ref, force=force)

    def _make(self, wish: Wish, members: _Members) -> HuffleraftError | None:
        """Make *members* what *wish* wants them to be, or say why they cannot."""
        match wish:
            case Admit():
                fault = self._fault_of(wish, members)
                if fault is None:
                    _admit(wish, members)
                return fault
            case Remove(node):
                return self._remove(node, members)
            case _:
                assert_never(wish)

    def _keeps_a_quorum(self, server: Server, members: _Members) -> bool:
        """Whether those who are connected are a quorum of each half, if the voters change.

        A process that died shows here at once, and in its silence, which the core looks at, only
        after a while.
        """
        wanted = Configuration.of(members.voters, members.learners)
        first = server.configuration.entering(wanted)
        if first.voters == server.configuration.voters:
            return True
        connected = {node for node in first.electors if self._reaches(node)}
        return first.is_quorum({server.id, *connected})

    def standing_after(self, payload: bytes) -> bytes:
        """What the node of the wish in *payload* is now; empty if it is no member."""
        node, configuration = decode_wish(payload).node_id, self._server().configuration
        if node in configuration.voters:
            return b"voter"
        return b"learner" if node in configuration.learners else b""

    def risk(self, payload: bytes) -> HuffleraftError:
        """Why the core holds the wish in *payload* to be dangerous, in words."""
        node = decode_wish(payload).node_id
        return QuorumAtRisk(
            f"with {node} changed so, those who answer now would be no quorum, and nothing could "
            "be decided any more; start the members that are down or remove them first, or force it"
        )

    def _fault_of(self, wish: Admit, members: _Members) -> HuffleraftError | None:
        """Why nobody may let that node in."""
        node = wish.node_id
        everybody = {**members.voters, **members.learners}
        if self._has_left(node):
            return MemberRemoved(node)
        if node in members.voters and wish.empty:
            return MemberRefused(
                f"{node} votes in this cluster and its log is empty: its disk is gone; remove it "
                f"(`huffleraft cluster remove {node}`) and let it join under a new id"
            )
        for other, address in everybody.items():
            if address == wish.address and other != node:
                return MemberRefused(
                    f"{address} is the address of {other}; remove {other} first, or give {node} "
                    "an address of its own"
                )
        if node not in everybody and len(everybody) >= MEMBERS_MAX:
            return MemberRefused(f"there are {MEMBERS_MAX} members already; remove some first")
        return None

    def _remove(self, node: NodeId, members: _Members) -> HuffleraftError | None:
        if node not in members.voters and node not in members.learners:
            return None if self._has_left(node) else NoSuchMember(node)
        members.voters.pop(node, None)
        members.learners.pop(node, None)
        if not members.voters:
            return MemberRefused(
                f"{node} is the only voter, and without one nothing could be decided; let another "
                "node join first"
            )
        return None


def _admit(wish: Admit, members: _Members) -> None:
    """One step: in as a learner; or from there, once its log holds something, to a voter."""
    voters, learners = members.voters, members.learners
    node, at = wish.node_id, wish.address
    known = node in voters or node in learners
    votes = node in voters or (known and not wish.learner and not wish.empty)
    if votes:
        learners.pop(node, None)
        voters[node] = at
    else:
        learners[node] = at
