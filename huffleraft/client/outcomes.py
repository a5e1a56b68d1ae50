"""What an operation of the client came to, and every request that it took to get there.

Whoever only wants the value reads the value.  Whoever judges a cluster wants to know besides who
answered, in which term, how often was asked, and what cannot be told from the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from huffleraft.errors import HuffleraftError

Standing: TypeAlias = Literal["voter", "learner", "leaving"]
"""What a member is; who is `leaving` votes until the change of voters is over."""

_PASSING: Final = frozenset({None, 307, 408, 503, 504})
"""Statuses of what passes by itself; None is no answer at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request, and what came of it.

    `definite` is a closed list: a whole answer of ours that is no error or says so itself, or no
    connection at all.  A reset, an end of file, somebody else's answer and our own deadline say
    nothing of what the node did.
    """

    endpoint: str
    """HOST:PORT that was asked."""
    code: str | None
    """None where it was answered as asked; else the problem's code, or `unreachable`,
    `connection-lost`, `timed-out`, `foreign-answer`."""
    definite: bool
    detail: str = ""
    status: int | None = None
    node: str | None = None
    """Who answered."""
    term: int | None = None
    index: int | None = None
    """Where the answer stands in the log; of an error, how far the node had applied."""

    @property
    def may_pass(self) -> bool:
        """Whether another try may do better; whatever else a node refuses, it refuses again."""
        return self.status in _PASSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What every operation that succeeded tells."""

    attempts: tuple[Attempt, ...]

    @property
    def served(self) -> Attempt:
        """The request that was answered: by whom, in which term, at which index."""
        return self.attempts[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(Outcome):
    """A key's value and its last change; all None where the key is missing."""

    value: bytes | None
    version: int | None
    index: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written(Outcome):
    """A key has its new value.  `replayed`: an earlier request of this operation had done it."""

    index: int
    version: int
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted(Outcome):
    """A key is not there."""

    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch(Outcome):
    """A compare-and-set found another value, and changed nothing."""

    current: bytes | None
    """What it found; None where the key was missing."""
    version: int | None
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One key of a page."""

    key: str
    version: int
    index: int
    """The log index of its last change."""
    value: bytes | None
    """None where values were not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Outcome):
    """Keys in the order of their UTF-8, all from the state at `index`."""

    keys: tuple[Listed, ...]
    """As many as were asked for, or fewer, even none, while there is a next page."""
    next: str | None
    """What to give as `after` for the next page; None where no key follows."""
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of the cluster."""

    node_id: str
    address: str
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster(Outcome):
    """Who belongs to the cluster, as the node that served knows it."""

    cluster_id: str
    leader: str | None
    index: int
    """Where in the log this was said."""
    joint: bool
    """Whether the voters are being changed."""
    members: tuple[Member, ...]
    """In the order of their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined(Outcome):
    """What one step of joining came to."""

    member: Member
    index: int
    retry_after: float | None
    """After how many seconds to ask for the next step; None where there is none."""

    @property
    def done(self) -> bool:
        """Whether it is what it was to be."""
        return self.retry_after is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Left(Outcome):
    """A node is no member."""

    node_id: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leads(Outcome):
    """A node leads the cluster."""

    node_id: str
    term: int


CasOutcome: TypeAlias = Written | Mismatch


class OperationFailed(HuffleraftError):  # noqa: N818  # a fact is named for what happened
    """An operation without success.

    - `code` is the last request's.
    - `definite`: it had and will have no effect, as no read has.  Where it is False, a write may
      have taken effect or may yet.
    - `attempts` are all its requests, in order; none if there was no time for one.
    """

    def __init__(self, operation: str, attempts: tuple[Attempt, ...], definite: bool) -> None:
        self.operation = operation
        self.attempts = attempts
        self.definite = definite
        self.code = (attempts[-1].code if attempts else None) or "timed-out"
        super().__init__(operation, attempts, definite)

    def __str__(self) -> str:
        effect = "it had no effect" if self.definite else "it may or may not have taken effect"
        requests = f"{len(self.attempts)} request" + ("s" if len(self.attempts) != 1 else "")
        detail = self.attempts[-1].detail if self.attempts else ""
        return f"{self.operation} failed after {requests} ({self.code}); {effect}" + (
            f": {detail}" if detail else ""
        )
