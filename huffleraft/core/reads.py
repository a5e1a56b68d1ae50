"""ReadIndex: reads that are linearizable without a log entry.  §6.4

A leader may have been deposed without knowing.  So a read waits until a quorum has answered a
round of heartbeats that began after it arrived: then nobody else had been elected when it did,
and the commit index of that moment is as new as any.  All reads that wait share a round, and
the next begins when it ends.
"""

from __future__ import annotations

from huffleraft.core.effects import Effect, ReadReady, Reason, Rejected, Reply
from huffleraft.core.events import ReadRequested
from huffleraft.core.state import Leader, ReadRound, Reads, Server, Transition
from huffleraft.core.types import replace


def read_request(server: Server, event: ReadRequested) -> Transition:
    """Let the reads wait for a round that begins from now on (W15).  Spec: ``ReadRequest``."""
    role = server.role
    if not isinstance(role, Leader):
        refusal = Rejected(Reason.NOT_LEADER, server.leader)
        return server, tuple(Reply(ref, refusal) for ref in event.refs)
    reads = replace(role.reads, waiting=role.reads.waiting + event.refs)
    return replace(server, role=replace(role, reads=reads)), ()


def advance_rounds(server: Server) -> Server:
    """End the open round if a quorum has answered it, and begin the next if reads wait.

    A leader alone answers itself at once, so both may happen more than once.
    """
    role = server.role
    if not isinstance(role, Leader):
        return server
    before = reads = role.reads
    while True:
        if reads.open and reads.open.number <= _newest_confirmed(server, role, reads):
            reads = replace(reads, open=None, confirmed=(*reads.confirmed, reads.open))
        elif reads.waiting and reads.open is None:
            reads = _begin(server, role, reads)
        else:
            break
    if reads is before:
        return server
    return replace(server, role=replace(role, reads=reads))


def serve_reads(server: Server) -> Transition:
    """Serve the confirmed reads whose index is applied."""
    role = server.role
    if not isinstance(role, Leader) or not role.reads.confirmed:
        return server, ()
    ready = [one for one in role.reads.confirmed if one.read_index <= server.last_applied]
    if not ready:
        return server, ()
    later = tuple(one for one in role.reads.confirmed if one.read_index > server.last_applied)
    server = replace(server, role=replace(role, reads=replace(role.reads, confirmed=later)))
    effects: tuple[Effect, ...] = tuple(ReadReady(ref) for one in ready for ref in one.refs)
    return server, effects


def _begin(server: Server, role: Leader, reads: Reads) -> Reads:
    """Begin a round for all that wait.

    Its index is at least this term's first entry: before that commits, the leader does not
    know how far its predecessors committed.
    """
    number = reads.begun + 1
    read_index = max(server.commit_index, role.term_start)
    opened = ReadRound(number, read_index, reads.waiting)
    return replace(reads, begun=number, open=opened, waiting=())


def _newest_confirmed(server: Server, role: Leader, reads: Reads) -> int:
    """The newest round that a quorum has answered; this server answers itself at once."""
    answered = {peer: progress.read_round for peer, progress in role.progress}
    answered[server.id] = reads.begun
    return server.configuration.reached_by_quorum(lambda voter: answered.get(voter, 0))
