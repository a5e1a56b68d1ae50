"""The one way in: an event meets a server.

`step` finds the handler, and then does what every step ends with, whoever handled it: number
the write, commit what a quorum holds, begin and end read rounds, feed the peers, apply, answer,
hand over.
"""

from __future__ import annotations

from typing import assert_never

from huffleraft.core.durability import issue_write, persisted, stamp
from huffleraft.core.effects import (
    Apply,
    Committed,
    ConfigurationChanged,
    Effect,
    Reply,
    Restore,
)
from huffleraft.core.election import (
    check_quorum,
    forget_leader,
    handle_pre_vote_request,
    handle_pre_vote_response,
    handle_request_vote_request,
    handle_request_vote_response,
    timeout,
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
from huffleraft.core.in_force import adopt
from huffleraft.core.membership import configuration_request, leave_joint, must_announce, retire
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
from huffleraft.core.reads import advance_rounds, read_request, serve_reads
from huffleraft.core.replication import (
    advance_commit_index,
    append_entries,
    client_request,
    handle_append_entries_request,
    handle_append_entries_response,
    heartbeat,
)
from huffleraft.core.roles import halt, update_term
from huffleraft.core.snapshot import (
    handle_install_snapshot_request,
    handle_install_snapshot_response,
    snapshot_sent,
    snapshot_taken,
)
from huffleraft.core.state import Leader, Role, Server, Transition
from huffleraft.core.transfer import (
    handle_timeout_now,
    say_timeout_now,
    transfer_expired,
    transfer_request,
)
from huffleraft.core.types import LogIndex, Timer, replace


def step(server: Server, event: Event) -> Transition:
    """The server after *event*, and what it asks of the world, in the order to be carried out.

    Pure: equal arguments give equal results, and nothing else happens.  It raises nothing at a
    peer; an AssertionError means that this program is wrong, or that the embedder broke one of
    its obligations.
    """
    handled, effects = _handle(server, event)
    handled = leave_joint(advance_commit_index(handled))
    new, persist = issue_write(server, handled)
    new = advance_rounds(adopt(new, persist))
    new, sends = append_entries(new, speak=_must_speak(server, new, event))
    new, answers = _apply(new)
    new, word = say_timeout_now(new)
    new, farewell = retire(new)
    ordered = (*effects, *sends, *answers, *word, *farewell, *_configuration_change(server, new))
    writes = (persist,) if persist else ()
    return new, (*writes, *stamp(new, ordered))


# Finding the handler.


def _handle(server: Server, event: Event) -> Transition:
    match event:
        case Received(message):
            return _receive(server, message)
        case TimerExpired(timer):
            return _expire(server, timer)
        case ClientRequested():
            return client_request(server, event)
        case ConfigurationRequested():
            return configuration_request(server, event)
        case TransferRequested():
            return transfer_request(server, event)
        case ReadRequested():
            return read_request(server, event)
        case Persisted(write):
            return persisted(server, write), ()
        case StorageFailed(reason):
            return halt(server, reason)
        case SnapshotTaken():
            return snapshot_taken(server, event), ()
        case SnapshotSent():
            return snapshot_sent(server, event)
        case _:
            assert_never(event)


_CANDIDATES_ASK = (PreVoteRequest, RequestVoteRequest)
_LEADERS_SAY = (AppendEntriesRequest, TimeoutNow)


def _receive(server: Server, message: Message) -> Transition:
    """Answer a peer: stickiness first, then terms, then the message's own rules.  F.1

    Spec: ``Receive``, ``UpdateTerm``, ``DropStaleResponse``.
    """
    # §4.2.3: whoever has a leader neither votes nor even looks at the term, unless that leader
    # wants to be followed in office.
    if isinstance(message, _CANDIDATES_ASK) and server.is_sticky and not _by_transfer(message):
        return server, ()
    effects: tuple[Effect, ...] = ()
    # ALL.2: a later term makes anybody a follower in it, of its leader if that is who speaks.
    if message.term > server.current_term:
        leader = message.source if isinstance(message, _LEADERS_SAY) else None
        server, effects = update_term(server, message.term, leader)
    server, more = _dispatch(server, message)
    return server, (*effects, *more)


def _by_transfer(message: Message) -> bool:
    return isinstance(message, RequestVoteRequest) and message.leadership_transfer


def _dispatch(server: Server, message: Message) -> Transition:
    stale = message.term < server.current_term
    match message:
        case PreVoteRequest():
            return handle_pre_vote_request(server, message)
        case RequestVoteRequest():
            return handle_request_vote_request(server, message)
        case AppendEntriesRequest():
            return handle_append_entries_request(server, message)
        case InstallSnapshotRequest():
            return handle_install_snapshot_request(server, message)
        case TimeoutNow():
            return handle_timeout_now(server, message)
        # An answer from an earlier term is to a question nobody asks any more.
        case PreVoteResponse():
            return (server, ()) if stale else handle_pre_vote_response(server, message)
        case RequestVoteResponse():
            return (server, ()) if stale else handle_request_vote_response(server, message)
        case AppendEntriesResponse():
            return (server, ()) if stale else handle_append_entries_response(server, message)
        case InstallSnapshotResponse():
            return (server, ()) if stale else handle_install_snapshot_response(server, message)
        case _:
            assert_never(message)


def _expire(server: Server, timer: Timer) -> Transition:
    match timer:
        case Timer.ELECTION:
            return timeout(server)
        case Timer.HEARTBEAT:
            return heartbeat(server)
        case Timer.CHECK_QUORUM:
            return check_quorum(server)
        case Timer.STICKINESS:
            return forget_leader(server)
        case Timer.TRANSFER:
            return transfer_expired(server)
        case _:
            assert_never(timer)


# What every step ends with.


def _must_speak(old: Server, new: Server, event: Event) -> bool:
    """Whether every peer must hear from the leader now.

    A heartbeat is due, or a round began, or some have to hear that they left.
    """
    if not isinstance(new.role, Leader):
        return False
    if isinstance(event, TimerExpired) and event.timer is Timer.HEARTBEAT:
        return True
    if must_announce(old, new):
        return True
    begun_before = old.role.reads.begun if isinstance(old.role, Leader) else 0
    return new.role.reads.begun > begun_before


def _apply(server: Server) -> Transition:
    """Hand over what is committed *and* durable here, then answer those who waited for it.

    A machine must never be ahead of its own log (W10); an answer stands after the `Apply` it
    rests on (W14).

    ALL.1 (§3.5).  Spec: ``Apply``.
    """
    if server.last_applied < server.log.base.index:
        return _restore(server)
    upto = min(server.commit_index, server.disk.last_index)
    if upto <= server.last_applied:
        return serve_reads(server)
    entries = server.log.between(server.last_applied + 1, upto)
    role, replies = _answer_proposals(server, upto)
    server, reads = serve_reads(replace(server, last_applied=upto, role=role))
    return server, (Apply(entries), *replies, *reads)


def _restore(server: Server) -> Transition:
    """Replace the machine by an installed snapshot once that is durable, and go on from there.

    IS.8 (§5.3), W11.
    """
    snapshot = server.snapshot
    assert snapshot is not None, "only an installed snapshot moves the log's base past the machine"
    if server.disk.snapshot_index < snapshot.last_included_index:
        return server, ()
    server, effects = _apply(replace(server, last_applied=snapshot.last_included_index))
    return server, (Restore(snapshot), *effects)


def _answer_proposals(server: Server, upto: LogIndex) -> tuple[Role, list[Effect]]:
    """The role without the proposals up to index *upto*, and their answers.  L.2 (§3.5)"""
    role, replies = server.role, list[Effect]()
    if not isinstance(role, Leader) or not role.proposals or role.proposals[0][0] > upto:
        return role, replies
    for index, ref in role.proposals:
        if index > upto:
            break
        replies.append(Reply(ref, Committed(index, server.current_term)))
    return replace(role, proposals=role.proposals[len(replies) :]), replies


def _configuration_change(old: Server, new: Server) -> tuple[Effect, ...]:
    before, after = old.membership, new.membership
    if after is before or (after.configuration, after.leaving) == (
        before.configuration,
        before.leaving,
    ):
        return ()
    return (ConfigurationChanged(after.configuration, after.leaving),)
