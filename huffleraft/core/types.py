"""The words that everything else is said in: ids, terms, indexes, entries, limits.

These are plain values without behaviour worth a name, and `replace`, which makes one value
from another.  They rest on nothing, and every other file of the core rests on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

NodeId: TypeAlias = str
"""Names one node for as long as its disk lives; never given again (obligation O6)."""

Term: TypeAlias = int
"""Raft's logical clock: at most one leader in each.  Starts at 0; founders begin in 1.  §3.3"""

LogIndex: TypeAlias = int
"""A position in the log; the first entry is 1, and 0 stands before it.  §3.5"""

WriteNumber: TypeAlias = int
"""Counts this boot's writes from 1; write k durable implies every earlier one durable."""

Ref: TypeAlias = int
"""The embedder's name for one outstanding request; it never leaves the node (O6)."""


@dataclass(frozen=True, slots=True, order=True)
class EntryId:
    """Where an entry stands and which term made it; ordered as logs are compared.

    The field order *is* the rule of §3.6.1: the later term wins, and of equal terms the
    longer log.  Under Log Matching an id names one command and all that precedes it.
    """

    term: Term
    index: LogIndex


ORIGIN = EntryId(0, 0)
"""The id before the first entry, which all logs share."""


class Timer(Enum):
    """What may fall due.  Durations and dice belong to the embedder (obligations O4, O5)."""

    ELECTION = "election"
    """No leader was heard for a randomised while: campaign.  §3.4"""
    HEARTBEAT = "heartbeat"
    """The leader speaks, even with nothing to say.  §3.4"""
    CHECK_QUORUM = "check-quorum"
    """The leader asks itself whether a quorum, and its own disk, still answers.  §6.2"""
    STICKINESS = "stickiness"
    """For so long after hearing a leader a server helps nobody depose it.  §4.2.3"""
    TRANSFER = "transfer"
    """For so long a leader waits for the one it hands its office to.  §3.10"""


@dataclass(frozen=True, slots=True)
class Vote:
    """What must never be forgotten about elections.  Figure 3.1, persistent state; §3.8"""

    current_term: Term = 0
    voted_for: NodeId | None = None


_MAY_BE_NONE = ("trailing_entries", "promotion_lag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of anything may be under way.  Counts, and bytes of commands."""

    entries_per_append: int = 1024
    """Entries in one AppendEntries request, at most."""
    bytes_per_append: int = 1 << 20
    """Bytes of commands in one AppendEntries request; a single larger entry goes alone."""
    appends_in_flight: int = 8
    """Unanswered AppendEntries requests with entries, for each replicating peer."""
    uncommitted_bytes: int = 16 << 20
    """Bytes of commands appended here and not yet committed; beyond it requests are refused."""
    command_bytes: int = 2 << 20
    """Bytes of one command; a larger one is refused."""
    trailing_entries: int = 1000
    """Entries kept behind a snapshot, for peers that are a little late; may be 0."""
    promotion_lag: int = 1000
    """Entries that a learner may be behind the commit index and still become a voter; may be 0."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value, least = getattr(self, name), 0 if name in _MAY_BE_NONE else 1
            if value < least:
                msg = f"limit {name} is {value}; it must be at least {least}"
                raise ValueError(msg)
        if self.uncommitted_bytes < self.command_bytes:
            msg = (
                f"limit uncommitted_bytes is {self.uncommitted_bytes}; it must be at least "
                f"command_bytes ({self.command_bytes}), or the largest command never fits"
            )
            raise ValueError(msg)


# Making one value from another.

if TYPE_CHECKING:
    from dataclasses import replace as replace  # noqa: PLC0414 - to be imported from here
else:

    def replace(value: object, /, **changes: object) -> object:
        """A value like *value*, of a frozen class with slots, but for *changes*, by field.

        `dataclasses.replace` asks at every call what the fields are and sets each by its name;
        it was a third of a step.  Here both are looked up once a class.  It trusts the names:
        a misspelt one is for the type checker to find, to which the two are the same.
        """
        cls = type(value)
        new = object.__new__(cls)
        for name, get, put in _slots(cls):
            put(new, changes[name] if name in changes else get(value))
        return new


@cache
def _slots(cls: Any) -> tuple[tuple[str, Callable[..., Any], Callable[..., None]], ...]:
    slots = ((field.name, getattr(cls, field.name)) for field in fields(cls))
    return tuple((name, slot.__get__, slot.__set__) for name, slot in slots)
