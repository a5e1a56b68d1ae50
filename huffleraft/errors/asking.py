"""What a client is told."""

from __future__ import annotations

from dataclasses import dataclass

from huffleraft.errors.base import Fact


@dataclass(eq=False)
class NotLeader(Fact):
    """This node does not lead; *leader_id* does, at *address*, as far as it knows."""

    code = "not-leader"
    leader_id: str | None = None
    address: str | None = None

    def __str__(self) -> str:
        if self.leader_id is None:
            return "this node does not lead and knows no leader; ask another node, or again later"
        where = f" at {self.address}" if self.address is not None else ""
        return f"this node does not lead; {self.leader_id}{where} does: send the request there"


@dataclass(eq=False)
class NoLeader(Fact):
    """The cluster has no leader that this node knows of: an election is due or under way."""

    code = "no-leader"
    retry_after_ms: int

    def __str__(self) -> str:
        return (
            "no leader is known, so nothing can be decided now; "
            f"try again in {self.retry_after_ms} ms"
        )


@dataclass(eq=False)
class Overloaded(Fact):
    """Too much waits to be committed; the request was not taken in."""

    code = "overloaded"
    retry_after_ms: int

    def __str__(self) -> str:
        return (
            "too many requests wait to be committed and this one was not taken in; "
            f"try again in {self.retry_after_ms} ms"
        )


@dataclass(eq=False)
class OutcomeUnknown(Fact):
    """The write may or may not take effect, now or later (the paper's Figure 8)."""

    code = "outcome-unknown"
    definite = False
    why: str

    def __str__(self) -> str:
        return (
            f"the write may or may not take effect: {self.why}; read before writing again, "
            "or write under a session"
        )


@dataclass(eq=False)
class ReadTimedOut(Fact):
    """The read found no leader confirmed in time.  It changed nothing."""

    code = "read-timed-out"
    seconds: float | None = None

    def __str__(self) -> str:
        limit = f" within {self.seconds:g} s" if self.seconds is not None else " in time"
        return f"no leader could be confirmed{limit}, so nothing was read; read again"


@dataclass(eq=False)
class InvalidKey(Fact):
    """A key that can never be one."""

    code = "invalid-key"
    why: str

    def __str__(self) -> str:
        return f"the key is not valid: {self.why}"


@dataclass(eq=False)
class ValueTooLarge(Fact):
    """A value above the limit.  Bytes."""

    code = "value-too-large"
    size: int
    limit: int

    def __str__(self) -> str:
        return (
            f"the value has {self.size} bytes and {self.limit} are allowed; "
            "store it in parts under several keys"
        )


@dataclass(eq=False)
class BadRequest(Fact):
    """A request that cannot be understood."""

    code = "bad-request"
    why: str

    def __str__(self) -> str:
        return f"the request cannot be understood: {self.why}"


@dataclass(eq=False)
class SequencePassed(Fact):
    """The session has gone on to a higher number, so this one's answer is no longer kept."""

    code = "sequence-passed"
    definite = False
    session: int
    sequence: int

    def __str__(self) -> str:
        return (
            f"session {self.session} has passed sequence {self.sequence}: whether it took effect "
            "is no longer known; use one higher number for each new write"
        )


@dataclass(eq=False)
class SessionUnknown(Fact):
    """The session ended, as the longest unused one of too many, or never began."""

    code = "session-unknown"
    definite = False
    session: int

    def __str__(self) -> str:
        return (
            f"session {self.session} has ended or never began, and with it what it knew of "
            "earlier writes; register a new one"
        )


@dataclass(eq=False)
class Stopping(Fact):
    """The node is being stopped and takes in nothing new."""

    code = "stopping"

    def __str__(self) -> str:
        return "this node is stopping and takes in nothing new; send the request to another"


@dataclass(eq=False)
class Halted(Fact):
    """The node stopped for good, because it can no longer keep its promises."""

    code = "halted"
    exit_code = 20
    reason: str = "its disk failed"

    def __str__(self) -> str:
        return f"this node has halted: {self.reason}; send the request to another"
