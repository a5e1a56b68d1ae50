"""Leadership transfer: a leader hands its office to a voter of its choice.  §3.10

A leader that stops, or that somebody wants elsewhere, need not be missed for an election timeout
first.  It takes no more proposals, lets its target catch up, and says TimeoutNow; the target then
campaigns at once, and asks even those who still obey the old leader (§4.2.3).  An election is an
election: nothing here can make two leaders of one term, or elect whoever lacks what is committed.

What was proposed before is answered before TimeoutNow is said, so that a transfer leaves nobody
in doubt.  Reads go on: each is confirmed by a quorum in any case.
"""

from __future__ import annotations

from huffleraft.core.effects import (
    Reason,
    Rejected,
    Reply,
    ResetTimer,
    Send,
    Unknown,
)
from huffleraft.core.election import become_candidate
from huffleraft.core.events import TransferRequested
from huffleraft.core.in_force import may_campaign
from huffleraft.core.messages import TimeoutNow
from huffleraft.core.state import Installing, Leader, Progress, Server, Transfer, Transition
from huffleraft.core.types import NodeId, Timer, replace

# On the leader.


def transfer_request(server: Server, event: TransferRequested) -> Transition:
    """Begin to hand the office over, or say why not.

    Not while the members change: whom the new configuration does not name could not lead long,
    and the office would move as its voters do.

    §3.10.  Spec: ``TransferRequest``.
    """
    role = server.role
    if not isinstance(role, Leader):
        return _refused(server, event, Reason.NOT_LEADER)
    if role.transfer is not None:
        return _refused(server, event, Reason.TRANSFER_PENDING)
    others = [voter for voter in server.configuration.electors if voter != server.id]
    if not others or event.to not in (None, *others):
        return _refused(server, event, Reason.TARGET_INVALID)
    if server.commit_index < role.term_start:
        return _refused(server, event, Reason.NOT_READY)
    if server.configuration.is_joint or server.last_applied < server.membership.index:
        return _refused(server, event, Reason.CHANGE_PENDING)
    target = _best(server, role, others if event.to is None else [event.to])
    if target is None:
        return _refused(server, event, Reason.TARGET_BEHIND)
    role = replace(role, transfer=Transfer(event.ref, target))
    return replace(server, role=role), (ResetTimer(Timer.TRANSFER),)


def _refused(server: Server, event: TransferRequested, reason: Reason) -> Transition:
    return server, (Reply(event.ref, Rejected(reason, server.leader)),)


def _best(server: Server, role: Leader, voters: list[NodeId]) -> NodeId | None:
    """Of *voters* the one that holds most of the log; None if none can be caught up in time.

    Those who are silent, or lack much, would only have clients wait until the transfer expires.
    """
    table = dict(role.progress)
    able = [voter for voter in voters if _can_catch_up(server, table[voter])]
    return max(able, key=lambda voter: table[voter].match_index, default=None)


def _can_catch_up(server: Server, progress: Progress) -> bool:
    answers = progress.recently_active or progress.active_before
    least = server.commit_index - server.limits.promotion_lag
    installing = isinstance(progress.mode, Installing)
    return answers and not installing and progress.match_index >= least


def say_timeout_now(server: Server) -> Transition:
    """Tell the target to campaign, once it holds the whole log and no proposal is unanswered.

    Once: a second word could reach it when the office is not to move any more.

    §3.10.  Spec: ``TimeoutNow``.
    """
    role = server.role
    if not isinstance(role, Leader) or role.transfer is None or role.transfer.told:
        return server, ()
    target = role.transfer.to
    if role.proposals or dict(role.progress)[target].match_index < server.log.last_index:
        return server, ()
    role = replace(role, transfer=replace(role.transfer, told=True))
    message = TimeoutNow(server.id, server.current_term)
    return replace(server, role=role), (Send(target, message),)


def transfer_expired(server: Server) -> Transition:
    """The target has not taken over in time: lead on.

    If it was told to campaign it may still do so, now or when that word arrives.

    §3.10.  Spec: ``TransferExpired``.
    """
    role = server.role
    if not isinstance(role, Leader) or role.transfer is None:
        return server, ()
    told, ref = role.transfer.told, role.transfer.ref
    outcome = Unknown(server.id) if told else Rejected(Reason.TARGET_BEHIND, server.id)
    return replace(server, role=replace(role, transfer=None)), (Reply(ref, outcome),)


# On the target.


def handle_timeout_now(server: Server, message: TimeoutNow) -> Transition:
    """Campaign at once, without a pre-vote: the leader itself wants it.

    A late word, of a term that is over, moves nobody; nor does any word move who may not vote.

    §3.10, §4.2.2.  Spec: ``HandleTimeoutNow``.
    """
    assert message.term <= server.current_term, "update_term comes first"
    late = message.term < server.current_term
    if late or isinstance(server.role, Leader) or not may_campaign(server):
        return server, ()
    return become_candidate(server, leadership_transfer=True)
