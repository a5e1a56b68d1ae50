"""Raft as values and functions: ``step(server, event) -> (server, effects)``.

**Theory of operation.**  A `Server` is everything one server knows, as a frozen value.  An
event has happened to it: a message came, a timer fell due, clients asked, a write became
durable.  `step` answers with the server after the event and a tuple of effects: what to write,
send, apply, answer, and which timers to start.  Nothing here touches a clock, dice, a disk, a
socket or a log file, so a server can be kept, compared, copied, replayed and explored.

*Elections.*  A follower that hears no leader for an election timeout asks whether it could win
(PreVote); with a quorum of promises it enters a new term and asks for votes; with a quorum of
votes it leads and appends a no-op.  A vote goes, once a term, to a log at least as up-to-date
as the voter's.  Since any two quorums overlap, a term has one leader, and it holds everything
that was ever committed.

*Replication.*  The leader appends commands to its log and sends them to its peers, each after
the entry that precedes it; a peer that does not hold that entry refuses and says where the logs
may still agree.  An entry of the leader's own term that a quorum holds durably is committed,
and with it all before it.  Committed and locally durable entries are applied, and answered.

*Durability.*  A server issues numbered writes and goes on without waiting.  Each message that
would be a lie if a write were lost carries that write's number and must not leave before it.
The rules are one file, `durability`; no handler knows them.

*Snapshots.*  What is applied, and durable in the state machine, need not stay in the log: a
snapshot stands for it.  A peer that needs what is gone is sent a copy of the machine instead.

*Membership.*  The voters change by entries of the log.  Each such entry is in force from its append
on, and from one set of voters to another the cluster goes through a joint configuration that needs
a majority of both, so at no moment could two sets decide apart.  Newcomers learn before they vote.

*Reads.*  A read waits for a round of heartbeats that began after it arrived and that a quorum
has answered, and for the state machine to reach the commit index of that moment.

*Transfer.*  A leader hands its office over by bringing another voter's log up to its own and
telling it to campaign at once.  Meanwhile it takes no proposals; what it had taken is answered.

**What the embedder owes.**  Seven things, and nothing else:

- O1  One step at a time.  Effects are carried out in order; `Apply`, `Restore`, `Reply` and
  `ReadReady` form one queue.
- O2  Writes become durable in order, each whole.  Merging neighbours is welcome.
- O3  No `Send` leaves before its `after` is durable.  After that the network may do anything.
- O4  Before any other event, every timer already due is delivered; one reset or cancelled since
  it fell due is not.  The clock runs while the machine sleeps.
- O5  Stickiness lasts equally long on all nodes, and an election timeout at least as long.
- O6  A `ref` is unlike every other outstanding one; `boot` is durably raised before each
  `recover`; a node id dies with its disk, is never given again, and belongs to one cluster.
- O7  Nothing after `Halt`.

**Reading order** is import order: `types`, `quorum`, `configuration`, `log`, `messages`,
`events`, `effects`, `state`, then `roles`, `in_force`, `progress`, `replication`, `election`,
`snapshot`, `membership`, `reads`, `transfer`, then `durability`, `recovery`, `step`, and last
`invariants`, which says what must always hold.  Section marks (§) are those of the Raft
dissertation; rule ids such as AE.3 count the lines of its Figure 3.1, IS.1 to IS.8 those of its
Figure 5.3; W and O numbers are those of `durability` and of the list above.
"""

from huffleraft.core.configuration import NOBODY, Configuration
from huffleraft.core.effects import (
    Apply,
    CancelTimer,
    Committed,
    ConfigurationChanged,
    Effect,
    Halt,
    HandedOver,
    Outcome,
    Persist,
    ReadReady,
    Reason,
    Rejected,
    Reply,
    ResetTimer,
    Restore,
    Send,
    SendSnapshot,
    Unknown,
)
from huffleraft.core.events import (
    ClientRequested,
    ConfigurationRequested,
    Event,
    Persisted,
    ReadRequested,
    Received,
    SnapshotSent,
    SnapshotTaken,
    StorageFailed,
    TimerExpired,
    TransferRequested,
)
from huffleraft.core.log import Entry, Log, Payload, Snapshot
from huffleraft.core.messages import (
    AppendEntriesRequest,
    AppendEntriesResponse,
    InstallSnapshotRequest,
    InstallSnapshotResponse,
    Message,
    PreVoteRequest,
    PreVoteResponse,
    RequestVoteRequest,
    RequestVoteResponse,
    TimeoutNow,
)
from huffleraft.core.recovery import recover
from huffleraft.core.state import (
    Candidate,
    Disk,
    Follower,
    Installing,
    Leader,
    Membership,
    OutstandingWrite,
    PreCandidate,
    Probe,
    Progress,
    ReadRound,
    Reads,
    Replicate,
    Role,
    Server,
    Transfer,
)
from huffleraft.core.step import step
from huffleraft.core.types import (
    ORIGIN,
    EntryId,
    Limits,
    LogIndex,
    NodeId,
    Ref,
    Term,
    Timer,
    Vote,
    WriteNumber,
)

__all__ = [
    "NOBODY",
    "ORIGIN",
    "AppendEntriesRequest",
    "AppendEntriesResponse",
    "Apply",
    "CancelTimer",
    "Candidate",
    "ClientRequested",
    "Committed",
    "Configuration",
    "ConfigurationChanged",
    "ConfigurationRequested",
    "Disk",
    "Effect",
    "Entry",
    "EntryId",
    "Event",
    "Follower",
    "Halt",
    "HandedOver",
    "InstallSnapshotRequest",
    "InstallSnapshotResponse",
    "Installing",
    "Leader",
    "Limits",
    "Log",
    "LogIndex",
    "Membership",
    "Message",
    "NodeId",
    "Outcome",
    "OutstandingWrite",
    "Payload",
    "Persist",
    "Persisted",
    "PreCandidate",
    "PreVoteRequest",
    "PreVoteResponse",
    "Probe",
    "Progress",
    "ReadReady",
    "ReadRequested",
    "ReadRound",
    "Reads",
    "Reason",
    "Received",
    "Ref",
    "Rejected",
    "Replicate",
    "Reply",
    "RequestVoteRequest",
    "RequestVoteResponse",
    "ResetTimer",
    "Restore",
    "Role",
    "Send",
    "SendSnapshot",
    "Server",
    "Snapshot",
    "SnapshotSent",
    "SnapshotTaken",
    "StorageFailed",
    "Term",
    "TimeoutNow",
    "Timer",
    "TimerExpired",
    "Transfer",
    "TransferRequested",
    "Unknown",
    "Vote",
    "WriteNumber",
    "recover",
    "step",
]
