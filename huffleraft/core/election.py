"""Elections: how the cluster agrees on one leader a term, and keeps the one it has.

A server that misses its leader first asks whether it could win (PreVote, §9.6), and only then
enters a new term and asks for votes (§3.4).  Nobody helps depose a leader it has just heard
(§4.2.3), and a leader that a quorum no longer answers deposes itself (CheckQuorum, §6.2).
"""

from __future__ import annotations

from huffleraft.core.effects import CancelTimer, Effect, ResetTimer, Send
from huffleraft.core.in_force import let_go, may_campaign
from huffleraft.core.messages import (
    PreVoteRequest,
    PreVoteResponse,
    RequestVoteRequest,
    RequestVoteResponse,
)
from huffleraft.core.progress import begun_anew
from huffleraft.core.replication import extended
from huffleraft.core.roles import become_follower
from huffleraft.core.state import (
    Candidate,
    Follower,
    Leader,
    PreCandidate,
    Progress,
    Server,
    Transition,
)
from huffleraft.core.types import EntryId, Timer, Vote, replace

# Campaigning.


def timeout(server: Server) -> Transition:
    """Nobody was heard for an election timeout: campaign, beginning with a pre-vote.

    Who may not vote for long yet, or no longer, waits on; a leader's timer is a late one.

    F.2, C.4 (§3.4); §4.2.2; §9.6.  Spec: ``Timeout``.
    """
    if isinstance(server.role, Leader):
        return server, ()
    if not may_campaign(server):
        return server, (ResetTimer(Timer.ELECTION),)
    server = replace(server, role=PreCandidate(frozenset({server.id})))
    if server.configuration.is_quorum({server.id}):
        return become_candidate(server)
    request = PreVoteRequest(server.id, server.current_term, server.log.last_id)
    return server, (ResetTimer(Timer.ELECTION), *_to_electors(server, request))


def become_candidate(server: Server, *, leadership_transfer: bool = False) -> Transition:
    """Enter a new term, vote for ourselves, and ask for the votes of the others.

    With *leadership_transfer*, the leader wants it (§3.10), and the requests say so.

    C.1 (§3.4).  Spec: ``RequestVote``.
    """
    server = replace(
        server,
        vote=Vote(server.current_term + 1, server.id),
        role=Candidate(frozenset({server.id})),
    )
    if server.configuration.is_quorum({server.id}):
        return _become_leader(server)
    request = RequestVoteRequest(
        server.id, server.current_term, server.log.last_id, leadership_transfer
    )
    return server, (ResetTimer(Timer.ELECTION), *_to_electors(server, request))


def _become_leader(server: Server) -> Transition:
    """Take office: know nothing of the peers, and put a no-op in the log.

    The no-op is the first entry of this term, so what earlier terms left uncommitted can
    commit without waiting for a client (§3.6.2, §6.4).

    C.2, L.1 (§3.4).  Spec: ``BecomeLeader``.
    """
    log = server.log
    unknown = Progress(next_index=log.last_index + 1)
    uncommitted = log.between(server.commit_index + 1, log.last_index)
    role = Leader(
        progress=tuple((peer, unknown) for peer in server.peers),
        term_start=log.last_index + 1,
        uncommitted_bytes=sum(entry.size for entry in uncommitted),
    )
    return replace(server, log=extended(server, [None]), role=role), (
        CancelTimer(Timer.ELECTION),
        ResetTimer(Timer.HEARTBEAT),
        ResetTimer(Timer.CHECK_QUORUM),
    )


def _to_electors(
    server: Server, request: PreVoteRequest | RequestVoteRequest
) -> tuple[Effect, ...]:
    electors = server.configuration.electors
    return tuple(Send(elector, request) for elector in electors if elector != server.id)


# Voting.


def handle_pre_vote_request(server: Server, request: PreVoteRequest) -> Transition:
    """Say whether the sender could have our vote in the term after its own.

    It binds to nothing, so nothing changes: no vote, no timer.

    §9.6.  Spec: ``HandlePreVoteRequest``.
    """
    assert request.term <= server.current_term, "update_term comes first"
    granted = request.term == server.current_term and is_up_to_date(server, request.last_log_id)
    response = PreVoteResponse(server.id, server.current_term, granted)
    return server, (Send(request.source, response),)


def handle_request_vote_request(server: Server, request: RequestVoteRequest) -> Transition:
    """Decide whether a candidate gets our vote in this term.

    Figure 3.1, RequestVote RPC (§3.4, §3.6.1).  Spec: ``HandleRequestVoteRequest``.
    """
    assert request.term <= server.current_term, "update_term comes first"
    granted = (
        # RV.1: a candidate from the past gets nothing.
        request.term == server.current_term
        # RV.2: one vote a term, and only for a log at least as up-to-date as ours.
        and server.vote.voted_for in (None, request.source)
        and is_up_to_date(server, request.last_log_id)
    )
    response = RequestVoteResponse(server.id, server.current_term, granted)
    if not granted:
        return server, (Send(request.source, response),)
    server = replace(server, vote=Vote(server.current_term, request.source))
    if isinstance(server.role, PreCandidate):
        server = replace(server, role=Follower())
    # F.2: granting a vote postpones our own candidacy.
    return server, (Send(request.source, response), ResetTimer(Timer.ELECTION))


def is_up_to_date(server: Server, last_log_id: EntryId) -> bool:
    """Whether a log that ends in *last_log_id* holds all that ours may have committed.

    Ids compare as logs do: the later term, then the longer log (§3.6.1).  Our own log counts
    as it is in memory: the answer waits for its write.
    """
    return last_log_id >= server.log.last_id


# Counting.


def handle_pre_vote_response(server: Server, response: PreVoteResponse) -> Transition:
    """Count a promise that we could win; with a quorum of them, campaign in earnest.

    §9.6.  Spec: ``HandlePreVoteResponse``.
    """
    role = server.role
    if not (isinstance(role, PreCandidate) and response.vote_granted):
        return server, ()
    votes = role.votes_granted | {response.source}
    if server.configuration.is_quorum(votes):
        return become_candidate(server)
    return replace(server, role=PreCandidate(votes)), ()


def handle_request_vote_response(server: Server, response: RequestVoteResponse) -> Transition:
    """Count a vote of this term; with a quorum of them, lead.

    C.2 (§3.4).  Spec: ``HandleRequestVoteResponse``.
    """
    role = server.role
    if not (isinstance(role, Candidate) and response.vote_granted):
        return server, ()
    votes = role.votes_granted | {response.source}
    if server.configuration.is_quorum(votes):
        return _become_leader(server)
    return replace(server, role=Candidate(votes)), ()


# Staying in office.


def check_quorum(server: Server) -> Transition:
    """Step down unless a quorum has answered since the last look, and our own disk has too.

    A leader that nobody hears keeps its clients waiting for nothing; one whose disk stands
    still can apply nothing, while others could lead (W13).

    §6.2.  Spec: ``CheckQuorum``.
    """
    role = server.role
    if not isinstance(role, Leader):
        return server, ()
    active = {peer for peer, progress in role.progress if progress.recently_active}
    oldest = server.disk.outstanding[0].number if server.disk.outstanding else None
    disk_stands_still = oldest is not None and oldest == role.disk_witness
    if disk_stands_still or not server.configuration.is_quorum({server.id, *active}):
        return become_follower(server, leader=None, sticky=False)
    server, role = let_go(server, role)
    progress = tuple((peer, begun_anew(one)) for peer, one in role.progress)
    role = replace(role, progress=progress, disk_witness=oldest)
    return replace(server, role=role), (ResetTimer(Timer.CHECK_QUORUM),)


def forget_leader(server: Server) -> Transition:
    """A minimum election timeout has passed since the last word from a leader.  §4.2.3"""
    if not isinstance(server.role, Follower):
        return server, ()
    return replace(server, role=replace(server.role, sticky=False)), ()
