"""What can happen to a server.  Events are facts, named in the past tense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from huffleraft.core.messages import Message
from huffleraft.core.types import LogIndex, NodeId, Ref, Timer, WriteNumber


@dataclass(frozen=True, slots=True)
class Received:
    """A message came from a peer, whole and validated; perhaps late, repeated, or reordered."""

    message: Message


@dataclass(frozen=True, slots=True)
class TimerExpired:
    """A timer fell due; delivered before any other event that comes after it (O4)."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class ClientRequested:
    """Clients offered these commands since the last turn: one event, one append a peer.

    A prefix may be accepted, an entry for each; every ref gets its own `Reply`.
    """

    requests: tuple[tuple[Ref, bytes], ...]


@dataclass(frozen=True, slots=True)
class ConfigurationRequested:
    """Somebody wants these voters and these learners, each a (node id, address).  Chapter 4

    Answered when the configuration that consists of them is committed, after its `Apply`.  With
    ``force``, also where those who answer now would be no quorum of it.
    """

    ref: Ref
    voters: tuple[tuple[NodeId, str], ...]
    learners: tuple[tuple[NodeId, str], ...] = ()
    force: bool = False


@dataclass(frozen=True, slots=True)
class TransferRequested:
    """Somebody wants the voter *to* to lead; None: whichever other voter is best able to.  §3.10

    Answered when this server has left office, or leads on.
    """

    ref: Ref
    to: NodeId | None = None


@dataclass(frozen=True, slots=True)
class ReadRequested:
    """Clients asked to read since the last turn; all of them share one round.  §6.4"""

    refs: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Persisted:
    """Write number *write*, and every earlier one, is durable.

    A number not above the last one reported says nothing.
    """

    write: WriteNumber


@dataclass(frozen=True, slots=True)
class StorageFailed:
    """A write failed, or nobody knows: this server can promise nothing any more (W13)."""

    reason: str


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """The state machine's state at *index*, or past it, is durable (W11).

    When to take one is the embedder's affair; one that is not above the last says nothing.
    """

    index: LogIndex


@dataclass(frozen=True, slots=True)
class SnapshotSent:
    """The stream of a `SendSnapshot` ended: whole and durable at the peer, or given up."""

    to: NodeId
    ok: bool


Event: TypeAlias = (
    Received
    | TimerExpired
    | ClientRequested
    | ConfigurationRequested
    | TransferRequested
    | ReadRequested
    | Persisted
    | StorageFailed
    | SnapshotTaken
    | SnapshotSent
)
