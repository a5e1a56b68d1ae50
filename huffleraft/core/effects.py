"""What a server asks of the world.

Effects are orders, in the imperative, to be carried out in the order of the list (O1).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from huffleraft.core.configuration import Configuration
from huffleraft.core.log import Entry, Snapshot
from huffleraft.core.messages import InstallSnapshotRequest, Message
from huffleraft.core.types import EntryId, LogIndex, NodeId, Ref, Term, Timer, Vote, WriteNumber


@dataclass(frozen=True, slots=True)
class Persist:
    """One atomic write, durable after every earlier one (O2).  At most one a step.

    The log loses all up to *base*, then all from *truncate_from* on, then gains *entries*.
    None means unchanged.
    """

    write: WriteNumber
    vote: Vote | None = None
    snapshot: Snapshot | None = None
    base: EntryId | None = None
    truncate_from: LogIndex | None = None
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Send:
    """Offer *message* to a network that may lose, repeat, delay or reorder it.

    It may leave once write *after* is durable; with None, or durable already, at once (O3).
    """

    to: NodeId
    message: Message
    after: WriteNumber | None = None


@dataclass(frozen=True, slots=True)
class SendSnapshot:
    """Stream a copy of the machine at exactly *message.snapshot* to a peer that needs it.

    Once it is whole and durable there, *message* is received there.  The stream may begin when
    a `Send` might leave, and ends here in exactly one `SnapshotSent`, without which the peer
    waits for ever.  A store that keeps no copies makes one, reports `SnapshotTaken`, and sends
    the server's snapshot as it then is.
    """

    to: NodeId
    message: InstallSnapshotRequest
    after: WriteNumber | None = None


@dataclass(frozen=True, slots=True)
class Restore:
    """Replace the state machine by the received *snapshot*, which is durable here."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Apply:
    """Give *entries* to the state machine: committed, durable here, in order, each once a boot.

    No-ops and configurations are among them, so that the machine's index has no holes.
    """

    entries: tuple[Entry, ...]


class Reason(Enum):
    """Why a request was refused."""

    NOT_LEADER = "not-leader"
    """This server does not lead; the answer names who does, if it is known."""
    OVERLOADED = "overloaded"
    """Too many bytes wait to be committed: ask again later."""
    TOO_LARGE = "too-large"
    """The command alone exceeds the limit: it can never be accepted."""
    HALTED = "halted"
    """This server's disk failed: it answers nothing any more."""
    NOT_READY = "not-ready"
    """The leader has committed nothing in its own term yet: ask again (§4.1)."""
    CHANGE_PENDING = "change-pending"
    """Another change of the configuration is under way: ask again when it is done (§4.1)."""
    VOTER_BEHIND = "voter-behind"
    """A new voter lacks too much of the log, or is no learner yet: ask again later (§4.2.1)."""
    QUORUM_AT_RISK = "quorum-at-risk"
    """Those who answer would be no quorum of it, so that it could not even be undone."""
    CONFIGURATION_INVALID = "configuration-invalid"
    """It names nobody who votes, or somebody twice: it can never be accepted."""
    TRANSFER_PENDING = "transfer-pending"
    """The leader is handing its office over: ask again, whoever leads then (§3.10)."""
    TARGET_INVALID = "target-invalid"
    """The office can only go to a voter, and to another one (§3.10)."""
    TARGET_BEHIND = "target-behind"
    """Who shall lead does not answer, or lacks too much of the log: ask again later (§3.10)."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The command is committed at this index and term, and the `Apply` before this names it."""

    index: LogIndex
    term: Term


@dataclass(frozen=True, slots=True)
class Rejected:
    """The request had no effect and never will have one."""

    reason: Reason
    leader: NodeId | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may or may not take effect, now or later (W14; the paper's Figure 8)."""

    leader: NodeId | None


@dataclass(frozen=True, slots=True)
class HandedOver:
    """This server asked *to* to lead, and has left office to a later term since.  §3.10

    Whether *to* won is for the term's leader to tell.
    """

    to: NodeId


Outcome: TypeAlias = Committed | Rejected | Unknown | HandedOver


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the request named *ref*; there is exactly one answer for each."""

    ref: Ref
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ReadReady:
    """Serve the read named *ref* now: every `Apply` it needs stands before this.  §6.4"""

    ref: Ref


@dataclass(frozen=True, slots=True)
class ResetTimer:
    """Start *timer* afresh; how long it runs is the embedder's affair (O4, O5)."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Stop *timer*; an expiry that nobody has delivered yet is void (O4)."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class ConfigurationChanged:
    """Another configuration is in force: connect to those it names.

    Keep the links to those who are *leaving*, (node id, address) each, since they still have to be
    told so.  Let everybody else go.
    """

    configuration: Configuration
    leaving: tuple[tuple[NodeId, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop for good: no event may follow (O7)."""

    reason: str


Effect: TypeAlias = (
    Persist
    | Send
    | SendSnapshot
    | Restore
    | Apply
    | Reply
    | ReadReady
    | ResetTimer
    | CancelTimer
    | ConfigurationChanged
    | Halt
)
