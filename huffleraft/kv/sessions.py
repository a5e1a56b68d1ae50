"""Client sessions: a write sent twice is run once.  §6.3

A client that hears nothing must send again, and cannot know whether it is then heard twice.
Under a session each write bears a number, and the state machine keeps, with the rows, the
highest number that it ran and the answer it gave.  Sessions end without a clock: whenever there
are too many, or their answers hold too many bytes, the one unused for longest ends, at the same
entry of the log on every node.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Protocol

from huffleraft.core.types import LogIndex
from huffleraft.kv.limits import ANSWER_BYTES_MAX, SESSIONS_MAX
from huffleraft.ports import SessionRow


class SessionsView(Protocol):
    """What the pure machine may know of sessions."""

    def get(self, session: LogIndex) -> SessionRow | None:
        """The session's row; None if it ended or never began."""
        ...

    def ended_by(self, session: LogIndex, row: SessionRow) -> tuple[LogIndex, ...]:
        """The sessions that end when *session* becomes *row*, the oldest-used first."""
        ...


class Sessions:
    """All sessions, the oldest-used first.

    - The order is that of ``used_index``, which no two share: an entry uses one session.
    - ``answer_bytes`` is the sum of the kept answers' lengths.
    """

    __slots__ = ("_by_use", "answer_bytes")

    def __init__(self, rows: Mapping[LogIndex, SessionRow]) -> None:
        self._by_use = OrderedDict(sorted(rows.items(), key=lambda item: item[1].used_index))
        self.answer_bytes = sum(len(row.result) for row in rows.values())

    def get(self, session: LogIndex) -> SessionRow | None:
        """The session's row; None if it ended or never began."""
        return self._by_use.get(session)

    def ended_by(self, session: LogIndex, row: SessionRow) -> tuple[LogIndex, ...]:
        """The sessions that end when *session* becomes *row*, the oldest-used first.

        It changes nothing, and never names *session* itself: that one is the newest used.
        """
        held = self._by_use.get(session)
        count = len(self._by_use) + (held is None)
        size = self.answer_bytes + len(row.result) - (0 if held is None else len(held.result))
        if count <= SESSIONS_MAX and size <= ANSWER_BYTES_MAX:
            return ()
        ended: list[LogIndex] = []
        for other, kept in self._by_use.items():
            if other == session:
                continue
            ended.append(other)
            count -= 1
            size -= len(kept.result)
            if count <= SESSIONS_MAX and size <= ANSWER_BYTES_MAX:
                break
        return tuple(ended)

    def write(self, session: LogIndex, row: SessionRow | None) -> None:
        """Make *session* the newest used, as *row*; None ends it."""
        held = self._by_use.pop(session, None)
        if held is not None:
            self.answer_bytes -= len(held.result)
        if row is not None:
            self._by_use[session] = row
            self.answer_bytes += len(row.result)

    def __len__(self) -> int:
        return len(self._by_use)

    def __iter__(self) -> Iterator[LogIndex]:
        return iter(self._by_use)
