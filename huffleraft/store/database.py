"""One SQLite connection, set up to lose nothing that it has acknowledged.

- `journal_mode=WAL` and `synchronous=FULL`: a commit returns after its frames are synced.
- `locking_mode=EXCLUSIVE`, and one connection for the life of the store: there is no shared
  memory file, and SQLite's bugs between connections (WAL-reset, before 3.51.3) are not ours.
- `wal_autocheckpoint=0`: SQLite swallows the errors of its automatic checkpoints, so they are
  asked for here, between commits, and what they say is looked at.
- The driver begins no transactions of its own (AUTOCOMMIT).  A commit of one statement is that
  statement; any other is bracketed by `transaction`.

Everything here runs in the one thread that made the connection; sqlite3 checks that.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, StaticPool, create_engine
from sqlalchemy.exc import DBAPIError

from huffleraft.errors import (
    DataDirLocked,
    DataDirUnwritable,
    HuffleraftError,
    StorageCorrupt,
    StorageFailed,
    StorageFull,
)

logger = logging.getLogger("huffleraft.store")

PAGE_BYTES = 4096

CHECKPOINT_FRAMES = 1000
"""Pages written to the log since the last checkpoint that make the next one due: 4 MB."""

_CACHE_KIB = 16 << 10


class Database:
    """The open database of one data directory."""

    def __init__(self, path: Path, *, page_limit: int | None = None) -> None:
        """Open it, or make an empty one.

        *page_limit* is a quota, in pages of 4,096 bytes, beyond which the disk counts as full;
        files beside the database have what it leaves.
        Raises DataDirLocked, DataDirUnwritable, StorageCorrupt or StorageFull.
        """
        self.path = path
        self.running = False  # set once the store is open: errors have another meaning then
        self._page_limit: int | None = None
        self._frames = 0  # written since the last checkpoint; an estimate, for when to make one
        self._engine: Engine = create_engine(
            "sqlite+pysqlite://",
            creator=self._connect,
            poolclass=StaticPool,
            isolation_level="AUTOCOMMIT",
        )
        with self.errors():
            self.connection: Connection = self._engine.connect()
            try:
                self._set_up(page_limit)
            except BaseException:
                self.close()
                raise

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=0, isolation_level=None)

    def _set_up(self, page_limit: int | None) -> None:
        self.pragma("locking_mode=EXCLUSIVE")
        self.pragma(f"page_size={PAGE_BYTES}")
        mode = self.pragma("journal_mode=WAL")
        if mode != "wal":
            raise DataDirUnwritable(str(self.path), f"SQLite offers no write-ahead log but {mode}")
        self.pragma("synchronous=FULL")
        self.pragma("wal_autocheckpoint=0")
        self.pragma("cell_size_check=ON")
        self.pragma(f"cache_size=-{_CACHE_KIB}")
        if page_limit is not None:
            self.limit_pages(page_limit)

    def close(self) -> None:
        """Close the connection.  SQLite folds the log into the file, if it can."""
        self.connection.close()
        self._engine.dispose()

    def pragma(self, text: str) -> Any:
        """Run a pragma; its first value, or None."""
        result = self.connection.exec_driver_sql(f"PRAGMA {text}")
        return result.scalar() if result.returns_rows else None

    def limit_pages(self, page_limit: int | None) -> None:
        """Set the quota anew, in pages; None lifts it."""
        self._page_limit = page_limit
        self.pragma(f"max_page_count={page_limit or (1 << 32) - 2}")

    def require_room(self, side_bytes: int) -> None:
        """Raise StorageFull if the quota does not allow for *side_bytes* beside the database."""
        if self._page_limit is None:
            return
        pages: int = self.pragma("page_count")
        if pages * PAGE_BYTES + side_bytes > self._page_limit * PAGE_BYTES:
            raise StorageFull(str(self.path.parent))

    # Writing.

    @contextmanager
    def transaction(self, frames: int) -> Iterator[Connection]:
        """Commit what is done inside, as one; on any error nothing of it is done.

        *frames* is about how many pages it writes.  Raises StorageFull if the disk is full,
        and StorageFailed for any other failure of SQLite.
        """
        with self.errors():
            self.connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.exec_driver_sql("COMMIT")
            except BaseException:
                self._roll_back()
                raise
        self.wrote(frames)

    def _roll_back(self) -> None:
        # After some errors SQLite has rolled back already.
        driver = self.connection.connection.driver_connection
        if driver is not None and driver.in_transaction:
            self.connection.exec_driver_sql("ROLLBACK")

    def wrote(self, frames: int) -> None:
        """Count *frames* towards the next checkpoint."""
        self._frames += frames

    @property
    def checkpoint_due(self) -> bool:
        """Whether so much was written that the log should be folded into the file."""
        return self._frames >= CHECKPOINT_FRAMES

    def checkpoint(self, mode: str = "PASSIVE") -> bool:
        """Copy the log's pages to the file, so that the log can begin again from its start.

        A full disk, or a checkpoint that could not be finished, is late: it is told to the log,
        and the answer is False.  Raises StorageFailed for anything else.
        """
        self._frames = 0
        try:
            with self.errors():
                result = self.connection.exec_driver_sql(f"PRAGMA wal_checkpoint({mode})").one()
        except StorageFull as full:
            logger.warning("checkpoint is late: %s", full)
            return False
        busy, frames, copied = result
        if busy or copied < frames:
            logger.warning("checkpoint copied %d of %d frames, busy %d", copied, frames, busy)
            return False
        return True

    # What SQLite's errors mean.

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Raise SQLite's errors by our names for them."""
        try:
            yield
        except DBAPIError as error:
            raise (self._meaning if self.running else self._meaning_at_open)(error) from error
        except UnicodeDecodeError as error:  # SQLite quotes a damaged file in what it says
            raise StorageCorrupt(self.path.name, "its structure", str(error)) from error

    def _meaning(self, error: DBAPIError) -> HuffleraftError:
        """In a running store a full disk is late, and all else is fatal (W13)."""
        if _code(error) == sqlite3.SQLITE_FULL:
            return StorageFull(str(self.path))
        return StorageFailed(_words(error))

    def _meaning_at_open(self, error: DBAPIError) -> HuffleraftError:
        """While a directory is opened nothing is promised yet, and more can be told apart."""
        match _code(error):
            case sqlite3.SQLITE_FULL:
                return StorageFull(str(self.path))
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return DataDirLocked(str(self.path.parent))
            case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
                return DataDirUnwritable(str(self.path.parent), _words(error))
            case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_NOMEM:
                return StorageFailed(_words(error))
            case _:
                return StorageCorrupt(self.path.name, "its structure", _words(error))


def _code(error: DBAPIError) -> int:
    """SQLite's primary result code."""
    code: int = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF


def _words(error: DBAPIError) -> str:
    """What SQLite says, with its name for it."""
    name = getattr(error.orig, "sqlite_errorname", type(error.orig).__name__)
    return f"{error.orig} ({name})"
