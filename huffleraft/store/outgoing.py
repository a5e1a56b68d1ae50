"""The copy on its way out: made page by page from the durable rows, read at any offset.

It serves this run only.  After a restart nobody holds what `Outgoing.copy` was, so the file is
removed at the next opening, and no page of it is ever believed because of its name.  Each page
is synced all the same: a great deal of unsynced data would keep the log's next sync waiting.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

from huffleraft.core.types import LogIndex
from huffleraft.ports import SnapshotCopy
from huffleraft.store import facts, keyspace
from huffleraft.store.copies import CopyWriter, Page, page_of_rows, page_of_sessions
from huffleraft.store.database import Database
from huffleraft.store.side_files import OUTGOING, SideFiles


class Outgoing:
    """At most one copy, which is whole.  Everything here runs in the writer's thread."""

    def __init__(self, database: Database, files: SideFiles) -> None:
        self._database = database
        self._files = files
        self._copy: SnapshotCopy | None = None

    def make(self) -> Generator[None, None, SnapshotCopy]:
        """Copy all rows and sessions, a page for each step; the former copy goes first.

        One of the same index is returned instead.  Raises StorageFull, and RuntimeError if the
        rows were flushed between two steps; then nothing of it is left.
        """
        index = self._last_applied()
        if self._copy is not None and self._copy.index == index:
            return self._copy
        self._copy = None
        try:
            self._files.create(OUTGOING)
            made = yield from self._write(index)
        except BaseException:
            self._files.remove(OUTGOING)
            raise
        self._copy = made
        return made

    def read(self, copy: SnapshotCopy, offset: int, size: int) -> bytes | None:
        """At most *size* bytes of *copy* from *offset* on; None if it is gone."""
        if copy != self._copy:
            return None
        with self._files.reading(OUTGOING) as file:
            file.seek(offset)
            return file.read(size)

    def _write(self, index: LogIndex) -> Generator[None, None, SnapshotCopy]:
        writer = CopyWriter(index)
        self._files.append(OUTGOING, writer.begin(), durable=False)
        for page in self._pages():
            if self._last_applied() != index:
                raise RuntimeError("rows were flushed while they were copied")
            self._files.append(OUTGOING, writer.page(page), durable=True)
            yield
        last, made = writer.end()
        self._files.append(OUTGOING, last, durable=True)
        return made

    def _pages(self) -> Iterator[Page]:
        """All rows, then all sessions.  No query is open between two pages."""
        key: bytes | None = None
        while True:
            with (
                self._database.errors(),
                closing(keyspace.rows_after(self._database.connection, key)) as found,
            ):
                rows = page_of_rows(found)
            if not rows.records:
                break
            key = rows.records[-1][0]
            yield rows
        id_: LogIndex | None = None
        while True:
            with (
                self._database.errors(),
                closing(keyspace.sessions_after(self._database.connection, id_)) as ids,
            ):
                sessions = page_of_sessions(ids)
            if not sessions.records:
                return
            id_ = sessions.records[-1][0]
            yield sessions

    def _last_applied(self) -> LogIndex:
        with self._database.errors():
            return facts.read_last_applied(self._database.connection)
