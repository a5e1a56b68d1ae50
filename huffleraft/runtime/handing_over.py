"""The wish that another node lead: as bytes, and what came of it in words (§3.10).

Why it is as it is: docs/decisions, 10.
"""

from __future__ import annotations

from huffleraft.core import NodeId, Reason, Ref, Server, TransferRequested
from huffleraft.errors import HuffleraftError, TransferRefused, TransferUndecided
from huffleraft.runtime.requests import Answer


def encode_target(to: NodeId | None) -> bytes:
    """*to* as the payload of a request."""
    return (to or "").encode()


def _target(payload: bytes) -> NodeId | None:
    # What is no id names no voter, and is refused as such.
    return payload.decode(errors="replace") or None


def event_for(ref: Ref, payload: bytes) -> TransferRequested:
    """What to ask the core so that the wish in *payload* comes true."""
    return TransferRequested(ref, _target(payload))


def answer_of(server: Server, leader: NodeId) -> Answer:
    """*leader* leads, or is about to, in the term that *server* has come to."""
    return Answer(leader.encode(), server.commit_index, server.current_term)


def refused(server: Server, payload: bytes, reason: Reason) -> Answer | HuffleraftError:
    """Why the office stays; who wants it where it is already has got that."""
    to = _target(payload)
    if to == server.id:
        return answer_of(server, server.id)
    if reason is Reason.TARGET_BEHIND:
        who = f"{to} does not answer, or lacks" if to else "no other voter answers, or all lack"
        return TransferRefused(
            f"{who} too much of the log to take over in time; {server.id} leads on: ask again when "
            "`GET /v1/status` of that node shows it near the leader's commit index"
        )
    if to is None:
        return TransferRefused(f"{server.id} is the only voter, so there is nobody to take over")
    return TransferRefused(
        f"{to} is no voter of this cluster, and only a voter can lead; `GET /v1/members` names them"
    )


def undecided(server: Server, payload: bytes) -> HuffleraftError:
    """The core does not know what became of it."""
    told = _target(payload) or "another node"
    return TransferUndecided(f"{told} was told to lead, and {server.id} has not seen it do so")
