"""Majorities: the one fact on which every safety argument of Raft rests.

Any two majorities of one set share a member (§3.2).  Whatever counts servers counts here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from huffleraft.core.types import NodeId


def majority(voters: int) -> int:
    """The least number of *voters* of which any two choices overlap."""
    return voters // 2 + 1


def is_majority(voters: Sequence[NodeId], servers: AbstractSet[NodeId]) -> bool:
    """Whether *servers* contain a majority of *voters*.  No voters have no majority."""
    agreeing = sum(voter in servers for voter in voters)
    return bool(voters) and agreeing >= majority(len(voters))


def reached_by_majority(voters: Sequence[NodeId], reached: Callable[[NodeId], int]) -> int:
    """The greatest number that a majority of *voters* has reached; 0 without voters.

    Sorted high to low, the mark at the majority's place is reached by all before it.
    """
    if not voters:
        return 0
    marks = sorted((reached(voter) for voter in voters), reverse=True)
    return marks[majority(len(voters)) - 1]
