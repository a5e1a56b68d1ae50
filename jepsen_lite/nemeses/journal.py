"""The journal of faults: what is about to be broken and how it is undone, before it is broken."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import msgspec

from jepsen_lite.jsonl import Lines, read_lines
from jepsen_lite.proxy import Link

FILE: Final = "faults.jsonl"


class Bite(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was measured of a fault: fields that do not concern its kind are left out.

    `gone` has the exit status of each killed node, `stood_still` the paused ones that the kernel
    showed as stopped.  `new_leader` leads in `new_term`, above the `old_term` in which somebody led
    when the fault began, and was first seen `after_ms` later.

    `behind` are the nodes whose log ended before the leader's began, when they were let back.  Of a
    change of members: who was seen `removed` and `joined`, the `voters` that a majority of
    themselves showed then, and `meanwhile` the faults that cut links as the removal was asked for.
    """

    bytes_held: int | None = None
    bytes_delayed: int | None = None
    gone: dict[str, int] | None = None
    stood_still: tuple[str, ...] | None = None
    new_leader: str | None = None
    new_term: int | None = None
    old_term: int | None = None
    after_ms: int | None = None
    behind: tuple[str, ...] | None = None
    removed: str | None = None
    joined: str | None = None
    voters: tuple[str, ...] | None = None
    meanwhile: tuple[str, ...] | None = None


class FaultRecord(msgspec.Struct, frozen=True):
    """One fault, as far as it is known; times are the run's, in nanoseconds.

    `begin_ns` is before the first node or link was touched, `end_ns` after the last was as before.
    """

    id: int
    kind: str
    track: str
    target: tuple[str, ...]
    nodes: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    begin_ns: int
    undo: str
    end_ns: int | None = None
    bit: Bite = Bite()
    did_bite: bool = False

    def is_on(self, time_ns: int) -> bool:
        """Whether it was on at *time_ns*."""
        return self.begin_ns <= time_ns and (self.end_ns is None or time_ns < self.end_ns)

    def cuts(self, link: Link) -> bool:
        """Whether *link* is one that it cut."""
        return (link.source, link.target) in self.links


class Journal(AbstractContextManager["Journal"]):
    """An open journal, closed with its block.

    `active` are the faults that are on, `closed` those that were undone.
    """

    def __init__(self, path: Path) -> None:
        self._lines = Lines(path)
        self._standing: dict[int, FaultRecord] = {}
        self.closed: list[FaultRecord] = []
        self._number = 0

    @property
    def active(self) -> tuple[FaultRecord, ...]:
        """What is broken now."""
        return tuple(self._standing.values())

    def next_id(self) -> int:
        """The number of a new fault, from 1."""
        self._number += 1
        return self._number

    def begin(self, record: FaultRecord) -> None:
        """*record* is about to be inflicted; when this returns, the file says how to undo it."""
        self._lines.append(record)
        self._standing[record.id] = record

    def end(self, record: FaultRecord) -> None:
        """*record* was undone."""
        self._lines.append(record)
        self._standing.pop(record.id, None)
        self.closed.append(record)

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._lines.close()


def read_faults(path: Path) -> tuple[FaultRecord, ...]:
    """Every fault of a journal, as its last line has it, in the order in which they began.

    Raises ValueError, naming the line that is no fault.
    """
    last = {record.id: record for record in read_lines(path, FaultRecord)}
    return tuple(sorted(last.values(), key=lambda record: record.begin_ns))
