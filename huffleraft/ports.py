"""What a node needs of the world, as protocols: storage, rows, state machine, network, clock.

The runtime drives a core over these and never names an implementation, so the same code runs
over SQLite and sockets, in memory, and under a simulator's virtual time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from huffleraft.core.effects import Persist
from huffleraft.core.log import Entry
from huffleraft.core.messages import Message
from huffleraft.core.types import EntryId, LogIndex, NodeId, Vote

# Storage.


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a data directory held when it was opened, with `boot` already raised and durable."""

    node_id: NodeId
    cluster_id: str
    boot: int
    vote: Vote
    base: EntryId
    entries: tuple[Entry, ...]
    last_applied: LogIndex
    """The index up to which the durable rows stand; the log above it is applied again."""


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


class Rows(Protocol):
    """The durable rows behind the state machine's overlay."""

    async def fetch(self, keys: Collection[str]) -> Mapping[str, Row]:
        """The rows of *keys* as last flushed; missing keys are absent."""
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


@dataclass(frozen=True, slots=True)
class Forward:
    """A whole client operation, handed to the leader: one hop, never twice."""

    number: int
    """The sender's name for it, not used again in its boot."""
    write: bool
    payload: bytes
    """A command if *write*, else a query."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The answer to `Forward` number *number*."""

    number: int
    outcome: str
    """`ok`, `not-leader`, `overloaded`, `too-large`, `halted` or `unknown`."""
    payload: bytes
    index: LogIndex
    term: int


PeerMessage: TypeAlias = Message | Forward | Forwarded
"""What travels between nodes: the protocol's messages, and the runtime's own two."""


class Inbox(Protocol):
    """Where a network hands over what it received.  Called on the event loop; never blocks."""

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


# Time and chance.


class Clock(Protocol):
    """A clock that runs while the machine sleeps.  Seconds."""

    def now(self) -> float:
        """The time, from an arbitrary origin; it never goes back."""
        ...


Dice: TypeAlias = Callable[[float, float], float]
"""Draws uniformly between two bounds; `random.Random().uniform` is one."""
