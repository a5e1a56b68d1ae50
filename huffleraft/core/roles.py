"""How a server comes to follow, and what it owes when it leaves office.  Figure 3.3

Every way down leads through here: a leader answers all that its clients still wait for, then
its role value, with everything that only a leader knows, is gone.
"""

from __future__ import annotations

from huffleraft.core.effects import (
    CancelTimer,
    Effect,
    Halt,
    HandedOver,
    Outcome,
    Reason,
    Rejected,
    Reply,
    ResetTimer,
    Unknown,
)
from huffleraft.core.state import Follower, Leader, Server, Transfer, Transition
from huffleraft.core.types import NodeId, Term, Timer, Vote, replace


def update_term(server: Server, term: Term, leader: NodeId | None) -> Transition:
    """Enter the later *term* with no vote cast, as a follower of *leader*, or of nobody yet.

    Stickiness outlives the change: it was promised to a leader for a time, not for a term.

    ALL.2 (§3.3).  Spec: ``UpdateTerm``.
    """
    assert term > server.current_term, "terms only rise"
    follower = Follower(leader, _is_sticky_follower(server))
    farewell = _leave_office(server, leader, Reason.NOT_LEADER, deposed=True)
    return replace(server, vote=Vote(term), role=follower), farewell


def become_follower(server: Server, *, leader: NodeId | None, sticky: bool) -> Transition:
    """Follow *leader*, or wait for one.  A leader first leaves office."""
    follower = replace(server, role=Follower(leader, sticky))
    return follower, _leave_office(server, leader, Reason.NOT_LEADER)


def hear_from(server: Server, leader: NodeId) -> Transition:
    """Obey *leader*, whose term is ours, and be loyal to it for a while.

    F.2, C.3 (§3.4); stickiness: §4.2.3.
    """
    patience = (ResetTimer(Timer.ELECTION), ResetTimer(Timer.STICKINESS))
    if server.role == Follower(leader, sticky=True):
        return server, patience
    server, effects = become_follower(server, leader=leader, sticky=True)
    return server, (*effects, *patience)


def halt(server: Server, reason: str) -> Transition:
    """Stop for good: answer every request, then say so.  W13

    A proposal may still commit through copies elsewhere, so its outcome is unknown.
    """
    halted = replace(server, role=Follower())
    return halted, (*_leave_office(server, None, Reason.HALTED), Halt(reason))


def _is_sticky_follower(server: Server) -> bool:
    return isinstance(server.role, Follower) and server.role.sticky


def _leave_office(
    server: Server, leader: NodeId | None, reason: Reason, *, deposed: bool = False
) -> tuple[Effect, ...]:
    """Answer what a leader still owes; nothing for any other role.

    Every unfinished proposal is `Unknown`, never `Rejected`: even if its entry is truncated
    here it may commit from another log (W14; the paper's Figure 8).  A read had no effect.
    Who is *deposed* leaves to a later term.
    """
    role = server.role
    if not isinstance(role, Leader):
        return ()
    proposals = (Reply(ref, Unknown(leader)) for _, ref in role.proposals)
    reads = (Reply(ref, Rejected(reason, leader)) for ref in role.reads.refs())
    return (
        *proposals,
        *reads,
        *(_transfer_ends(role.transfer, leader, reason, deposed) if role.transfer else ()),
        CancelTimer(Timer.HEARTBEAT),
        CancelTimer(Timer.CHECK_QUORUM),
        ResetTimer(Timer.ELECTION),
    )


def _transfer_ends(
    transfer: Transfer, leader: NodeId | None, reason: Reason, deposed: bool
) -> tuple[Effect, ...]:
    """What became of a transfer: nothing, if nobody was told yet to campaign.  §3.10"""
    outcome: Outcome = HandedOver(transfer.to) if deposed else Unknown(leader)
    if not transfer.told:
        outcome = Rejected(reason, leader)
    return Reply(transfer.ref, outcome), CancelTimer(Timer.TRANSFER)
