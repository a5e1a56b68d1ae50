"""How far a small world goes: everything that happens in it is counted, and so is how often."""

from __future__ import annotations

from dataclasses import dataclass, fields

from huffleraft.core import (
    Message,
    NodeId,
    PreVoteRequest,
    PreVoteResponse,
    RequestVoteRequest,
    RequestVoteResponse,
    Term,
)

PRE_VOTES: tuple[type[Message], ...] = (PreVoteRequest, PreVoteResponse)
"""Only the question whether one could win takes no time."""
ELECTIONS: tuple[type[Message], ...] = (*PRE_VOTES, RequestVoteRequest, RequestVoteResponse)
"""Whoever can be elected is elected in one move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How often each of these may still happen, in the whole world."""

    crashes: int = 0
    proposals: int = 0
    reads: int = 0
    changes: int = 0
    snapshots: int = 0
    heartbeats: int = 0
    quorum_checks: int = 0


SPENT_ON = tuple(one.name for one in fields(Allowance))
"""The place of each in a state's tuple of what is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What may happen in a world, from how it begins to where it ends.

    - ``start``: how it begins, told in the language of golden scripts.
    - ``terms``: nobody campaigns in this term or a later one.
    - ``allowance``: how often everything else may happen.
    - ``writes``: so many may be under way on a slow disk, which finishes them one by one or several
      at once, at any time.  Whose disks are slow is told by the start.
    - ``candidates``: who may campaign; nobody named means everybody.
    - ``at_once``: what a campaign needs and does not wait for: the letters of these kinds go there
      and back between the candidate and as few others as it needs, and nowhere else.
    - ``wanted``: the configurations that somebody may ask for, each its voters.
    - ``symmetric``: nodes are told apart by what they know alone, not by their names.
    - ``forget``: letters that can never again mean anything are no part of a state.
    """

    start: str
    terms: Term
    allowance: Allowance = Allowance()
    writes: int = 2
    candidates: tuple[NodeId, ...] = ()
    at_once: tuple[type[Message], ...] = ELECTIONS
    wanted: tuple[tuple[NodeId, ...], ...] = ()
    symmetric: bool = False
    forget: bool = True
