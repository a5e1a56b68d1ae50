"""Snapshots: the log's beginning, replaced by what it came to.  Chapter 5

Every server takes its own, of what it has applied, and drops the entries that led there.  A
peer that needs them afterwards is sent the snapshot instead.  The data never comes here: the
core knows up to where a snapshot goes, in which term, and under which configuration.

Which line of Figure 5.3 is where: IS.1, IS.5 to IS.8 in `handle_install_snapshot_request`;
IS.2 to IS.4, the chunks, are the transport's.
"""

from __future__ import annotations

from huffleraft.core.effects import Send
from huffleraft.core.events import SnapshotSent, SnapshotTaken
from huffleraft.core.log import Log, Snapshot
from huffleraft.core.messages import InstallSnapshotRequest, InstallSnapshotResponse
from huffleraft.core.progress import agreed, answered, stream_ended
from huffleraft.core.roles import halt, hear_from
from huffleraft.core.state import Leader, Server, Transition
from huffleraft.core.types import EntryId, LogIndex, replace

# Our own.


def snapshot_taken(server: Server, event: SnapshotTaken) -> Server:
    """Let a durable copy of the machine stand for the log up to *event.index* (W11).

    A copy that was begun before a newer snapshot came, from here or from a leader, and ended
    after it, is void.  Some entries stay behind it, so that a peer a little late needs none.

    §5.1.  Spec: ``TakeSnapshot``.
    """
    index = event.index
    assert index <= server.last_applied, "the machine cannot be ahead of what it was given"
    if index <= _last_included(server):
        return server
    term = server.log.term_at(index)
    assert term is not None, "what was applied after the last snapshot is in the log"
    configuration = server.log.configuration_at(index, server.snapshot)
    base_index = max(index - server.limits.trailing_entries, server.log.base.index)
    base_term = server.log.term_at(base_index)
    assert base_term is not None, "the base itself is known"
    return replace(
        server,
        snapshot=Snapshot(index, term, configuration),
        log=server.log.compacted(EntryId(base_term, base_index)),
    )


def _last_included(server: Server) -> LogIndex:
    return server.snapshot.last_included_index if server.snapshot else 0


# A leader's, at the peer.


def handle_install_snapshot_request(server: Server, request: InstallSnapshotRequest) -> Transition:
    """Take a leader's snapshot in the place of the log's beginning, or of the whole log.

    One that includes no more than is known to be committed is already here, entry by entry.

    Figure 5.3, InstallSnapshot RPC (§5.3).  Spec: ``HandleInstallSnapshotRequest``.
    """
    assert request.term <= server.current_term, "update_term comes first"
    # IS.1: a leader from the past learns our term.
    if request.term < server.current_term:
        return server, (_response(server, request, match=0),)
    if isinstance(server.role, Leader):
        return halt(server, f"{request.source} leads term {server.current_term}, and so do I")

    server, heard = hear_from(server, request.source)
    snapshot = request.snapshot
    # IS.5: an older one would take the machine back.
    if snapshot.last_included_index > server.commit_index:
        server = _installed(server, snapshot)
    return server, (*heard, _response(server, request, match=snapshot.last_included_index))


def _installed(server: Server, snapshot: Snapshot) -> Server:
    """*snapshot* instead of what it includes; the machine follows once it is durable (IS.8).

    What is kept after it may yet be truncated, as it might have been before.
    """
    # IS.6: where the log holds the last entry included, all that follows it stays.
    if server.log.term_at(snapshot.last_included_index) == snapshot.last_included_term:
        log = server.log.compacted(snapshot.id)
    else:  # IS.7: else it tells of another past, and goes.
        log = Log(snapshot.id)
    return replace(server, snapshot=snapshot, log=log, commit_index=snapshot.last_included_index)


def _response(server: Server, request: InstallSnapshotRequest, match: LogIndex) -> Send:
    response = InstallSnapshotResponse(server.id, server.current_term, match, request.read_round)
    return Send(request.source, response)


# On the leader: what becomes of it.


def handle_install_snapshot_response(
    server: Server, response: InstallSnapshotResponse
) -> Transition:
    """Learn what the peer holds now.  Spec: ``HandleInstallSnapshotResponse``."""
    role = server.role
    if not isinstance(role, Leader):
        return server, ()
    table = dict(role.progress)
    progress = table.get(response.source)
    if progress is None:
        return server, ()
    progress = answered(progress, response)
    match = min(response.match, server.log.last_index)
    table[response.source] = agreed(progress, match, server.log) if match else progress
    return replace(server, role=replace(role, progress=tuple(table.items()))), ()


def snapshot_sent(server: Server, event: SnapshotSent) -> Transition:
    """A stream has ended: ask the peer what it holds, or wait for the next heartbeat to try again.

    Its word alone would be lost with one message, so no peer waits for it for ever.
    """
    role = server.role
    if not isinstance(role, Leader):
        return server, ()
    progress = tuple(
        (peer, stream_ended(one, ok=event.ok) if peer == event.to else one)
        for peer, one in role.progress
    )
    return replace(server, role=replace(role, progress=progress)), ()
