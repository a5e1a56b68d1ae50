"""What a client process wants, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from jepsen_lite.history import EventType
from jepsen_lite.values import Observed, Value

DEADLINE_SECONDS: Final = 0.8
"""After this long an operation is over, whatever is still under way."""

NODE_SECONDS: Final = 0.6
"""What a node is told to take, at most: so that its own word comes before our deadline."""

BACKOFF_SECONDS: Final = (0.02, 0.06)
"""The pause between two attempts, at least and at most."""

REDIRECTS_MAX: Final = 2
"""More of them in one operation would make a pinned client a roaming one."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One operation: *f* is read, write, cas or delete; *value* as its invoke has it."""

    f: str
    key: str
    value: object = None

    @property
    def changes(self) -> bool:
        """Whether it may have an effect."""
        return self.f != "read"

    def pair(self) -> tuple[Value, int | str]:
        """The old and the new value of a cas."""
        assert isinstance(self.value, tuple), "only a cas has two values"
        old, new = self.value
        return old, new


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an operation ended: `ok`, `fail` or `info`, as `jepsen_lite.history` means them.

    *value* is what a read saw.  *error* is for people, but for "mismatch" (then *observed* is what
    the cas saw).  The rest tells where the last word came from: which node spoke, in which term,
    of which index, after how many attempts, with which code.
    """

    type: EventType
    value: Value = None
    error: str | None = None
    observed: Observed | None = None
    code: str | None = None
    served_by: str | None = None
    term: int | None = None
    index: int | None = None
    attempts: int = 0
    session: int | None = None

    def extra(self) -> dict[str, object]:
        """The fields beside those that the format names; what is not known is left out."""
        told = {
            "served_by": self.served_by,
            "term": self.term,
            "index": self.index,
            "attempts": self.attempts,
            "session": self.session,
            "code": self.code,
        }
        return {name: value for name, value in told.items() if value is not None}


class Client(Protocol):
    """One client, used by one process: one operation at a time."""

    @property
    def node(self) -> str | None:
        """The node it is pinned to; None if it roams."""
        ...

    async def perform(self, wish: Wish) -> Outcome:
        """Do *wish*, or find out why not.  Raises nothing for what a node does."""
        ...

    async def close(self) -> None:
        """Let go of its connections."""
        ...
