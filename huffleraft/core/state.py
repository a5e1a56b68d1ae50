"""What one server knows: the "State" box of Figure 3.1, as a value.

What only one role knows lives inside that role's value, so a tally or a match table cannot
outlive the role it belongs to.  Nothing here is ever changed; handlers make new values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from huffleraft.core.configuration import Configuration
from huffleraft.core.effects import Effect
from huffleraft.core.log import Log, Snapshot
from huffleraft.core.types import (
    Limits,
    LogIndex,
    NodeId,
    Ref,
    Term,
    Vote,
    WriteNumber,
)

# How a leader feeds one peer.


@dataclass(frozen=True, slots=True)
class Probe:
    """The leader guesses where the logs agree: one request at a time, until an answer hits.

    ``waiting`` is set while a request is out; the next heartbeat asks again in any case.
    """

    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Replicate:
    """The logs agree: requests follow one another without waiting (pipelining, §10.2.2).

    ``in_flight`` holds the last index of each unanswered request that carried entries.
    """

    in_flight: tuple[LogIndex, ...] = ()


@dataclass(frozen=True, slots=True)
class Installing:
    """The peer needs entries that the log no longer has: a snapshot is on its way.  §5.3

    Until its stream has ended, or the peer shows that it holds the log's base, it gets nothing
    but heartbeats.
    """

    last_included_index: LogIndex


@dataclass(frozen=True, slots=True)
class Progress:
    """What a leader knows of one peer.  Figure 3.1, volatile state on leaders

    - ``match_index``: the peer's log equals ours up to here, durably; it never falls.
    - ``next_index``: the next entry to send; always above ``match_index``.
    - ``commit_sent``: the greatest commit index a request to it has carried.
    - ``read_round``: the newest round it has answered (§6.4).
    - ``recently_active``: it has answered since the last check of the quorum.
    - ``active_before``: it had answered in the interval before; taken for granted in the first.
    """

    next_index: LogIndex
    match_index: LogIndex = 0
    mode: Probe | Replicate | Installing = Probe()
    commit_sent: LogIndex = 0
    read_round: int = 0
    recently_active: bool = False
    active_before: bool = True


# What a leader owes its clients.


@dataclass(frozen=True, slots=True)
class ReadRound:
    """Reads that are served together once a quorum has answered this round.  §6.4

    ``read_index`` is what must be applied before they are: the commit index when the round
    began, and no less than the first entry of the leader's own term.
    """

    number: int
    read_index: LogIndex
    refs: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Reads:
    """All reads a leader holds: of the round under way, of the next, and confirmed ones.

    ``begun`` counts the rounds of this leadership.  At most one is open; what arrives
    meanwhile waits for the next, which begins when that one ends.
    """

    begun: int = 0
    open: ReadRound | None = None
    waiting: tuple[Ref, ...] = ()
    confirmed: tuple[ReadRound, ...] = ()

    def refs(self) -> tuple[Ref, ...]:
        """Every read that has no answer yet."""
        rounds = (*self.confirmed, self.open) if self.open else self.confirmed
        return (*(ref for one in rounds for ref in one.refs), *self.waiting)


@dataclass(frozen=True, slots=True)
class Transfer:
    """The leader hands its office to the voter *to*, as the request *ref* wants.  §3.10

    ``told``: TimeoutNow has been sent, so the voter may campaign at any time from now on.
    """

    ref: Ref
    to: NodeId
    told: bool = False


# The roles.  Figure 3.3, and §9.6 for the first step of a campaign.


@dataclass(frozen=True, slots=True)
class Follower:
    """Obeys a leader, once it has heard from one.

    ``sticky``: it has heard a leader (or started) less than a minimum election timeout ago,
    and so helps nobody depose one (§4.2.3).
    """

    leader: NodeId | None = None
    sticky: bool = False


@dataclass(frozen=True, slots=True)
class PreCandidate:
    """Asks whether it could win, before it disturbs anybody's term.  §9.6"""

    votes_granted: frozenset[NodeId]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Asks the cluster for its votes.  §3.4"""

    votes_granted: frozenset[NodeId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """Replicates its log; begins its term knowing nothing of the others.  §3.5

    - ``progress``: one for each peer, in the configuration's order.
    - ``term_start``: the index of this term's no-op, the first entry it may count (§3.6.2).
    - ``proposals``: (index, ref) of its clients' entries that have no answer yet, ascending.
    - ``uncommitted_bytes``: bytes of commands above the commit index.
    - ``disk_witness``: the oldest write that was not durable at the last check of the
      quorum; if it still is not at the next, this server's own disk has failed it (W13).
    - ``transfer``: to whom the office is being handed over (§3.10); meanwhile the log stands still.
    """

    progress: tuple[tuple[NodeId, Progress], ...]
    term_start: LogIndex
    proposals: tuple[tuple[LogIndex, Ref], ...] = ()
    reads: Reads = Reads()
    uncommitted_bytes: int = 0
    disk_witness: WriteNumber | None = None
    transfer: Transfer | None = None


Role: TypeAlias = Follower | PreCandidate | Candidate | Leader


# What the disk knows, and what it has been told.


@dataclass(frozen=True, slots=True)
class OutstandingWrite:
    """What will be true of the disk once this write is durable, as far as it is still wanted.

    ``last_index`` is lowered by every later truncation (W6): what is cut is never claimed.
    ``snapshot_index`` is 0 before the first snapshot.
    """

    number: WriteNumber
    vote: Vote
    last_index: LogIndex
    snapshot_index: LogIndex = 0


@dataclass(frozen=True, slots=True)
class Disk:
    """The write stream of this boot: what is durable, and what is on its way.

    - ``issued``: the number of the last write; 0 before the first.
    - ``vote``, ``last_index`` and ``snapshot_index`` are durable now; truncations cut the second
      (W6).
    - ``outstanding``: the writes issued and not yet durable, oldest first.
    """

    vote: Vote
    last_index: LogIndex
    snapshot_index: LogIndex = 0
    issued: WriteNumber = 0
    outstanding: tuple[OutstandingWrite, ...] = ()


# Who belongs to the cluster.


@dataclass(frozen=True, slots=True)
class Membership:
    """The configuration in force, and who is on the way out.  Kept because finding it is a walk.

    - ``configuration`` is the last one in the log, in force from its append on (§4.1), or the
      snapshot's.
    - ``index`` is where it stands in the log, or the snapshot's end where that tells it.  At or
      below the commit index it will stay in force until another is appended.
    - ``leaving`` are the (node id, address) of those whom it does not name any more and who still
      have to be spoken to: members of the configurations before it while it is not committed, and,
      by a leader, until they have been told that it is.
    """

    configuration: Configuration
    index: LogIndex
    leaving: tuple[tuple[NodeId, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server, whole.  Equal values behave equally; there is nothing else to know.

    ``last_applied`` is below the log's base only while an installed snapshot is not yet durable,
    and so not yet restored.
    """

    id: NodeId
    boot: int
    limits: Limits

    # Persistent: what Figure 3.1 puts on stable storage.  `disk` knows how much already is.
    vote: Vote
    snapshot: Snapshot | None
    log: Log
    disk: Disk

    # Volatile: lost in a crash, and safe to lose.
    membership: Membership
    role: Role
    commit_index: LogIndex
    last_applied: LogIndex

    @property
    def current_term(self) -> Term:
        """The latest term this server has seen.  Figure 3.1"""
        return self.vote.current_term

    @property
    def leader(self) -> NodeId | None:
        """Who leads the current term, as far as this server knows."""
        match self.role:
            case Leader():
                return self.id
            case Follower(leader=leader):
                return leader
            case _:
                return None

    @property
    def configuration(self) -> Configuration:
        """The configuration in force: the last one in the log, committed or not.  §4.1"""
        return self.membership.configuration

    @property
    def peers(self) -> tuple[NodeId, ...]:
        """Everybody else who gets a leader's log: members, and those who are leaving."""
        leaving = {node for node, _ in self.membership.leaving}
        return tuple(sorted(leaving.union(self.configuration.members) - {self.id}))

    @property
    def is_sticky(self) -> bool:
        """Whether it leads, or heard a leader so lately that it helps nobody depose it.  §4.2.3"""
        match self.role:
            case Leader():
                return True
            case Follower(sticky=sticky):
                return sticky
            case _:
                return False


Transition: TypeAlias = tuple[Server, tuple[Effect, ...]]
"""What every handler returns: the server after, and what it asks of the world."""
