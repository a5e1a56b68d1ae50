"""What clients asked and how long it took, counted where it happens, as plain numbers.

This is on the path of every request, so it is two clock readings, a few additions and a search
in a short list; whoever wants to see the numbers comes and reads them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

OPERATIONS: Final[Mapping[str, str]] = {
    "GET": "get",
    "HEAD": "get",
    "PUT": "set",
    "DELETE": "delete",
}
"""What the methods do to a key; anything else, and any other path, counts as `other`."""

TIMED: Final = ("get", "set")
"""The operations whose latency is kept."""

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""The upper bounds of the latencies' buckets, in seconds; one more bucket has no bound."""


class Latencies:
    """A histogram: how many were within each bound and not within the one before."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """One more, which took *seconds*."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class Tally:
    """The requests that one node's port has answered."""

    __slots__ = ("latencies", "requests")

    def __init__(self) -> None:
        self.requests: dict[tuple[str, int], int] = {}
        """How many, by operation and status."""
        self.latencies = {operation: Latencies() for operation in TIMED}
        """Of those that were carried out: 200, or 404 for a key that is missing."""

    def count(self, operation: str, status: int, seconds: float) -> None:
        """One more request, answered with *status* after *seconds*."""
        which = (operation, status)
        self.requests[which] = self.requests.get(which, 0) + 1
        if status in (200, 404) and (latencies := self.latencies.get(operation)) is not None:
            latencies.add(seconds)
