"""The first frame each way: who calls whom, and whether the two belong together.

It is in the clear and its shape may only grow at the end, so that any two versions, however
far apart, can at least say to each other why they will not speak.  The caller says all; the
callee judges and answers; then the caller judges the answer.  Nothing but hellos travels
before both have agreed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import msgspec

from huffleraft.codec.fields import ADDRESS_CHARACTERS_MAX, UNREADABLE
from huffleraft.core.types import NodeId
from huffleraft.errors import FrameInvalid, HandshakeRefused, MemberRemoved
from huffleraft.runtime.frames import MAGIC, framed

VERSIONS: Final = (1,)
"""The versions of the peer protocol spoken here, the highest last."""

HELLO_BYTES_MAX: Final = 4_096
"""No first frame is longer, so nobody unknown can make a node hold more."""

ASKING: Final = 0
"""The boot number of who only asks: a founder that has written nothing yet whether it is known, a
member who it is that wants to join.  Nothing but the hellos is said on such a connection."""

KNOWN_MAX: Final = 4_096
"""Nodes whose boots are remembered: four times as many as a cluster may have members."""

_NodeId: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_.-]{1,64}\Z")]
_ClusterId: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Boot: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**31)]
_Version: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**16)]
_Address: TypeAlias = Annotated[str, msgspec.Meta(max_length=ADDRESS_CHARACTERS_MAX)]
_Versions: TypeAlias = Annotated[tuple[_Version, ...], msgspec.Meta(min_length=1, max_length=64)]


class Hello(msgspec.Struct, array_like=True, tag="hello", frozen=True):
    """The caller's first frame: the versions it speaks, who it is, and where it is reached.

    Its address lets one answer who does not know it: a newcomer that is catching up holds old
    configurations, which need not name the leader that feeds it.
    """

    versions: _Versions
    cluster_id: _ClusterId
    node_id: _NodeId
    boot: _Boot
    address: _Address = ""


class Welcome(msgspec.Struct, array_like=True, tag="welcome", frozen=True):
    """The callee's answer: the version to speak, and who *it* is.

    `known_boot` is the highest boot in which it has met the caller; 0 if it never has.  `empty`:
    its log has never held anything.
    """

    version: _Version
    cluster_id: _ClusterId
    node_id: _NodeId
    boot: _Boot
    known_boot: _Boot
    empty: bool = False


class Refusal(msgspec.Struct, array_like=True, tag="refusal", frozen=True):
    """The callee's answer to whom it will not hear, in one sentence.

    `removed`: because it was a member and is none any more, which is for good.
    """

    why: Annotated[str, msgspec.Meta(max_length=1_024)]
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """Who this node is to others."""

    cluster_id: str
    node_id: NodeId
    boot: int
    address: str = ""
    """Where it is reached; empty if nowhere."""

    def hello(self) -> Hello:
        """What this node says first when it calls."""
        return Hello(VERSIONS, self.cluster_id, self.node_id, self.boot, self.address)


class Acquaintances:
    """The highest boot in which each node was met.

    A lower one is a process that was thought dead, or a disk that was put back: whatever it
    promised since is forgotten there, so it must not be heard.  Of `KNOWN_MAX` the one that was met
    longest ago is forgotten: callers may name any id, and members call again and again.
    """

    def __init__(self) -> None:
        self._boots: dict[NodeId, int] = {}

    def boot_of(self, node: NodeId) -> int:
        """The highest boot in which *node* was met; 0 if never."""
        return self._boots.get(node, 0)

    def meet(self, node: NodeId, boot: int) -> None:
        """Remember that *node* is in its boot number *boot*, or past it."""
        self._boots[node] = max(boot, self._boots.pop(node, 0))
        if len(self._boots) > KNOWN_MAX:
            del self._boots[next(iter(self._boots))]


def answer(
    me: Member,
    hello: Hello,
    acquaintances: Acquaintances,
    *,
    empty: bool = False,
    has_left: Callable[[NodeId], bool] = lambda _: False,
) -> Welcome | Refusal:
    """Judge a caller; *empty* is what there is to say of our own log.

    One that no configuration here names is heard: what is known here may be old.  One that *has
    left* is not: its id is never used again.
    """
    common = set(hello.versions) & set(VERSIONS)
    if not common:
        return Refusal(
            f"{me.node_id} speaks versions {_listed(VERSIONS)} of the peer protocol and "
            f"{hello.node_id} speaks {_listed(hello.versions)}: run the same release on both"
        )
    why = _stranger(me, hello.cluster_id, hello.node_id, hello.boot, acquaintances)
    if why is not None:
        return Refusal(why)
    if has_left(hello.node_id):
        return Refusal(f"{hello.node_id} was removed from this cluster", removed=True)
    known = acquaintances.boot_of(hello.node_id)
    return Welcome(max(common), me.cluster_id, me.node_id, me.boot, known, empty)


def judge_answer(
    me: Member, callee: NodeId | None, said: Welcome | Refusal, acquaintances: Acquaintances
) -> Welcome:
    """Judge the answer of *callee*; None: it is not known yet who that is.

    Raises HandshakeRefused, by either end's reason, and MemberRemoved if this node was.
    """
    if isinstance(said, Refusal):
        if said.removed:
            raise MemberRemoved(me.node_id)
        raise HandshakeRefused(f"{callee or 'the node there'} says: {said.why}")
    if said.version not in VERSIONS:
        raise HandshakeRefused(
            f"{said.node_id} chose version {said.version} of the peer protocol, which {me.node_id} "
            f"did not offer (it speaks {_listed(VERSIONS)}): run the same release on both"
        )
    why = _stranger(me, said.cluster_id, said.node_id, said.boot, acquaintances)
    if why is None and callee is not None and said.node_id != callee:
        why = (
            f"at the address of {callee} answers {said.node_id}: "
            "give each node its own address, the same on every node"
        )
    if why is not None:
        raise HandshakeRefused(why)
    return said


def _stranger(
    me: Member, cluster_id: str, node_id: NodeId, boot: int, acquaintances: Acquaintances
) -> str | None:
    """Why one of this id, cluster and boot cannot be a peer; None if it can."""
    if cluster_id != me.cluster_id:
        return (
            f"{node_id} belongs to cluster {cluster_id} and {me.node_id} to {me.cluster_id}: give "
            "both the same cluster name and the same first configuration, or keep them apart"
        )
    if node_id == me.node_id:
        return (
            f"{node_id} is this node's own id: two nodes were given it, or an address leads back "
            "here; a node id belongs to one disk"
        )
    known = acquaintances.boot_of(node_id)
    if boot != ASKING and boot < known:
        return (
            f"{node_id} calls in its boot {boot} and was met in boot {known} already: an older "
            "process of it still runs, or its disk was put back; stop it"
        )
    return None


def _listed(versions: Collection[int]) -> str:
    return ", ".join(str(version) for version in sorted(versions))


# As bytes.

_encoder = msgspec.msgpack.Encoder()
_hello_decoder = msgspec.msgpack.Decoder(Hello)
_answer_decoder = msgspec.msgpack.Decoder(Welcome | Refusal)


def opening(first: Hello | Welcome | Refusal) -> bytes:
    """The first bytes of one end: the magic, then *first* as a frame."""
    return MAGIC + framed(_encoder.encode(first))


def decode_hello(body: bytes) -> Hello:
    """The caller's first frame.  Raises FrameInvalid."""
    try:
        return _hello_decoder.decode(body)
    except UNREADABLE as error:
        raise FrameInvalid(f"the first frame is no hello: {error}") from error


def decode_answer(body: bytes) -> Welcome | Refusal:
    """The callee's first frame.  Raises FrameInvalid."""
    try:
        decoded: Welcome | Refusal = _answer_decoder.decode(body)
    except UNREADABLE as error:
        raise FrameInvalid(f"the answer to the hello cannot be read: {error}") from error
    return decoded
