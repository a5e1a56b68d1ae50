"""What the port asks of the node behind it: one protocol, and the values it answers with.

The HTTP door knows no node.  It knows this: operations that either answer with where in the log
the answer stands, or raise one of `huffleraft.errors`.  The door's node answers for itself, because
an HTTP client can follow a redirect, and hands on only what asks for that (`?leader=forward`); a
`RaftStore` in Python forwards always, and so offers the door a face of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar

from huffleraft.core.types import LogIndex, NodeId, Term
from huffleraft.kv.commands import SessionStamp
from huffleraft.kv.queries import PAGE_KEYS, Found, Missing, Page
from huffleraft.kv.results import CasMismatch, Changed, Registered, Removed

T_co = TypeVar("T_co", covariant=True)

Standing: TypeAlias = Literal["voter", "learner", "leaving"]
"""What a member is; who is `leaving` votes until the joint configuration is left (§4.3)."""


@dataclass(frozen=True, slots=True)
class Placed(Generic[T_co]):
    """An answer, and where it stands.

    `index` and `term` are those of the command's own entry for a write, and for a read the
    index up to which the answering node had applied and the term it was in.
    """

    result: T_co
    index: LogIndex
    term: Term


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a node may be sent requests, and if not, why.

    It may once a leader is known, all up to the commit index that this leader named first after
    this start is applied, and a row was read.
    """

    ready: bool
    reason: str
    """One sentence; empty where it is ready."""
    lag: int
    """Entries still to be applied before it is ready; 0 where it is, or where nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A node's numbers at one moment, for those who watch it."""

    node_id: NodeId
    cluster_id: str
    version: str
    boot: int
    role: str
    term: Term
    leader_known: bool
    commit_index: LogIndex
    applied: LogIndex
    log_entries: int
    campaigns: int
    leader_changes: int
    messages: Mapping[str, int]
    """How many messages to and from peers met which fate."""
    disk_bytes: Mapping[str, int]
    """Sizes by the names of files; empty where nothing is on a disk."""


class KeyApi(Protocol):
    """Operations on keys, as one door asks them.

    Every operation raises NotLeader where another node leads, NoLeader, Overloaded, Stopping or
    Halted (all definite), and writes OutcomeUnknown, reads ReadTimedOut.  `timeout` is in
    seconds; None is the node's own setting.  A write under a session raises SessionUnknown or
    SequencePassed where the session does not answer for it.  Keys and values are checked by the
    operation, which raises InvalidKey and ValueTooLarge.
    """

    async def set(
        self,
        key: str,
        value: bytes,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # the node keeps deadlines, cheaply
        session: SessionStamp | None = None,
    ) -> Placed[Changed]:
        """Give *key* the value *value*."""
        ...

    async def get(
        self,
        key: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
        stale: bool = False,
    ) -> Placed[Found | Missing]:
        """Read *key*, linearizably unless *stale*: then what this node has applied so far."""
        ...

    async def delete(
        self,
        key: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
        session: SessionStamp | None = None,
    ) -> Placed[Removed]:
        """Remove *key*; it may be missing."""
        ...

    async def cas(
        self,
        key: str,
        old: bytes | None,
        new: bytes,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
        session: SessionStamp | None = None,
    ) -> Placed[Changed | CasMismatch]:
        """Give *key* the value *new* if it has *old*; None means that it is missing."""
        ...

    async def register_session(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Placed[Registered]:
        """Begin a session."""
        ...

    async def page(
        self,
        prefix: str = "",
        after: str = "",
        *,
        limit: int = PAGE_KEYS,
        values: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109
        stale: bool = False,
    ) -> Placed[Page]:
        """Keys in order: of those that begin with *prefix*, at most *limit* behind *after*."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a cluster, as a configuration names it."""

    node_id: NodeId
    address: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class Roster:
    """The configuration in force at one node, as far as that node knows.  Chapter 4"""

    cluster_id: str
    leader: NodeId | None
    index: LogIndex
    """Where the configuration stands in the log."""
    joint: bool
    """Whether a change of voters is under way (§4.3)."""
    members: tuple[Member, ...]
    """In the order of their ids."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of a wish to join."""

    member: Member
    done: bool
    """Whether it is what it asked to be; a learner that is to vote has still to catch up."""


class MemberApi(Protocol):
    """Changes of members, and of who leads, as one door asks them.

    All raise as `KeyApi` does, and ChangePending, MemberRefused, MemberRemoved, QuorumAtRisk, all
    definite.
    """

    async def join(
        self,
        address: str,
        *,
        node_id: NodeId | None = None,
        learner: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Placed[Joined]:
        """Bring the node at *address* one step nearer: to a learner, then to a voter.

        It is called back first and must be *node_id*, if that is given, and of this cluster.  A
        *learner* is to stay one.  A member that has moved gets its new address.  Said again, it
        does what is left to do.  Raises MemberUnreachable besides.
        """
        ...

    async def remove(
        self,
        node_id: NodeId,
        *,
        force: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Placed[None]:
        """Remove a member; one that was removed before is no failure.

        With *force*, even where those who answer would be no quorum afterwards.  Raises
        NoSuchMember besides.
        """
        ...

    async def hand_over(
        self,
        to: NodeId | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Placed[NodeId]:
        """Let *to* lead, or whichever voter is best able to; who leads then, and in which term.

        Where *to* leads already nothing is done.  Raises TransferRefused and TransferPending
        besides, both definite, and TransferUndecided, which is not.
        """
        ...


class StoreApi(KeyApi, Protocol):
    """One node: its operations for itself alone, and what is to be seen of it."""

    def members(self) -> Roster:
        """Who belongs to the cluster, as this node knows it."""
        ...

    def changing(self, *, forward: bool) -> MemberApi:
        """Changes of members; with *forward* handed to the leader where this node does not lead."""
        ...

    @property
    def node_id(self) -> NodeId:
        """The node's name."""
        ...

    @property
    def term(self) -> Term:
        """The term it is in now."""
        ...

    @property
    def applied(self) -> LogIndex:
        """The index up to which it has applied."""
        ...

    @property
    def forwarding(self) -> KeyApi:
        """The same operations, handed to the leader where this node does not lead; one hop."""
        ...

    async def status(self, *, hash: bool = False) -> Mapping[str, object]:  # noqa: A002  # the API's word
        """What is to be seen of this node, from one `Server` value, ready to be JSON.

        Besides, `disk`: the bytes that its data takes, or null where that cannot be told.
        With *hash* also `hash`, in hexadecimal, over all rows and sessions, and `hash_index`.
        """
        ...

    async def ready(self) -> Readiness:
        """Whether it may be sent requests."""
        ...

    def facts(self) -> Facts:
        """What is to be counted of this node, now."""
        ...
