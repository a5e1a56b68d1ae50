"""What a leader learns of one peer, answer by answer.

Four facts move it: a request went out, an answer agreed, an answer refused, the stream of a
snapshot ended.  Each is one function from a `Progress` to the next; who is asked for what, and
when, is `replication`'s.
"""

from __future__ import annotations

from huffleraft.core.log import Log
from huffleraft.core.messages import (
    AppendEntriesRequest,
    AppendEntriesResponse,
    InstallSnapshotRequest,
    InstallSnapshotResponse,
)
from huffleraft.core.state import Installing, Probe, Progress, Replicate
from huffleraft.core.types import EntryId, Limits, LogIndex, replace


def may_send(progress: Progress, limits: Limits) -> bool:
    """Whether another request with entries may leave now, as far as this peer is concerned.

    A probe waits for its answer, since all after a wrong guess would be refused; a replicating
    peer may have a number of requests with entries under way; one that is installing a snapshot
    has no use for any.
    """
    match progress.mode:
        case Probe(waiting=waiting):
            return not waiting
        case Replicate(in_flight=in_flight):
            return len(in_flight) < limits.appends_in_flight
        case Installing():
            return False


def needs_snapshot(progress: Progress, log: Log) -> bool:
    """Whether the entry before the next one is gone from *log*, so that nothing can follow it."""
    return progress.next_index <= log.base.index


def must_gather(progress: Progress) -> bool:
    """Whether a request that is not full should wait, since an answer is on its way.

    What comes meanwhile joins it: under load requests fill up by themselves, and alone none
    waits (Nagle's rule; measured, it is the greatest lever on the cost of an operation).
    """
    return isinstance(progress.mode, Replicate) and bool(progress.mode.in_flight)


def must_announce(progress: Progress, commit_index: LogIndex) -> bool:
    """Whether the peer must be told *commit_index* now, in a request of its own if need be.

    At once where the logs are known to agree; elsewhere it could not be used.  While an answer
    is on its way it gathers too: it goes with what follows that answer, or alone if nothing does.
    """
    agrees = isinstance(progress.mode, Replicate) and not must_gather(progress)
    return agrees and progress.commit_sent < commit_index


def sent(progress: Progress, request: AppendEntriesRequest) -> Progress:
    """*request* went out.  A replicating peer is taken at its word: the next one follows on."""
    commit_sent = max(progress.commit_sent, request.leader_commit)
    match progress.mode:
        case Replicate(in_flight=in_flight) if request.entries:
            last = request.entries[-1].index
            mode = Replicate((*in_flight, last))
            return replace(progress, next_index=last + 1, mode=mode, commit_sent=commit_sent)
        case Replicate():
            return replace(progress, commit_sent=commit_sent)
        case Probe():
            return replace(progress, mode=Probe(waiting=True), commit_sent=commit_sent)
        case Installing():
            return replace(progress, commit_sent=commit_sent)


def stream_begun(progress: Progress, request: InstallSnapshotRequest) -> Progress:
    """A snapshot is on its way to the peer."""
    return replace(progress, mode=Installing(request.snapshot.last_included_index))


def stream_ended(progress: Progress, *, ok: bool) -> Progress:
    """The stream of a snapshot ended; that of an earlier leadership says nothing.

    What came whole is asked for at once.  What did not is tried again at the next heartbeat: a
    peer that is down must not be sent the same bytes in a loop.
    """
    if not isinstance(progress.mode, Installing):
        return progress
    if not ok:
        return replace(progress, mode=Probe(waiting=True))
    next_index = max(progress.next_index, progress.mode.last_included_index + 1)
    return replace(progress, next_index=next_index, mode=Probe())


def answered(
    progress: Progress, response: AppendEntriesResponse | InstallSnapshotResponse
) -> Progress:
    """The peer lives, and has recognised this leader in *response*'s read round.  §6.2, §6.4"""
    read_round = max(progress.read_round, response.read_round)
    return replace(progress, recently_active=True, read_round=read_round)


def begun_anew(progress: Progress) -> Progress:
    """The quorum was looked at: whether the peer lives is asked afresh.  §6.2"""
    return replace(progress, recently_active=False, active_before=progress.recently_active)


def agreed(progress: Progress, match: LogIndex, log: Log) -> Progress:
    """The peer's log equals ours up to *match*, durably; late answers change nothing.  L.3

    A peer that is installing a snapshot still needs it until it holds what *log* begins after.
    """
    match = max(progress.match_index, match)
    next_index = max(progress.next_index, match + 1)
    mode = progress.mode
    if not (isinstance(mode, Installing) and next_index <= log.base.index):
        in_flight = mode.in_flight if isinstance(mode, Replicate) else ()
        mode = Replicate(tuple(last for last in in_flight if last > match))
    return replace(progress, match_index=match, next_index=next_index, mode=mode)


def refused(progress: Progress, response: AppendEntriesResponse, log: Log) -> Progress:
    """The peer does not hold the request's `prev_log_id`: guess again, further back.  L.3, §3.5

    A refusal is late, and says nothing, if it speaks of what the peer has confirmed since, or
    of another guess than the one under way.  While a snapshot is on its way it only shows that
    the peer lives.
    """
    prev_index = response.prev_log_id.index
    if prev_index <= progress.match_index or isinstance(progress.mode, Installing):
        return progress
    if isinstance(progress.mode, Probe) and prev_index != progress.next_index - 1:
        return progress
    candidate = last_possible_agreement(log, response.conflict or response.prev_log_id)
    next_index = max(min(candidate + 1, prev_index), progress.match_index + 1)
    return replace(progress, next_index=next_index, mode=Probe())


def last_possible_agreement(log: Log, hint: EntryId) -> LogIndex:
    """The last index of *log* that may equal a log in which *hint* is the last candidate.

    Where the logs agree, terms are equal, and terms never fall along a log: so an entry of a
    later term than the hint's, at or before its index, cannot be held there.  It skips a whole
    term of mismatch at a time, on both sides (§3.5, the conflict optimisation).
    """
    index = min(hint.index, log.last_index)
    while index > log.base.index and (log.term_at(index) or 0) > hint.term:
        index -= 1
    return index
