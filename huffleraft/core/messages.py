"""What servers say to each other.

Names are raft.tla's.  Every message carries the sender's id and the sender's *real* current
term, so one rule (ALL.2) reads them all; PreVote has messages of its own instead of a flag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from huffleraft.core.log import Entry, Snapshot
from huffleraft.core.types import EntryId, LogIndex, NodeId, Term


@dataclass(frozen=True, slots=True)
class PreVoteRequest:
    """Would you vote for me in the term after mine?  §9.6"""

    source: NodeId
    term: Term
    last_log_id: EntryId


@dataclass(frozen=True, slots=True)
class PreVoteResponse:
    """What I would answer to a vote request now; it binds me to nothing.  §9.6"""

    source: NodeId
    term: Term
    vote_granted: bool


@dataclass(frozen=True, slots=True)
class RequestVoteRequest:
    """Vote for me in this term.  Figure 3.1, RequestVote RPC

    ``leadership_transfer``: the leader itself has asked the sender to campaign (§3.10), so that
    loyalty to a leader is no reason not to answer (§4.2.3).
    """

    source: NodeId
    term: Term
    last_log_id: EntryId
    leadership_transfer: bool = False


@dataclass(frozen=True, slots=True)
class RequestVoteResponse:
    """My vote in this term, or my refusal.  Figure 3.1, RequestVote RPC"""

    source: NodeId
    term: Term
    vote_granted: bool


@dataclass(frozen=True, slots=True)
class AppendEntriesRequest:
    """Append *entries* after *prev_log_id*; empty, it is a heartbeat.  Figure 3.1

    *read_round* is the newest round of leadership confirmation the leader has begun (§6.4);
    the answer echoes it.
    """

    source: NodeId
    term: Term
    prev_log_id: EntryId
    entries: tuple[Entry, ...]
    leader_commit: LogIndex
    read_round: int = 0


@dataclass(frozen=True, slots=True)
class AppendEntriesResponse:
    """Whether the entries now stand in my log, and if not, where to look.  Figure 3.1, §3.5

    - ``prev_log_id`` and ``read_round`` echo the request, so a late answer is known as late.
    - ``success``: my log equals the leader's up to ``match``, at most the request's last entry.
    - refused: ``match`` is 0 and ``conflict`` is the last id I hold that could still agree:
      at or before ``prev_log_id.index``, and of no later term.
    """

    source: NodeId
    term: Term
    prev_log_id: EntryId
    success: bool
    match: LogIndex
    conflict: EntryId | None
    read_round: int = 0


@dataclass(frozen=True, slots=True)
class InstallSnapshotRequest:
    """Take *snapshot* in the place of your log's beginning.  Figure 5.3, InstallSnapshot RPC

    It is delivered when its data is whole and durable at the receiver; the pieces in which it
    travels are the transport's.
    """

    source: NodeId
    term: Term
    snapshot: Snapshot
    read_round: int = 0


@dataclass(frozen=True, slots=True)
class InstallSnapshotResponse:
    """My log equals the leader's up to ``match``, durably; 0 refuses a leader of the past.

    ``read_round`` echoes the request.
    """

    source: NodeId
    term: Term
    match: LogIndex
    read_round: int = 0


@dataclass(frozen=True, slots=True)
class TimeoutNow:
    """Campaign at once: I lead, and want you to.  §3.10"""

    source: NodeId
    term: Term


Message: TypeAlias = (
    PreVoteRequest
    | PreVoteResponse
    | RequestVoteRequest
    | RequestVoteResponse
    | AppendEntriesRequest
    | AppendEntriesResponse
    | InstallSnapshotRequest
    | InstallSnapshotResponse
    | TimeoutNow
)
