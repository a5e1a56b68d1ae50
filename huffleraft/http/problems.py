"""What a client is told when it does not get what it asked: RFC 9457 problem documents.

Each has a stable ``code`` for programs, a sentence for people, and ``definite``: true says that
*this request* had and will have no effect.  Errors of the house become problems in `problem_of`,
by one table; what only HTTP can get wrong is named here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from huffleraft import errors

PROBLEM_TYPE: Final = b"application/problem+json"

_RETRY_MS = 100
"""The pause advised where the node itself knows no better one."""

_CALL_BACK_MS = 500
"""The pause advised before a newcomer that did not answer is called again."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal: its status, its stable code, and a sentence.

    `more` goes into the document besides, `headers` into the head of the response.
    """

    status: int
    code: str
    detail: str
    definite: bool = True
    more: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> bytes:
        """The body: a JSON object, and a newline for people at a terminal."""
        members = {
            "type": "about:blank",
            "title": self.code.replace("-", " "),
            "status": self.status,
            "code": self.code,
            "definite": self.definite,
            "detail": self.detail,
            **self.more,
        }
        return msgspec.json.encode(members) + b"\n"


# What only HTTP can get wrong.


def malformed(why: str) -> Problem:
    """Bytes that are no request."""
    return Problem(400, "bad-request", f"the request cannot be understood: {why}")


def refused(status: int, code: str, detail: str) -> Problem:
    """A request that was understood and is not taken."""
    return Problem(status, code, detail)


def head_too_large(limit: int, what: str) -> Problem:
    """More head than anybody needs."""
    return refused(431, "head-too-large", f"the request's head has more than {limit} {what}")


def body_too_large(size: int | None, limit: int) -> Problem:
    """More body than the route takes; *size* is None where it was never announced."""
    has = f"has {size} bytes" if size is not None else f"goes on beyond {limit} bytes"
    return refused(
        413,
        "value-too-large",
        f"the body {has} and {limit} are allowed; store the value in parts under several keys",
    )


def too_slow(what: str, seconds: float) -> Problem:
    """A request that did not arrive in time."""
    return refused(
        408, "request-timeout", f"{what} did not arrive within {seconds:g} s; send it again"
    )


def too_many_connections(limit: int) -> Problem:
    """No room for one more."""
    return _retry_later(
        "too-many-connections",
        f"this node has {limit} client connections and takes no more; try again in "
        f"{_RETRY_MS} ms, or ask another node",
        _RETRY_MS,
    )


def not_ready(reason: str, lag: int) -> Problem:
    """A node that may not be sent work yet; *lag* is in entries."""
    problem = _retry_later("not-ready", f"this node is not ready: {reason}", _RETRY_MS)
    return replace(problem, more={**problem.more, "reason": reason, "lag": lag})


def key_not_found() -> Problem:
    """A read of a key that is not there."""
    return refused(404, "key-not-found", "there is no such key")


def no_such_route(path: str) -> Problem:
    """A path that leads nowhere."""
    shown = path if len(path) <= 80 else path[:77] + "..."
    return refused(
        404,
        "no-such-route",
        f"there is nothing at {shown}; keys are at /v1/kv/KEY, the state of this node at "
        "/v1/status",
    )


def method_not_allowed(method: str, allowed: str) -> Problem:
    """A route that does not know the method; *allowed* lists those it does."""
    return Problem(
        405,
        "method-not-allowed",
        f"{method} is not possible here; {allowed} are",
        headers={"Allow": allowed},
    )


def mistaken() -> Problem:
    """A mistake of ours: nothing can be said of what it left behind."""
    return Problem(
        500,
        "internal-error",
        "this node made a mistake and its log says which; whether the request took effect is "
        "not known",
        definite=False,
    )


def _retry_later(code: str, detail: str, retry_after_ms: int) -> Problem:
    return Problem(
        503,
        code,
        detail,
        more={"retry_after_ms": retry_after_ms},
        headers={"Retry-After": str(math.ceil(retry_after_ms / 1000))},
    )


# What the house says.


def problem_of(error: errors.HuffleraftError, target: bytes = b"") -> Problem:
    """*error* as a client is told it; *target* is the request's own, for a redirect."""
    match error:
        case errors.NotLeader(leader, address) if address is not None:
            return Problem(
                307,
                error.code,
                str(error),
                more={"leader": leader, "leader_address": address},
                headers={"Location": f"http://{address}{target.decode('ascii')}"},
            )
        case errors.NotLeader() | errors.ReadTimedOut() | errors.Stopping() | errors.Halted():
            return _retry_later(error.code, str(error), _RETRY_MS)
        case errors.StorageFull():  # in a read that needs the disk: changes are only late (W13)
            return _retry_later(error.code, str(error), _RETRY_MS)
        case (
            errors.NoLeader(retry_after_ms)
            | errors.Overloaded(retry_after_ms)
            | errors.ChangePending(retry_after_ms)
            | errors.TransferPending(retry_after_ms)
        ):
            return _retry_later(error.code, str(error), retry_after_ms)
        case errors.MemberUnreachable():
            return _retry_later(error.code, str(error), _CALL_BACK_MS)
        case (
            errors.MemberRefused()
            | errors.MemberRemoved()
            | errors.QuorumAtRisk()
            | errors.TransferRefused()
        ):
            return Problem(409, error.code, str(error))
        case errors.NoSuchMember():
            return Problem(404, error.code, str(error))
        case errors.OutcomeUnknown() | errors.TransferUndecided():
            return Problem(504, error.code, str(error), definite=False)
        case errors.InvalidKey() | errors.BadRequest():
            return Problem(400, error.code, str(error))
        case errors.ValueTooLarge():
            return Problem(413, error.code, str(error))
        case errors.SessionUnknown() | errors.SequencePassed():
            return Problem(409, error.code, str(error), definite=False)
        case _:
            # Nothing else is meant for clients; whoever raised it knows whether it is definite.
            return Problem(500, error.code, str(error), definite=error.definite)
