"""AppendEntries, both ways: how a leader's log becomes everybody's.  §3.5, §3.6.2

A leader appends what clients offer, sends each peer what it lacks, and counts copies; a
follower accepts what continues its log and drops what contradicts it.  Where a peer lacks what
the log no longer has, a snapshot goes in its place (`snapshot`).
"""

from __future__ import annotations

from collections.abc import Sequence

from huffleraft.core.effects import (
    Effect,
    Reason,
    Rejected,
    Reply,
    ResetTimer,
    Send,
    SendSnapshot,
)
from huffleraft.core.events import ClientRequested
from huffleraft.core.log import Entry, Log, Payload
from huffleraft.core.messages import (
    AppendEntriesRequest,
    AppendEntriesResponse,
    InstallSnapshotRequest,
)
from huffleraft.core.progress import (
    agreed,
    answered,
    last_possible_agreement,
    may_send,
    must_announce,
    must_gather,
    needs_snapshot,
    refused,
    sent,
    stream_begun,
)
from huffleraft.core.roles import halt, hear_from
from huffleraft.core.state import Leader, Probe, Progress, Replicate, Server, Transition
from huffleraft.core.types import EntryId, NodeId, Ref, Timer, replace

# On the leader: what clients offer.


def client_request(server: Server, event: ClientRequested) -> Transition:
    """Append clients' commands to the log, as many as the limits allow.

    A command that can never fit is refused alone; from the first that does not fit *now* on,
    all are, so that the accepted ones are a prefix.  While the office is being handed over none
    is accepted: the log has to stand still for its new holder to have all of it (§3.10).

    L.2 (§3.5).  Spec: ``ClientRequest``.
    """
    role = server.role
    if not isinstance(role, Leader):
        refusal = Rejected(Reason.NOT_LEADER, server.leader)
        return server, tuple(Reply(ref, refusal) for ref, _ in event.requests)
    if role.transfer is not None:
        refusal = Rejected(Reason.TRANSFER_PENDING, server.id)
        return server, tuple(Reply(ref, refusal) for ref, _ in event.requests)

    room = server.limits.uncommitted_bytes - role.uncommitted_bytes
    accepted: list[tuple[Ref, bytes]] = []
    refusals: list[Effect] = []
    overloaded = False
    for ref, command in event.requests:
        if len(command) > server.limits.command_bytes:
            refusals.append(Reply(ref, Rejected(Reason.TOO_LARGE, server.id)))
            continue
        overloaded = overloaded or len(command) > room
        if overloaded:
            refusals.append(Reply(ref, Rejected(Reason.OVERLOADED, server.id)))
            continue
        room -= len(command)
        accepted.append((ref, command))
    return _propose(server, role, accepted), tuple(refusals)


def _propose(server: Server, role: Leader, accepted: list[tuple[Ref, bytes]]) -> Server:
    first = server.log.last_index + 1
    proposals = tuple((first + place, ref) for place, (ref, _) in enumerate(accepted))
    role = replace(
        role,
        proposals=role.proposals + proposals,
        uncommitted_bytes=role.uncommitted_bytes + sum(len(command) for _, command in accepted),
    )
    return replace(server, log=extended(server, [command for _, command in accepted]), role=role)


def extended(server: Server, payloads: Sequence[Payload]) -> Log:
    """The log with *payloads* at its end, in the current term.  Leader Append-Only (Figure 3.2)"""
    first, term = server.log.last_index + 1, server.current_term
    return server.log.append(
        tuple(Entry(term, first + place, payload) for place, payload in enumerate(payloads))
    )


# On the leader: what peers are sent.


def heartbeat(server: Server) -> Transition:
    """Let every peer hear us, and every unanswered probe be asked again.

    A heartbeat is an empty append at ``next_index - 1``, so a lost append shows as a refusal.

    L.1 (§3.4).  Spec: ``AppendEntries``.
    """
    role = server.role
    if not isinstance(role, Leader):
        return server, ()
    progress = tuple(
        (peer, replace(one, mode=Probe()) if isinstance(one.mode, Probe) else one)
        for peer, one in role.progress
    )
    server = replace(server, role=replace(role, progress=progress))
    return server, (ResetTimer(Timer.HEARTBEAT),)


def append_entries(server: Server, *, speak: bool) -> Transition:
    """Send each peer what it lacks: entries as far as may be under way, and the commit index.

    With *speak*, a peer that would get nothing gets a heartbeat.

    L.1, L.3 (§3.5); batches and pipelining: §10.2.2; snapshots: §5.3.  Spec: ``AppendEntries``.
    """
    role = server.role
    if not isinstance(role, Leader):
        return server, ()
    sends: list[Effect] = []
    table: list[tuple[NodeId, Progress]] = []
    for peer, progress in role.progress:
        feed = _feed_snapshot if needs_snapshot(progress, server.log) else _feed
        fed, effects = feed(server, role, peer, progress, speak=speak)
        sends.extend(effects)
        table.append((peer, fed))
    if not sends:
        return server, ()
    return replace(server, role=replace(role, progress=tuple(table))), tuple(sends)


def _feed(
    server: Server, role: Leader, peer: NodeId, progress: Progress, *, speak: bool
) -> tuple[Progress, list[Effect]]:
    sends: list[Effect] = []
    while may_send(progress, server.limits):
        entries = next_batch(server, role, progress)
        if not entries and isinstance(progress.mode, Replicate):
            break
        request = _request(server, role, progress, entries)
        sends.append(Send(peer, request))
        progress = sent(progress, request)
    if not sends and (speak or must_announce(progress, server.commit_index)):
        request = _request(server, role, progress, ())
        sends.append(Send(peer, request))
        progress = sent(progress, request)
    return progress, sends


def _feed_snapshot(
    server: Server, role: Leader, peer: NodeId, progress: Progress, *, speak: bool
) -> tuple[Progress, list[Effect]]:
    """Begin the stream of a snapshot if none is under way, and let the peer hear us meanwhile."""
    sends: list[Effect] = []
    snapshot = server.snapshot
    assert snapshot is not None, "only a snapshot moves the log's base"
    if may_send(progress, server.limits):
        install = InstallSnapshotRequest(server.id, server.current_term, snapshot, role.reads.begun)
        sends.append(SendSnapshot(peer, install))
        progress = stream_begun(progress, install)
    if speak:
        request = _request(server, role, progress, ())
        sends.append(Send(peer, request))
        progress = sent(progress, request)
    return progress, sends


def _request(
    server: Server, role: Leader, progress: Progress, entries: tuple[Entry, ...]
) -> AppendEntriesRequest:
    # Who needs a snapshot hears us from the log's base on, and shows us once it holds that.
    prev_index = max(progress.next_index - 1, server.log.base.index)
    prev_term = server.log.term_at(prev_index)
    assert prev_term is not None, "it is within the log"
    return AppendEntriesRequest(
        source=server.id,
        term=server.current_term,
        prev_log_id=EntryId(prev_term, prev_index),
        entries=entries,
        leader_commit=server.commit_index,
        read_round=role.reads.begun,
    )


def next_batch(server: Server, role: Leader, progress: Progress) -> tuple[Entry, ...]:
    """The entries for the next request to a peer, within the limits; at least one if it lacks any.

    None while a request that would not be full had better wait.
    """
    limits, gathering = server.limits, must_gather(progress)
    if gathering and not _may_fill_a_request(server, role, progress):
        return ()
    first = progress.next_index
    entries = server.log.between(first, first + limits.entries_per_append - 1)
    size = 0
    for count, entry in enumerate(entries):
        size += entry.size
        if count and size > limits.bytes_per_append:
            return entries[:count]
    full = len(entries) == limits.entries_per_append or size >= limits.bytes_per_append
    return () if gathering and not full else entries


def _may_fill_a_request(server: Server, role: Leader, progress: Progress) -> bool:
    """Whether what a peer lacks may fill a request, told without looking at every entry of it.

    What is not committed has a known size; who lacks what is committed is looked at closely.
    """
    return (
        progress.next_index <= server.commit_index
        or role.uncommitted_bytes >= server.limits.bytes_per_append
        or server.log.last_index >= progress.next_index + server.limits.entries_per_append - 1
    )


# On the leader: what peers answer.


def handle_append_entries_response(server: Server, response: AppendEntriesResponse) -> Transition:
    """Learn what a peer holds; whatever follows from it, the end of the step sees.

    An answer from a server that the configuration does not name is never counted.

    L.3 (§3.5).  Spec: ``HandleAppendEntriesResponse``.
    """
    role = server.role
    if not isinstance(role, Leader):
        return server, ()
    table = dict(role.progress)
    progress = table.get(response.source)
    if progress is None:
        return server, ()
    progress = answered(progress, response)
    if response.success:
        match = min(response.match, server.log.last_index)
        table[response.source] = agreed(progress, match, server.log)
    else:
        table[response.source] = refused(progress, response, server.log)
    return replace(server, role=replace(role, progress=tuple(table.items()))), ()


def advance_commit_index(server: Server) -> Server:
    """Commit the last entry of this term that a quorum holds durably, and all before it.

    Copies of an entry from an earlier term prove nothing by their number (§3.6.2, the paper's
    Figure 8); they commit with the first of this term.  The leader counts itself as any other:
    up to what its own disk holds (W5, §10.2.1).

    L.4 (§3.6.2).  Spec: ``AdvanceCommitIndex``.
    """
    role = server.role
    if not isinstance(role, Leader):
        return server
    matched = {peer: progress.match_index for peer, progress in role.progress}
    matched[server.id] = server.disk.last_index
    index = server.configuration.reached_by_quorum(lambda voter: matched.get(voter, 0))
    if index <= server.commit_index or server.log.term_at(index) != server.current_term:
        return server
    newly = sum(entry.size for entry in server.log.between(server.commit_index + 1, index))
    role = replace(role, uncommitted_bytes=role.uncommitted_bytes - newly)
    return replace(server, commit_index=index, role=role)


# On the follower.


def handle_append_entries_request(server: Server, request: AppendEntriesRequest) -> Transition:
    """Accept a leader's entries where they continue our log; say where to look if they do not.

    Figure 3.1, AppendEntries RPC (§3.5).  Spec: ``HandleAppendEntriesRequest``.
    """
    assert request.term <= server.current_term, "update_term comes first"
    # AE.1: a leader from the past learns our term.
    if request.term < server.current_term:
        return server, (_refusal(server, request, conflict=None),)
    if isinstance(server.role, Leader):
        return halt(server, f"{request.source} leads term {server.current_term}, and so do I")

    server, heard = hear_from(server, request.source)
    # AE.2: without the entry before them, the new ones prove nothing.  What a snapshot stands
    # for is committed, and so is the same in the leader's log.
    prev_index, base_index = request.prev_log_id.index, server.log.base.index
    if prev_index >= base_index and not server.log.agrees_with(request.prev_log_id):
        conflict = conflict_hint(server.log, request.prev_log_id)
        return server, (*heard, _refusal(server, request, conflict))

    log = spliced(server.log, request.entries)
    if log.common_last_index(server.log) < server.commit_index:
        return halt(server, f"{request.source} contradicts what is committed here")
    # AE.5: what the leader has committed, as far as this request shows that we hold it.
    last_shown = request.prev_log_id.index + len(request.entries)
    commit_index = max(server.commit_index, min(request.leader_commit, last_shown))
    server = replace(server, log=log, commit_index=commit_index)
    response = AppendEntriesResponse(
        source=server.id,
        term=server.current_term,
        prev_log_id=request.prev_log_id,
        success=True,
        match=last_shown,
        conflict=None,
        read_round=request.read_round,
    )
    return server, (*heard, Send(request.source, response))


def spliced(log: Log, entries: tuple[Entry, ...]) -> Log:
    """*log* with *entries* in it: what it holds already stays, a contradiction goes.

    A stale request shorter than our log contradicts nothing, and truncates nothing.
    """
    for place, entry in enumerate(entries):
        if entry.index <= log.base.index:
            continue
        term = log.term_at(entry.index)
        # AE.3: an entry that contradicts goes, and all after it.
        if term is not None and term != entry.term:
            return log.truncated(entry.index).append(entries[place:])
        # AE.4: append what we do not hold.
        if term is None:
            return log.append(entries[place:])
    return log


def conflict_hint(log: Log, prev: EntryId) -> EntryId:
    """The last id of *log* that could still stand in a log that holds *prev*.  §3.5"""
    index = last_possible_agreement(log, prev)
    return EntryId(log.term_at(index) or 0, index)


def _refusal(server: Server, request: AppendEntriesRequest, conflict: EntryId | None) -> Send:
    response = AppendEntriesResponse(
        source=server.id,
        term=server.current_term,
        prev_log_id=request.prev_log_id,
        success=False,
        match=0,
        conflict=conflict,
        read_round=request.read_round,
    )
    return Send(request.source, response)
