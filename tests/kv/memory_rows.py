"""Durable rows in a dict, which take as long, and fail as, a schedule says."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, repeat

from anyio.lowlevel import checkpoint

from huffleraft.codec.digest import digest
from huffleraft.core.log import Snapshot
from huffleraft.core.types import LogIndex
from huffleraft.kv.roster import ROSTER_KEY
from huffleraft.ports import Flush, Row, Scanned, SessionRow, SnapshotCopy


@dataclass
class Copied:
    """All rows and sessions."""

    rows: dict[str, Row]
    sessions: dict[LogIndex, SessionRow]


def digest_of(rows: Mapping[str, Row], sessions: Mapping[LogIndex, SessionRow]) -> bytes:
    """The state hash, computed here from plain dicts."""
    return digest(
        (
            (key.encode(), row.value, row.version, row.changed_index)
            for key, row in sorted(rows.items(), key=lambda item: item[0].encode())
        ),
        ((id_, row.sequence, row.used_index, row.result) for id_, row in sorted(sessions.items())),
    )


class MemoryRows:
    """`ports.Rows` in memory.

    *pauses* says how many times each call in turn lets other tasks run, before it acts and after;
    `failures` what the next flushes raise, and whether after having written.  A copy is taken row
    by row, and stays in `copies` by its digest; `restore` takes the copy in `staged`.
    """

    def __init__(self, pauses: Iterable[int] = ()) -> None:
        self.rows: dict[str, Row] = {}
        self.session_rows: dict[LogIndex, SessionRow] = {}
        self.last_applied: LogIndex = 0
        self.fetched: list[tuple[str, ...]] = []
        self.flushes: list[Flush] = []
        self.flushes_begun = 0
        self.failures: list[tuple[Exception, bool]] = []
        self.copies: dict[bytes, Copied] = {}
        self.staged: Copied | None = None
        self._pauses: Iterator[int] = chain(pauses, repeat(0))

    async def fetch(self, keys: Collection[str]) -> Mapping[str, Row]:
        if ROSTER_KEY in keys and len(keys) == 1:  # a start's, which like `sessions` is at once
            return {key: self.rows[key] for key in keys if key in self.rows}
        self.fetched.append(tuple(keys))
        await self._pause()
        found = {key: self.rows[key] for key in keys if key in self.rows}
        await self._pause()
        return found

    async def scan(self, prefix: str, first: str, *, rows_max: int, bytes_max: int) -> Scanned:
        await self._pause()
        asked = [
            (key, row)
            for key, row in sorted(self.rows.items(), key=lambda item: item[0].encode())
            if key.startswith(prefix) and key.encode() >= first.encode()
        ]
        found = Scanned.of(asked, rows_max=rows_max, bytes_max=bytes_max)
        await self._pause()
        return found

    async def sessions(self) -> Mapping[LogIndex, SessionRow]:
        return dict(self.session_rows)

    async def flush(self, changes: Flush) -> None:
        self.flushes_begun += 1
        await self._pause()
        failure, written = self.failures.pop(0) if self.failures else (None, True)
        if written:
            self._write(changes)
        if failure is not None:
            raise failure
        await self._pause()

    async def digest(self) -> bytes:
        await self._pause()
        found = digest_of(self.rows, self.session_rows)
        await self._pause()
        return found

    async def copy_rows(self) -> SnapshotCopy:
        index = self.last_applied
        copied = Copied({}, {})
        for key in sorted(self.rows):
            if key in self.rows:
                copied.rows[key] = self.rows[key]
            await self._pause()
        copied.sessions.update(self.session_rows)
        found = digest_of(copied.rows, copied.sessions)
        self.copies[found] = copied
        return SnapshotCopy(index, 0, found)

    async def restore(self, snapshot: Snapshot) -> None:
        await self._pause()
        assert self.staged is not None
        self.rows, self.session_rows = dict(self.staged.rows), dict(self.staged.sessions)
        self.last_applied = snapshot.last_included_index
        await self._pause()

    def _write(self, changes: Flush) -> None:
        self.flushes.append(changes)
        assert changes.last_applied >= self.last_applied, "the rows never go back"
        self.last_applied = changes.last_applied
        for key, row in changes.rows.items():
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row
        for session, session_row in changes.sessions.items():
            if session_row is None:
                self.session_rows.pop(session, None)
            else:
                self.session_rows[session] = session_row

    async def _pause(self) -> None:
        for _ in range(next(self._pauses)):
            await checkpoint()
