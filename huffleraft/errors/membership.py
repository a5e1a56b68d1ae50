"""What a change of members can meet."""

from __future__ import annotations

from dataclasses import dataclass

from huffleraft.errors.base import Fact


@dataclass(eq=False)
class ChangePending(Fact):
    """One change of members at a time, and another is under way, or its leader is new (§4.1)."""

    code = "change-pending"
    retry_after_ms: int

    def __str__(self) -> str:
        return (
            "another change of members is not finished, or the leader has only just been elected; "
            f"try again in {self.retry_after_ms} ms"
        )


@dataclass(eq=False)
class MemberRefused(Fact):
    """A member that cannot be let in, or cannot go."""

    code = "member-refused"
    exit_code = 22
    why: str

    def __str__(self) -> str:
        return self.why


@dataclass(eq=False)
class QuorumAtRisk(Fact):
    """After the change those who answer would be no quorum, so nothing could be decided."""

    code = "quorum-at-risk"
    why: str

    def __str__(self) -> str:
        return self.why


@dataclass(eq=False)
class NoSuchMember(Fact):
    """Nobody of this id is, or ever was, a member."""

    code = "no-such-member"
    node_id: str

    def __str__(self) -> str:
        return (
            f"{self.node_id} is not a member and never was one; `GET /v1/members` names those who "
            "are"
        )


@dataclass(eq=False)
class MemberUnreachable(Fact):
    """The newcomer does not answer where it says that others reach it."""

    code = "member-unreachable"
    address: str
    why: str

    def __str__(self) -> str:
        return (
            f"no node answers at {self.address}: {self.why}; start it, or name the address at "
            "which the members reach it"
        )
