"""Values of the core, each as one line of the house notation.

Every function takes a value and returns text without a newline, whatever the value holds.
Nothing here is on a node's hot path: a line is made when somebody reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from huffleraft.core.configuration import Configuration
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
from huffleraft.core.state import (
    Candidate,
    Follower,
    Installing,
    Leader,
    PreCandidate,
    Probe,
    Progress,
    Replicate,
    Server,
    Transfer,
)
from huffleraft.core.types import ORIGIN, EntryId, NodeId, Vote, WriteNumber

if TYPE_CHECKING:
    from huffleraft.core.log import Entry, Log, Snapshot

SHOWN = 6
"""Ids shown of a longer run; the others are told by two dots.  Golden scripts stay below it."""


# Entries and logs.


def render_id(entry_id: EntryId) -> str:
    """An entry's id as ``index:term``."""
    return f"{entry_id.index}:{entry_id.term}"


def render_entry(entry: Entry) -> str:
    """An entry's id and what it carries; of a command only its size in bytes."""
    match entry.payload:
        case None:
            return f"{render_id(entry.id)} no-op"
        case Configuration() as configuration:
            return f"{render_id(entry.id)} {render_configuration(configuration)}"
        case bytes() as command:
            return f"{render_id(entry.id)} {len(command)}B"
        case unreachable:
            assert_never(unreachable)


def render_ids(entries: tuple[Entry, ...]) -> str:
    """The ids of *entries*; of many, the first and the last: ``4:2 .. 67:2``."""
    if len(entries) > SHOWN:
        return f"{render_id(entries[0].id)} .. {render_id(entries[-1].id)}"
    return " ".join(render_id(entry.id) for entry in entries)


def render_log(log: Log) -> str:
    """What a log ends with: ``1:1 2:1 3:2``, or ``.. 8:3 9:3`` for the end of a longer one.

    What was compacted away is told by the base's id: ``(40:2) 41:2 42:3``.
    """
    shown = log.between(max(log.first_index, log.last_index - SHOWN + 1), log.last_index)
    words = [render_id(entry.id) for entry in shown]
    if len(log) > len(shown):
        words.insert(0, "..")
    if log.base != ORIGIN:
        words.insert(0, f"({render_id(log.base)})")
    return " ".join(words) or "empty"


def render_snapshot(snapshot: Snapshot) -> str:
    """The last entry that a snapshot includes, and the configuration there: ``40:2 {n1 n2}``."""
    return f"{render_id(snapshot.id)} {render_configuration(snapshot.configuration)}"


# A server.


def render_server(server: Server) -> str:
    """One server: who, term, role, log, what is known to be committed and applied, the role's own.

    ``disk 3`` and ``writing #4 #5`` stand there only while the disk lags behind the log, and
    ``under {n1 n2 +n3}`` where the configuration is not the first.
    """
    parts = [
        f"{server.id} t{server.current_term} {_role_name(server):<13}",
        f"log {render_log(server.log)}",
        f"commit {server.commit_index}",
        f"applied {server.last_applied}",
        *([f"snapshot {render_id(server.snapshot.id)}"] if server.snapshot else []),
        *_disk(server),
        *([f"under {render_configuration(server.configuration)}"] * (server.membership.index > 1)),
        *_role_knows(server),
    ]
    return "  ".join(parts).rstrip()


def _role_name(server: Server) -> str:
    match server.role:
        case Follower():
            return "follower"
        case PreCandidate():
            return "pre-candidate"
        case Candidate():
            return "candidate"
        case Leader():
            return "LEADER"
        case unreachable:
            assert_never(unreachable)


def _disk(server: Server) -> list[str]:
    if not server.disk.outstanding:
        return []
    writes = " ".join(f"#{write.number}" for write in server.disk.outstanding[:SHOWN])
    more = " .." if len(server.disk.outstanding) > SHOWN else ""
    return [f"disk {server.disk.last_index}", f"writing {writes}{more}"]


def _role_knows(server: Server) -> list[str]:
    match server.role:
        case Follower(leader=None, sticky=sticky):
            voted = server.vote.voted_for
            return [*([f"voted {voted}"] if voted else []), *(["sticky"] if sticky else [])]
        case Follower(leader=leader, sticky=sticky):
            return [f"of {leader}", *(["sticky"] if sticky else [])]
        case PreCandidate(votes_granted=granted) | Candidate(votes_granted=granted):
            return [" ".join(["votes", *sorted(granted)])]
        case Leader(progress=progress, proposals=proposals, reads=reads, transfer=transfer):
            peers = [f"{peer} {_progress(known)}" for peer, known in progress]
            owed = [f"owes {len(proposals)}"] if proposals else []
            reading = [f"reads {count}"] if (count := len(reads.refs())) else []
            return [*peers, *owed, *reading, *_transferring(transfer)]
        case unreachable:
            assert_never(unreachable)


def _transferring(transfer: Transfer | None) -> list[str]:
    if transfer is None:
        return []
    return [f"hands over to {transfer.to}" + (", which was told" if transfer.told else "")]


def _progress(progress: Progress) -> str:
    match progress.mode:
        case Probe():
            return f"{progress.match_index}?{progress.next_index}"
        case Replicate(in_flight=in_flight):
            pipelined = f"*{len(in_flight)}" if in_flight else ""
            return f"{progress.match_index}>{progress.next_index}{pipelined}"
        case Installing(last_included_index=index):
            return f"{progress.match_index}<{index}"
        case unreachable:
            assert_never(unreachable)


# Messages.


def render_message(message: Message, to: NodeId = "") -> str:
    """Who says what to whom; without *to* the receiver's place stays empty."""
    return f"{message.source} -> {to}".rstrip() + f"  {_said(message)}"


def _said(message: Message) -> str:
    term = f"t{message.term}"
    match message:
        case PreVoteRequest(last_log_id=last):
            return f"prevote? {term} last {render_id(last)}"
        case PreVoteResponse(vote_granted=granted):
            return f"prevote! {term} {_granted(granted)}"
        case RequestVoteRequest(last_log_id=last, leadership_transfer=wanted):
            return f"vote? {term} last {render_id(last)}{' by transfer' if wanted else ''}"
        case RequestVoteResponse(vote_granted=granted):
            return f"vote! {term} {_granted(granted)}"
        case AppendEntriesRequest():
            return (
                f"append {term} after {render_id(message.prev_log_id)} "
                f"[{render_ids(message.entries)}] commit {message.leader_commit}"
                f"{_round(message.read_round)}"
            )
        case AppendEntriesResponse():
            return (
                f"append! {term} after {render_id(message.prev_log_id)} "
                f"{_appended(message)}{_round(message.read_round)}"
            )
        case InstallSnapshotRequest(snapshot=snapshot):
            return f"install {term} {render_snapshot(snapshot)}{_round(message.read_round)}"
        case InstallSnapshotResponse(match=match):
            said = f"match {match}" if match else "refused"
            return f"install! {term} {said}{_round(message.read_round)}"
        case TimeoutNow():
            return f"timeout-now {term}"
        case unreachable:
            assert_never(unreachable)


def _granted(granted: bool) -> str:
    return "granted" if granted else "refused"


def _round(number: int) -> str:
    return f" round {number}" if number else ""


def _appended(message: AppendEntriesResponse) -> str:
    if message.success:
        return f"match {message.match}"
    if message.conflict is None:
        return "refused"
    return f"refused conflict {render_id(message.conflict)}"


# Events and effects.


def render_event(event: Event, at: NodeId = "") -> str:
    """What happened, at the server *at* (which completes the line of a message received)."""
    match event:
        case Received(message):
            return render_message(message, at)
        case TimerExpired(timer):
            return f"expired {timer.value}"
        case ClientRequested(requests):
            return "write " + ", ".join(f"r{ref} {len(command)}B" for ref, command in requests)
        case ConfigurationRequested(ref=ref, voters=voters, learners=learners, force=force):
            wanted = [*(node for node, _ in voters), *(f"+{node}" for node, _ in learners)]
            return f"configure r{ref} {{{' '.join(wanted)}}}{' by force' if force else ''}"
        case TransferRequested(ref, to):
            return f"transfer r{ref} {to or ''}".rstrip()
        case ReadRequested(refs):
            return "read " + " ".join(f"r{ref}" for ref in refs)
        case Persisted(write):
            return f"persisted #{write}"
        case StorageFailed(reason):
            return f"storage failed: {_one_line(reason)}"
        case SnapshotTaken(index):
            return f"snapshot taken {index}"
        case SnapshotSent(to, ok):
            return f"snapshot to {to} {'sent' if ok else 'not sent'}"
        case unreachable:
            assert_never(unreachable)


def render_effect(effect: Effect) -> str:
    """What is asked of the world; a send that waits for a write says which."""
    match effect:
        case Persist():
            return _persist(effect)
        case Send(to, message, after):
            return render_message(message, to) + _waiting(after)
        case SendSnapshot(to, message, after):
            return f"stream {render_message(message, to)}{_waiting(after)}"
        case Restore(snapshot):
            return f"restore {render_snapshot(snapshot)}"
        case Apply(entries):
            return f"apply {render_ids(entries)}"
        case Reply(ref, outcome):
            return f"reply r{ref} {render_outcome(outcome)}"
        case ReadReady(ref):
            return f"ready r{ref}"
        case ResetTimer(timer):
            return f"reset {timer.value}"
        case CancelTimer(timer):
            return f"cancel {timer.value}"
        case ConfigurationChanged(configuration, leaving):
            going = f", leaving {' '.join(node for node, _ in leaving)}" if leaving else ""
            return f"configuration {render_configuration(configuration)}{going}"
        case Halt(reason):
            return f"halt: {_one_line(reason)}"
        case unreachable:
            assert_never(unreachable)


def _waiting(after: WriteNumber | None) -> str:
    return "" if after is None else f" (after #{after})"


def _persist(write: Persist) -> str:
    parts = [
        _vote(write.vote) if write.vote else "",
        f"snapshot {render_snapshot(write.snapshot)}" if write.snapshot else "",
        f"base {render_id(write.base)}" if write.base else "",
        f"-{write.truncate_from}.." if write.truncate_from is not None else "",
        f"+{render_ids(write.entries)}" if write.entries else "",
    ]
    changes = ", ".join(part for part in parts if part)
    return f"persist #{write.write} {changes}".rstrip()


def _vote(vote: Vote) -> str:
    return f"vote t{vote.current_term}" + (f" {vote.voted_for}" if vote.voted_for else "")


def render_outcome(outcome: Outcome) -> str:
    """What a client is told: ``committed 4:2``, ``rejected not-leader, ask n2``, ``unknown``."""
    match outcome:
        case Committed(index, term):
            return f"committed {index}:{term}"
        case Rejected(reason, leader):
            return f"rejected {reason.value}{_ask(leader)}"
        case Unknown(leader):
            return f"unknown{_ask(leader)}"
        case HandedOver(to):
            return f"handed over to {to}"
        case unreachable:
            assert_never(unreachable)


def _ask(leader: NodeId | None) -> str:
    return f", ask {leader}" if leader else ""


def render_configuration(configuration: Configuration) -> str:
    """Voters, and learners with a plus: ``{n1 n2 +n4}``; a joint one as ``{n1 n2}->{n2 n3}``."""
    learners = (f"+{learner}" for learner in configuration.learners)
    members = "{" + " ".join([*configuration.voters, *learners]) + "}"
    if not configuration.is_joint:
        return members
    return "{" + " ".join(configuration.old_voters) + "}->" + members


def _one_line(text: str) -> str:
    return " ".join(text.split())
