"""What a node must never unlearn, as far as polls of it tell.

A poll shows what the node has in memory.  Its term, its commit and its applied index may be lost in
a crash before they are durable, and then it rightly comes back with less.  But nobody votes for a
candidate whose own vote in that term is not durable (W2), so a term in which it *led* stays; and a
boot is counted before anything else is done (O6).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jepsen_lite.cluster import Status, StatusSample


@dataclass(slots=True)
class Floor:
    """The most that a node was known to have.  *term*, *commit*, *applied* are of *boot* alone."""

    led: int = 0
    boot: int = 0
    term: int = 0
    commit: int = 0
    applied: int = 0

    def raise_to(self, status: Status) -> None:
        """The node was seen with *status*."""
        if status.role == "leader":
            self.led = max(self.led, status.term)
        if status.boot > self.boot:
            self.boot, self.term, self.commit, self.applied = status.boot, 0, 0, 0
        if status.boot == self.boot:
            self.term = max(self.term, status.term)
            self.commit = max(self.commit, status.commit_index)
            self.applied = max(self.applied, status.last_applied)

    def falls(self, status: Status) -> Iterator[str]:
        """What *status*, which was true after all that is known, has less of than it may."""
        if status.term < self.led:
            yield f"led term {self.led} and was in term {status.term} later"
        if status.boot < self.boot:
            yield f"was in boot {self.boot} and in boot {status.boot} later"
        if status.boot != self.boot:
            return
        for what, had, has in (
            ("term", self.term, status.term),
            ("commit", self.commit, status.commit_index),
            ("applied", self.applied, status.last_applied),
        ):
            if has < had:
                yield f"fell from {what} {had} to {has} in boot {self.boot}"


def falls(node: str, samples: Iterable[StatusSample]) -> list[str]:
    """What fell at *node* between two of its *samples*.

    Polls may overlap, so each is compared only with those that had ended before it began.
    """
    polls = [(one, one.status) for one in samples if one.node == node and one.status is not None]
    ended = deque(sorted(polls, key=lambda poll: poll[0].end_ns))
    floor = Floor()
    wrong: list[str] = []
    for sample, status in sorted(polls, key=lambda poll: poll[0].begin_ns):
        while ended and ended[0][0].end_ns <= sample.begin_ns:
            floor.raise_to(ended.popleft()[1])
        wrong += (f"{node} {fall}" for fall in floor.falls(status))
    return wrong
