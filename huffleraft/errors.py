"""Everything that can go wrong, by name: one class for each fact.

An error is a value with typed fields, and its sentence is built from them, so that a program
reads the fields, a person reads the sentence, and neither parses the other's.  Each sentence
says what was wrong, what was expected, and what to do.

Three facts stand on the class (only what a client of a whole cluster raises learns the first two
from what it was answered):

- ``code`` names the fact for ever, in HTTP bodies and logs.
- ``definite`` is True where the failed request had, and will have, no effect: it may be made
  again.  Where it is False the effect may stand, now or later (the indefinite outcomes of
  Jepsen's histories).
- ``exit_code`` is what a command ends with when this error ends it; 1 unless it has its own.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


class HuffleraftError(Exception):
    """Any error of huffleraft; catch a subclass to act on one fact."""

    code: str = "error"
    definite: bool = True
    exit_code: int = 1


class _Fact(HuffleraftError):  # noqa: N818  # a fact is named for what happened
    """An error whose fields are those of a dataclass; `args` holds them, so it pickles."""

    def __post_init__(self) -> None:
        self.args = tuple(getattr(self, one.name) for one in fields(self))  # type: ignore[arg-type]  # every subclass is a dataclass


# What a client is told.


@dataclass(eq=False)
class NotLeader(_Fact):
    """This node does not lead; *leader_id* does, at *address*, as far as it knows."""

    code = "not-leader"
    leader_id: str | None = None
    address: str | None = None

    def __str__(self) -> str:
        if self.leader_id is None:
            return "this node does not lead and knows no leader; ask another node, or again later"
        where = f" at {self.address}" if self.address is not None else ""
        return f"this node does not lead; {self.leader_id}{where} does: send the request there"


@dataclass(eq=False)
class NoLeader(_Fact):
    """The cluster has no leader that this node knows of: an election is due or under way."""

    code = "no-leader"
    retry_after_ms: int

    def __str__(self) -> str:
        return (
            "no leader is known, so nothing can be decided now; "
            f"try again in {self.retry_after_ms} ms"
        )


@dataclass(eq=False)
class Overloaded(_Fact):
    """Too much waits to be committed; the request was not taken in."""

    code = "overloaded"
    retry_after_ms: int

    def __str__(self) -> str:
        return (
            "too many requests wait to be committed and this one was not taken in; "
            f"try again in {self.retry_after_ms} ms"
        )


@dataclass(eq=False)
class OutcomeUnknown(_Fact):
    """The write may or may not take effect, now or later (the paper's Figure 8)."""

    code = "outcome-unknown"
    definite = False
    why: str

    def __str__(self) -> str:
        return (
            f"the write may or may not take effect: {self.why}; read before writing again, "
            "or write under a session"
        )


@dataclass(eq=False)
class ReadTimedOut(_Fact):
    """The read found no leader confirmed in time.  It changed nothing."""

    code = "read-timed-out"
    seconds: float | None = None

    def __str__(self) -> str:
        limit = f" within {self.seconds:g} s" if self.seconds is not None else " in time"
        return f"no leader could be confirmed{limit}, so nothing was read; read again"


@dataclass(eq=False)
class InvalidKey(_Fact):
    """A key that can never be one."""

    code = "invalid-key"
    why: str

    def __str__(self) -> str:
        return f"the key is not valid: {self.why}"


@dataclass(eq=False)
class ValueTooLarge(_Fact):
    """A value above the limit.  Bytes."""

    code = "value-too-large"
    size: int
    limit: int

    def __str__(self) -> str:
        return (
            f"the value has {self.size} bytes and {self.limit} are allowed; "
            "store it in parts under several keys"
        )


@dataclass(eq=False)
class BadRequest(_Fact):
    """A request that cannot be understood."""

    code = "bad-request"
    why: str

    def __str__(self) -> str:
        return f"the request cannot be understood: {self.why}"


@dataclass(eq=False)
class SequencePassed(_Fact):
    """The session has gone on to a higher number, so this one's answer is no longer kept."""

    code = "sequence-passed"
    definite = False
    session: int
    sequence: int

    def __str__(self) -> str:
        return (
            f"session {self.session} has passed sequence {self.sequence}: whether it took effect "
            "is no longer known; use one higher number for each new write"
        )


@dataclass(eq=False)
class SessionUnknown(_Fact):
    """The session ended, as the longest unused one of too many, or never began."""

    code = "session-unknown"
    definite = False
    session: int

    def __str__(self) -> str:
        return (
            f"session {self.session} has ended or never began, and with it what it knew of "
            "earlier writes; register a new one"
        )


@dataclass(eq=False)
class Stopping(_Fact):
    """The node is being stopped and takes in nothing new."""

    code = "stopping"

    def __str__(self) -> str:
        return "this node is stopping and takes in nothing new; send the request to another"


@dataclass(eq=False)
class Halted(_Fact):
    """The node stopped for good, because it can no longer keep its promises."""

    code = "halted"
    exit_code = 20
    reason: str = "its disk failed"

    def __str__(self) -> str:
        return f"this node has halted: {self.reason}; send the request to another"


# What a change of members can meet.


@dataclass(eq=False)
class ChangePending(_Fact):
    """One change of members at a time, and another is under way, or its leader is new (§4.1)."""

    code = "change-pending"
    retry_after_ms: int

    def __str__(self) -> str:
        return (
            "another change of members is not finished, or the leader has only just been elected; "
            f"try again in {self.retry_after_ms} ms"
        )


@dataclass(eq=False)
class MemberRefused(_Fact):
    """A member that cannot be let in, or cannot go."""

    code = "member-refused"
    exit_code = 22
    why: str

    def __str__(self) -> str:
        return self.why


@dataclass(eq=False)
class QuorumAtRisk(_Fact):
    """After the change those who answer would be no quorum, so nothing could be decided."""

    code = "quorum-at-risk"
    why: str

    def __str__(self) -> str:
        return self.why


@dataclass(eq=False)
class NoSuchMember(_Fact):
    """Nobody of this id is, or ever was, a member."""

    code = "no-such-member"
    node_id: str

    def __str__(self) -> str:
        return (
            f"{self.node_id} is not a member and never was one; `GET /v1/members` names those who "
            "are"
        )


@dataclass(eq=False)
class MemberUnreachable(_Fact):
    """The newcomer does not answer where it says that others reach it."""

    code = "member-unreachable"
    address: str
    why: str

    def __str__(self) -> str:
        return (
            f"no node answers at {self.address}: {self.why}; start it, or name the address at "
            "which the members reach it"
        )


# Why a node does not start.


@dataclass(eq=False)
class DataDirLocked(_Fact):
    """Another process runs on this data directory; *pid* names it where that is known."""

    code = "data-dir-locked"
    exit_code = 10
    path: str
    pid: int | None = None

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid is not None else "another process"
        return (
            f"{self.path} is in use by {who}, and a data directory belongs to one process at a "
            "time; stop that one, or give this node a directory of its own"
        )


@dataclass(eq=False)
class StorageCorrupt(_Fact):
    """What is on the disk is not what was written there.

    *file* is the file's name, *where* the place in it (an index, a key, a frame), *what* how
    it shows.
    """

    code = "storage-corrupt"
    exit_code = 11
    file: str
    where: str
    what: str

    def __str__(self) -> str:
        return (
            f"{self.file} is damaged at {self.where}: {self.what}; this node cannot keep its "
            "promises from it. Keep the directory as evidence, remove the node from the cluster, "
            "and let it join anew under another id"
        )


@dataclass(eq=False)
class SchemaNewer(_Fact):
    """A newer huffleraft has written this directory."""

    code = "schema-newer"
    exit_code = 12
    found: int
    known: int

    def __str__(self) -> str:
        return (
            f"the data directory has schema version {self.found} and this huffleraft knows "
            f"versions up to {self.known}; run the newer huffleraft that wrote it"
        )


@dataclass(eq=False)
class IdentityMismatch(_Fact):
    """The data directory belongs to somebody else; *what* says in which respect."""

    code = "identity-mismatch"
    exit_code = 13
    what: str
    found: str
    expected: str

    def __str__(self) -> str:
        return (
            f"the data directory has {self.what} {self.found!r} and {self.expected!r} was asked "
            "for; start it as what it is, or give the new node an empty directory"
        )


@dataclass(eq=False)
class DataDirUnwritable(_Fact):
    """The data directory cannot be made, read or written."""

    code = "data-dir-unwritable"
    exit_code = 14
    path: str
    why: str

    def __str__(self) -> str:
        return (
            f"{self.path} cannot be used as a data directory: {self.why}; "
            "give a directory that this user may write"
        )


@dataclass(eq=False)
class PortInUse(_Fact):
    """Somebody listens on this address already."""

    code = "port-in-use"
    exit_code = 15
    address: str

    def __str__(self) -> str:
        return (
            f"{self.address} is in use by another process; stop that one, or listen elsewhere "
            "(port 0 takes any free port)"
        )


@dataclass(eq=False)
class ConfigurationInvalid(_Fact):
    """The settings contradict themselves or name what cannot be."""

    code = "configuration-invalid"
    exit_code = 16
    why: str

    def __str__(self) -> str:
        return f"the configuration is not valid: {self.why}"


@dataclass(eq=False)
class FounderDiskGone(_Fact):
    """An empty directory under an id that others have already met: its disk is gone."""

    code = "founder-disk-gone"
    exit_code = 17
    node_id: str
    boot: int

    def __str__(self) -> str:
        return (
            f"the cluster has met {self.node_id} in its boot {self.boot}, but this data directory "
            "is empty: its disk is gone, and with it the promises it made. Give it its own "
            "directory back, no older copy of it; or remove it from the cluster (`huffleraft "
            f"cluster remove {self.node_id}`) and let a node with a new id join"
        )


@dataclass(eq=False)
class MemberRemoved(_Fact):
    """This node was removed from its cluster; its id is never used again."""

    code = "member-removed"
    exit_code = 19
    node_id: str

    def __str__(self) -> str:
        return (
            f"{self.node_id} was removed from its cluster, and a node id is never used again; "
            "delete its data directory, and let a node with a new id join if one is needed"
        )


@dataclass(eq=False)
class SeedsSilent(_Fact):
    """No member answers through which a newcomer could join."""

    code = "seeds-silent"
    exit_code = 21
    seeds: tuple[str, ...]
    why: str

    def __str__(self) -> str:
        return (
            f"no member answers at {', '.join(self.seeds)} ({self.why}); start one of them, or "
            "name others to join through"
        )


# What a running node meets.


@dataclass(eq=False)
class StorageFull(_Fact):
    """The disk is full.  Nothing was written: the same write may be made again (W13)."""

    code = "storage-full"
    exit_code = 18
    path: str

    def __str__(self) -> str:
        return f"there is no space left for {self.path}; writes wait until there is: free some"


@dataclass(eq=False)
class StorageFailed(_Fact):
    """A write failed, and whether it is durable is not known; the node must halt (W13)."""

    code = "storage-failed"
    definite = False
    exit_code = 20
    reason: str

    def __str__(self) -> str:
        return (
            f"the storage failed: {self.reason}; what was being written may or may not be "
            "durable. Look at the disk, then start the node again"
        )


@dataclass(eq=False)
class SnapshotDamaged(_Fact):
    """A copy of the state machine that was received is not the one that was sent."""

    code = "snapshot-damaged"
    what: str

    def __str__(self) -> str:
        return (
            f"a received copy of the state is not what was announced: {self.what}; it was thrown "
            "away and nothing of it installed: have it sent again"
        )


# What peers say wrong.  Clients never see these.


@dataclass(eq=False)
class FrameInvalid(_Fact):
    """Bytes from a peer or a disk that are not what the format says."""

    code = "frame-invalid"
    why: str

    def __str__(self) -> str:
        return f"the bytes are not valid: {self.why}"


@dataclass(eq=False)
class HandshakeRefused(_Fact):
    """The two ends of a peer connection do not belong together."""

    code = "handshake-refused"
    why: str

    def __str__(self) -> str:
        return f"the peer connection was refused: {self.why}"
