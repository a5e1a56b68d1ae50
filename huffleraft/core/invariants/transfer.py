"""When an office may change hands, and what is said of it.  §3.10"""

from __future__ import annotations

from huffleraft.core.effects import Effect, HandedOver, Persist, Rejected, Reply, Send, Unknown
from huffleraft.core.events import Event, Received, TransferRequested
from huffleraft.core.invariants.membership import decides
from huffleraft.core.invariants.violation import InvariantViolation, require
from huffleraft.core.messages import RequestVoteRequest, TimeoutNow
from huffleraft.core.state import Follower, Leader, Server, Transfer


def transfers_are_right(
    old: Server, event: Event, new: Server, effects: tuple[Effect, ...]
) -> None:
    """All that this file knows of one step."""
    for effect in effects:
        if isinstance(effect, Send) and isinstance(effect.message, TimeoutNow):
            _is_told_rightly(old, new, effect)
    _the_log_stands_still(old, new, effects)
    _is_answered_truly(old, event, new, effects)
    _wanted_or_asked_before(old, event, new, effects)


def transfer_of(server: Server) -> Transfer | None:
    """The transfer that *server* has under way."""
    return server.role.transfer if isinstance(server.role, Leader) else None


def _is_told_rightly(old: Server, new: Server, send: Send) -> None:
    """To a voter that holds the whole log, once, and when no proposal is in doubt any more."""
    transfer, role = transfer_of(new), new.role
    if transfer is None or not isinstance(role, Leader):
        raise InvariantViolation("TransferIsAsked", f"{new.id} sends {send} unasked")
    before = transfer_of(old)
    require(
        send.to == transfer.to and transfer.told and not (before and before.told),
        "TimeoutNowOnce",
        "{} sends {} in {} after {}",
        new.id,
        send,
        transfer,
        before,
    )
    require(
        send.to in new.configuration.voters and not new.configuration.is_joint,
        "TransferToVoter",
        "{} sends {} under {}",
        new.id,
        send,
        new.configuration,
    )
    match = dict(role.progress)[send.to].match_index
    require(
        match == new.log.last_index == new.last_applied and not role.proposals,
        "TransferToCaughtUp",
        "{} sends {}: match {}, last {}, applied {}, owed {}",
        new.id,
        send,
        match,
        new.log.last_index,
        new.last_applied,
        role.proposals,
    )


def _the_log_stands_still(old: Server, new: Server, effects: tuple[Effect, ...]) -> None:
    """While the office is on its way its holder appends nothing, of clients or of its own."""
    if transfer_of(old) is None or not isinstance(new.role, Leader):
        return
    appended = [entry for one in effects if isinstance(one, Persist) for entry in one.entries]
    require(not appended, "TransferStillsTheLog", "{} appends {}", new.id, appended)


def _is_answered_truly(old: Server, event: Event, new: Server, effects: tuple[Effect, ...]) -> None:
    """Nothing was done, if it is said so; and the office was left, if that is said."""
    transfer = transfer_of(old)
    asked = event.ref if isinstance(event, TransferRequested) else None
    for effect in effects:
        if not isinstance(effect, Reply):
            continue
        outcome = effect.outcome
        if transfer is not None and effect.ref == transfer.ref:
            handed_over = HandedOver(transfer.to) == outcome
            require(
                (transfer.told and handed_over and new.current_term > old.current_term)
                or (transfer.told and isinstance(outcome, Unknown))
                or (not transfer.told and isinstance(outcome, Rejected)),
                "TransferAnswerIsTrue",
                "{} says {} of {}",
                new.id,
                outcome,
                transfer,
            )
        else:
            require(
                not isinstance(outcome, HandedOver)
                and (effect.ref != asked or isinstance(outcome, Rejected)),
                "TransferAnswerIsTrue",
                "{} says {} at {}",
                new.id,
                effect,
                event,
            )


def _wanted_or_asked_before(
    old: Server, event: Event, new: Server, effects: tuple[Effect, ...]
) -> None:
    """Who campaigns either was told to, and says so, or has had a quorum's pre-vote.  §9.6"""
    message = event.message if isinstance(event, Received) else None
    wanted = isinstance(message, TimeoutNow) and message.term == new.current_term - 1
    for effect in effects:
        if isinstance(effect, Send) and isinstance(effect.message, RequestVoteRequest):
            require(
                effect.message.leadership_transfer == wanted,
                "LoyaltyIsWaivedByTheLeader",
                "{} sends {} at {}",
                new.id,
                effect,
                event,
            )
    stands = new.vote.voted_for == new.id and new.current_term > old.current_term
    if stands and isinstance(old.role, Follower):
        require(
            wanted or decides(old.configuration, {old.id}),
            "PreVoteFirst",
            "{} campaigns at {}",
            old.id,
            event,
        )
