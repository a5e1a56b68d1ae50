"""How the end of an operation travels back to the node that handed it on."""

from __future__ import annotations

from huffleraft.errors import (
    BadRequest,
    ChangePending,
    Halted,
    HuffleraftError,
    MemberRefused,
    MemberRemoved,
    NoSuchMember,
    Overloaded,
    QuorumAtRisk,
    TransferPending,
    TransferRefused,
    TransferUndecided,
)
from huffleraft.ports import Forwarded
from huffleraft.runtime.requests import (
    Answer,
    Request,
    change_pending,
    given_up,
    no_leader,
    overloaded,
    too_large,
    transfer_pending,
)
from huffleraft.settings import NodeSettings


def forwarded(number: int, outcome: Answer | HuffleraftError) -> Forwarded:
    """*outcome* as the answer to `Forward` number *number*."""
    if isinstance(outcome, Answer):
        return Forwarded(number, "ok", outcome.payload, outcome.index, outcome.term)
    name, rest = _named(outcome)
    return Forwarded(number, name, rest.encode(), 0, 0)


def _named(error: HuffleraftError) -> tuple[str, str]:
    match error:
        case Overloaded():
            return "overloaded", ""
        case BadRequest():
            return "too-large", ""
        case Halted():
            return "halted", ""
        case ChangePending():
            return "change-pending", ""
        case MemberRefused(why):
            return "member-refused", why
        case MemberRemoved(node_id):
            return "member-removed", node_id
        case QuorumAtRisk(why):
            return "quorum-at-risk", why
        case NoSuchMember(node_id):
            return "no-such-member", node_id
        case TransferPending():
            return "transfer-pending", ""
        case TransferRefused(why):
            return "transfer-refused", why
        case TransferUndecided(why):
            return "transfer-undecided", why
        case _:
            # Whoever stops, or has stopped leading, has done nothing with a definite request.
            return ("not-leader" if error.definite else "unknown"), ""


def meaning(
    answer: Forwarded, request: Request, settings: NodeSettings
) -> Answer | HuffleraftError:
    """What *answer* says of *request*, which was handed on."""
    rest = answer.payload
    match answer.outcome:
        case "ok":
            return Answer(rest, answer.index, answer.term)
        case "overloaded":
            return overloaded(settings)
        case "too-large":
            return too_large(len(request.payload), settings)
        case "not-leader" | "halted":
            return no_leader(settings)
        case "change-pending":
            return change_pending(settings)
        case "member-refused":
            return MemberRefused(rest.decode(errors="replace"))
        case "member-removed":
            return MemberRemoved(rest.decode(errors="replace"))
        case "quorum-at-risk":
            return QuorumAtRisk(rest.decode(errors="replace"))
        case "no-such-member":
            return NoSuchMember(rest.decode(errors="replace"))
        case "transfer-pending":
            return transfer_pending(settings)
        case "transfer-refused":
            return TransferRefused(rest.decode(errors="replace"))
        case "transfer-undecided":
            return TransferUndecided(rest.decode(errors="replace"))
        case _:
            return given_up(request, settings, "the leader could not say what became of it")
