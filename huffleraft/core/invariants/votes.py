"""To whom votes go, and who takes office by them.  Figure 3.1, §3.4, §3.6.1, §4.2.3."""

from __future__ import annotations

from huffleraft.core.effects import (
    Effect,
    Send,
)
from huffleraft.core.events import Event, Received
from huffleraft.core.invariants.membership import decides
from huffleraft.core.invariants.violation import InvariantViolation, require
from huffleraft.core.messages import (
    PreVoteRequest,
    PreVoteResponse,
    RequestVoteRequest,
    RequestVoteResponse,
)
from huffleraft.core.state import Candidate, Leader, Server
from huffleraft.core.types import NodeId, Vote


def votes_are_earned(old: Server, event: Event, new: Server, effects: tuple[Effect, ...]) -> None:
    """RV.1, RV.2, §3.6.1, §4.2.3: to whom a vote goes; C.2: who may lead."""
    for effect in effects:
        if isinstance(effect, Send) and isinstance(
            effect.message, RequestVoteResponse | PreVoteResponse
        ):
            request = event.message if isinstance(event, Received) else None
            if not isinstance(request, RequestVoteRequest | PreVoteRequest):
                raise InvariantViolation("AnswersAreAnswers", f"{effect.message} for {event}")
            wanted = isinstance(request, RequestVoteRequest) and request.leadership_transfer
            require(
                wanted or not old.is_sticky, "LoyalToTheLeader", "{} answered {}", old.id, request
            )
            if effect.message.vote_granted:
                require(
                    request.last_log_id >= old.log.last_id and request.term == new.current_term,
                    "VoteForUpToDate",
                    "{}, whose log ends in {}, granted {}",
                    new.id,
                    old.log.last_id,
                    request,
                )
        if (
            isinstance(effect, Send)
            and isinstance(effect.message, RequestVoteResponse)
            and effect.message.vote_granted
        ):
            require(
                new.vote.voted_for == effect.to,
                "VoteOnce",
                "{} grants {}, having voted for {}",
                new.id,
                effect.to,
                new.vote.voted_for,
            )
    if isinstance(new.role, Leader) and not isinstance(old.role, Leader):
        _took_office_rightly(old, event, new)


def _took_office_rightly(old: Server, event: Event, new: Server) -> None:
    voters: set[NodeId] = {new.id}
    if isinstance(old.role, Candidate) and old.current_term == new.current_term:
        voters |= old.role.votes_granted
        if isinstance(event, Received) and isinstance(event.message, RequestVoteResponse):
            require(
                event.message.vote_granted and event.message.term == new.current_term,
                "VotesElect",
                "{} took office by {}",
                new.id,
                event.message,
            )
            voters.add(event.message.source)
    require(
        decides(old.configuration, voters) and new.vote == Vote(new.current_term, new.id),
        "VotesElect",
        "{} took office in term {} with votes of {}",
        new.id,
        new.current_term,
        sorted(voters),
    )
