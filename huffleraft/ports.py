"""What a node needs of the world, as protocols: storage, rows, state machine, network, clock.

The runtime drives a core over these and never names an implementation, so the same code runs
over SQLite and sockets, in memory, and under a simulator's virtual time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol, TypeAlias

from huffleraft.core.effects import Persist
from huffleraft.core.log import Entry, Snapshot
from huffleraft.core.messages import InstallSnapshotRequest, Message
from huffleraft.core.types import EntryId, LogIndex, NodeId, Vote

# Storage.


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a data directory held when it was opened, with `boot` already raised and durable."""

    node_id: NodeId
    cluster_id: str
    boot: int
    vote: Vote
    snapshot: Snapshot | None
    base: EntryId
    entries: tuple[Entry, ...]
    last_applied: LogIndex
    """The index up to which the durable rows stand; the log above it is applied again.

    Below the snapshot's only where a crash came between an install and its `restore`: then the
    staged copy is there, whole.
    """


class Storage(Protocol):
    """One node's ordered stream of writes (obligation O2)."""

    async def write(self, writes: Sequence[Persist]) -> None:
        """Make *writes* durable, all in one transaction and in their order; return once they are.

        Called again only after it has returned.  Raises `errors.StorageFull` when it was refused
        whole (nothing was written: the same call may be made again, W13), and
        `errors.StorageFailed` for anything else, after which the node halts.
        """
        ...


class Row(NamedTuple):
    """One key's state.  A missing key has no row."""

    value: bytes
    version: int
    """Changes since the key was made, itself included: 1 for the first."""
    changed_index: LogIndex
    """The log index of the last change; never used twice."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A client session's durable state; the session's id is the index of its register entry."""

    sequence: int
    """The highest sequence number that was run."""
    used_index: LogIndex
    """The log index of the last command under this session: the least of all ends first."""
    result: bytes
    """The answer to `sequence`, as it was given."""


@dataclass(frozen=True, slots=True)
class Flush:
    """Changes of the state machine up to `last_applied`, to be written in one transaction.

    A value of None removes the row.
    """

    last_applied: LogIndex
    rows: Mapping[str, Row | None]
    sessions: Mapping[LogIndex, SessionRow | None]


@dataclass(frozen=True, slots=True)
class Scanned:
    """Some rows that follow each other in key order, which is that of the keys' UTF-8."""

    rows: tuple[tuple[str, Row], ...]
    ended: bool
    """Whether none of those asked for comes after these; if not, there is at least one here."""

    @classmethod
    def of(cls, rows: Iterable[tuple[str, Row]], *, rows_max: int, bytes_max: int) -> Scanned:
        """The first of *rows*: at most *rows_max*, and *bytes_max* bytes of keys and values.

        The first row is among them however large it is, or nobody could ever go on behind it.
        """
        taken: list[tuple[str, Row]] = []
        size = 0
        for key, row in rows:
            size += len(key.encode()) + len(row.value)
            if len(taken) == rows_max or (taken and size > bytes_max):
                return cls(tuple(taken), ended=False)
            taken.append((key, row))
        return cls(tuple(taken), ended=True)


class Rows(Protocol):
    """The durable rows behind the state machine's overlay."""

    async def fetch(self, keys: Collection[str]) -> Mapping[str, Row]:
        """The rows of *keys* as last flushed; missing keys are absent."""
        ...

    async def scan(self, prefix: str, first: str, *, rows_max: int, bytes_max: int) -> Scanned:
        """The rows as last flushed of the keys that begin with *prefix*, from *first* on.

        Bounded as `Scanned.of` says; all are of one moment.  *first* need not be a key.
        """
        ...

    async def sessions(self) -> Mapping[LogIndex, SessionRow]:
        """All sessions as last flushed."""
        ...

    async def flush(self, changes: Flush) -> None:
        """Write *changes* in one transaction.  Raises like `Storage.write`."""
        ...

    async def digest(self) -> bytes:
        """SHA-256 over all flushed rows in key order and all sessions in id order."""
        ...


# Snapshots: copies of the rows, on their way out and on their way in.


@dataclass(frozen=True, slots=True)
class SnapshotCopy:
    """A frozen copy of all rows and sessions as they stood at exactly `index`."""

    index: LogIndex
    size: int
    """Bytes."""
    digest: bytes
    """SHA-256 of all its bytes: equal digests are the same copy, byte for byte."""


class Snapshots(Protocol):
    """The copies that one node keeps: one on its way out, one on its way in, both on disk.

    Nothing here holds a whole copy in memory, and no call keeps `Storage.write` waiting for
    longer than a page.  Everything raises like `Storage.write`; after `StorageFull` there is
    nothing left of what was begun.
    """

    async def copy_rows(self) -> SnapshotCopy:
        """Copy the durable rows and sessions, as `Rows.flush` left them last.

        No `Rows.flush` may be called before it has returned; writes of the log may.  The former
        copy goes, unless it is of the same index: then it is returned again.
        """
        ...

    async def read_copy(self, copy: SnapshotCopy, offset: int, size: int) -> bytes:
        """At most *size* bytes of *copy* from *offset* on; KeyError if it is gone."""
        ...

    async def stage(self, snapshot: Snapshot, copy: SnapshotCopy) -> int:
        """Begin to receive *copy* of *snapshot*, or go on with it: the offset that is wanted next.

        What else was staged goes, but for what waits for its `restore`: then `copy.size` is
        returned for that very copy, and ValueError is raised for any other.
        """
        ...

    async def stage_bytes(self, offset: int, data: bytes) -> int:
        """Take the bytes from *offset* on; the offset that is wanted next.

        Bytes that are not the ones wanted next are passed over.  Raises SnapshotDamaged for
        more bytes than were announced, and ValueError if nothing is being received.
        """
        ...

    async def finish_staged(self) -> None:
        """Verify the staged copy, whole, and make it durable: it waits for its `restore` now.

        Raises SnapshotDamaged if it is not what was announced; then it is gone.  ValueError if
        nothing is being received.
        """
        ...

    async def discard_staged(self) -> None:
        """Let go of the staged copy, because the core did not take what it is the copy of.

        ValueError where the durable log goes on from it: it is needed.
        """
        ...

    async def restore(self, snapshot: Snapshot) -> None:
        """Replace all rows and sessions by the staged copy of *snapshot*, in one transaction.

        From then on the rows stand at its index, and the staged copy is gone.  Raises
        StorageCorrupt if it is not there, or damaged.
        """
        ...


# The state machine.


class StateMachine(Protocol):
    """What committed entries are applied to.  Only the node's apply task calls it."""

    @property
    def last_applied(self) -> LogIndex:
        """The index of the last entry applied, in memory."""
        ...

    async def apply(self, entries: Sequence[Entry]) -> Sequence[bytes]:
        """Apply *entries*, which follow `last_applied`; the result of each, in order.

        Entries that are no commands have the empty result.  Deterministic: equal entries give
        equal states and results on every node.
        """
        ...

    def recall(self, query: bytes) -> bytes | None:
        """Answer a read from memory, as the state stands now; None if `query` must be asked."""
        ...

    async def query(self, query: bytes) -> bytes:
        """Answer a read from the state as it stands now, however long the disk takes."""
        ...


# The network.


class Kind(Enum):
    """What an operation is, and so what its payload is."""

    WRITE = "write"
    """A command of the state machine."""
    READ = "read"
    """A query of it."""
    CHANGE = "change"
    """A change of the members: `huffleraft.runtime.changes`."""
    TRANSFER = "transfer"
    """Another node is to lead: its id, or nothing for whichever voter is best able to."""


@dataclass(frozen=True, slots=True)
class Forward:
    """A whole client operation, handed to the leader: one hop, never twice."""

    number: int
    """The sender's name for it, not used again in its boot."""
    kind: Kind
    payload: bytes


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The answer to `Forward` number *number*."""

    number: int
    outcome: str
    """`ok`, or a name of `huffleraft.runtime.verdicts`."""
    payload: bytes
    """The result if `ok`, else what completes the name, if anything does."""
    index: LogIndex
    term: int


# A snapshot's data, in pieces: `huffleraft.runtime.transfers` says who sends what when.  In all
# of them *number* is the sender's name for the stream, not used again, rising within its boot.


@dataclass(frozen=True, slots=True)
class SnapshotAsk:
    """Would you hear a snapshot?  Asked before a copy is made for nobody."""

    number: int


@dataclass(frozen=True, slots=True)
class SnapshotOffer:
    """What is to be sent: the copy of `install.snapshot`, of *size* bytes that have *digest*."""

    number: int
    install: InstallSnapshotRequest
    size: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class SnapshotChunk:
    """Bytes of the copy from *offset* on."""

    number: int
    offset: int
    data: bytes
    seal: bytes
    """A checksum of all the rest: damaged bytes are asked for again, at once."""


class Standing(Enum):
    """What became of a stream, as its receiver sees it."""

    MORE = "more"
    """Go on, from the offset named."""
    DONE = "done"
    """The copy is whole and durable there, or what it stands for was there already."""
    DAMAGED = "damaged"
    """It was whole, and not what was offered; nothing of it is left."""
    NO_ROOM = "no-room"
    """The receiver's disk is full; nothing of it is left."""
    REFUSED = "refused"
    """The receiver knows no such stream, or a newer leader's, or is still busy with the last."""


@dataclass(frozen=True, slots=True)
class SnapshotWanted:
    """The receiver's word on stream *number*: *offset* is the one wanted next."""

    number: int
    offset: int
    standing: Standing


TransferMessage: TypeAlias = SnapshotAsk | SnapshotOffer | SnapshotChunk | SnapshotWanted

PeerMessage: TypeAlias = Message | Forward | Forwarded | TransferMessage
"""What travels between nodes: the protocol's messages, and the runtime's own."""


class Inbox(Protocol):
    """Where a network hands over what it received.  Called on the event loop; never blocks."""

    @property
    def is_empty(self) -> bool:
        """Whether the node's log has never held anything."""
        ...

    def has_left(self, node: NodeId) -> bool:
        """Whether *node* was a member, and was removed: it is not to be heard."""
        ...

    def told_to_leave(self) -> None:
        """A member says that this node was removed."""
        ...

    def receive(self, source: NodeId, message: PeerMessage) -> None:
        """Take one whole, validated message."""
        ...

    def link_lost(self, peer: NodeId) -> None:
        """The connection to or from *peer* ended: what was handed over may never arrive."""
        ...


class Network(Protocol):
    """Links to peers; may lose, repeat, delay and reorder."""

    def send(self, to: NodeId, message: PeerMessage) -> bool:
        """Offer *message* for *to*; False if it was dropped at once (no link, or a full queue)."""
        ...

    def connect(self, addresses: Mapping[NodeId, str]) -> None:
        """Keep links to exactly these peers from now on."""
        ...

    def reaches(self, peer: NodeId) -> bool:
        """Whether there is a link to *peer*, as far as is known here."""
        ...


# Time and chance.


class Clock(Protocol):
    """A clock that runs while the machine sleeps.  Seconds."""

    def now(self) -> float:
        """The time, from an arbitrary origin; it never goes back."""
        ...


Dice: TypeAlias = Callable[[float, float], float]
"""Draws uniformly between two bounds; `random.Random().uniform` is one."""
