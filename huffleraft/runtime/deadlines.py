"""Every request's deadline, at the price of one list append.

A cancel scope for each request would cost more than the request.  Deadlines are kept in
buckets of equal length instead, and one look at the earliest bucket tells what has expired.  A
deadline is met late by up to one bucket, never early; what was answered in time is simply
found finished when its bucket comes up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from huffleraft.runtime.timers import NEVER

_BUCKET = 0.02
"""Seconds: how late an expiry may be noticed."""


class Finishable(Protocol):
    """What a deadline can be set for."""

    @property
    def finished(self) -> bool:
        """Whether nothing is awaited any more."""
        ...


T = TypeVar("T", bound=Finishable)


class Deadlines(Generic[T]):
    """Buckets of what expires together, the earliest first."""

    __slots__ = ("_buckets", "next_due")

    def __init__(self) -> None:
        self._buckets: dict[int, list[T]] = {}
        self.next_due = NEVER
        """When the earliest bucket ends."""

    def add(self, deadline: float, item: T) -> None:
        """Expire *item* at *deadline*, unless it has finished by then."""
        number = int(deadline / _BUCKET) + 1
        bucket = self._buckets.get(number)
        if bucket is None:
            self._buckets[number] = [item]
            self.next_due = min(self.next_due, number * _BUCKET)
        else:
            bucket.append(item)

    def take_due(self, now: float) -> Iterator[T]:
        """Remove and yield everything unfinished whose deadline has passed by *now*."""
        while self.next_due <= now:
            first = min(self._buckets)
            expired = self._buckets.pop(first)
            self.next_due = min(self._buckets, default=NEVER) * _BUCKET
            for item in expired:
                if not item.finished:
                    yield item
