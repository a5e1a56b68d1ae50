"""A stopped node's directory, looked at without a change: not a byte, not a name, not the boot.

Opening a directory as a node does is a promise to go on from there; this is the opposite.

- The directory's lock is shared with other readers and held while one reads, so a node that runs
  is never looked at, and none can start meanwhile.
- Where the write-ahead log holds a commit, SQLite is given the database to read only, without
  locks of its own (the VFS `unix-none`) and in exclusive mode: the log's index is then kept in
  memory, and no file for it is made.  At its close SQLite tries to fold the log into the
  database, fails because that is open for reading alone, and so leaves the log where it is.
- Where the log holds no commit the database alone is the truth, and it is opened as `immutable`,
  so that SQLite does not even look for a log, which it would make or remove.
- What opening verifies is verified here, by the same functions: the log's frames before SQLite
  could drop any, SQLite's structure, every seal, and what the parts say of each other.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huffleraft.errors import ConfigurationInvalid, DataDirLocked
from huffleraft.ports import Recovered
from huffleraft.store import keyspace, wal
from huffleraft.store.database import Database
from huffleraft.store.directory import KEPT_WAL, LOCK, DataDirectory, os_errors, read_identity
from huffleraft.store.opening import examine, require_database

_WAL_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24


@dataclass(frozen=True, slots=True)
class Inspected:
    """A directory that was found sound, and what it holds."""

    holds: Recovered
    """As a start would find it, with the boot of the last one."""
    keys: int
    sessions: int
    write_ahead_log: wal.Scan
    files: dict[str, int]
    """The size of every file in the directory, in bytes."""
    state_hash: bytes
    """Of the flushed rows and sessions, which stand at `holds.last_applied`."""


class _ReadOnlyDatabase(Database):
    """A database that SQLite can only read."""

    def __init__(self, path: Path, *, with_log: bool) -> None:
        self._with_log = with_log
        super().__init__(path)

    def _connect(self) -> sqlite3.Connection:
        how = "mode=ro&vfs=unix-none" if self._with_log else "mode=ro&immutable=1"
        where = f"{self.path.absolute().as_uri()}?{how}"
        return sqlite3.connect(where, uri=True, timeout=0, isolation_level=None)

    def _set_up(self, page_limit: int | None) -> None:
        del page_limit  # nothing grows
        self.pragma("locking_mode=EXCLUSIVE")
        self.pragma("query_only=ON")
        self.pragma("cell_size_check=ON")


def inspect(path: Path) -> Inspected:
    """Verify and read the stopped directory *path*; nothing of it is changed.

    Raises DataDirLocked if a node has it open, ConfigurationInvalid if no node was founded in it
    or one was killed while it closed it, and StorageCorrupt, SchemaNewer and DataDirUnwritable
    as opening does.
    """
    with os_errors(path), _held(path) as directory:
        scan = wal.scan(directory.wal)
        require_database(directory, read_identity(path), scan)
        if not directory.database.exists():
            raise _no_node(path)
        database = _ReadOnlyDatabase(
            directory.database, with_log=_has_commit(directory.wal, scan.good)
        )
        try:
            with database.errors():
                holds = examine(directory, database, scan)
                count = database.connection.exec_driver_sql
                return Inspected(
                    holds=holds,
                    keys=count("SELECT count(*) FROM kv WHERE length(key) > 0").scalar_one(),
                    sessions=count("SELECT count(*) FROM session").scalar_one(),
                    write_ahead_log=scan,
                    files={one.name: one.stat().st_size for one in sorted(path.iterdir())},
                    state_hash=keyspace.state_digest(database.connection),
                )
        finally:
            database.close()


@contextmanager
def _held(path: Path) -> Iterator[DataDirectory]:
    """The directory, which no node can open meanwhile."""
    try:
        lock = os.open(path / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise _no_node(path) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock, 20, 0)
            pid = int(owner) if owner.strip().isdigit() else None
            raise DataDirLocked(str(path), pid) from None
        directory = DataDirectory(path, lock)
        if (path / KEPT_WAL).exists() and not directory.wal.exists():
            raise ConfigurationInvalid(
                f"a node was killed while it closed {path}, and its write-ahead log lies under "
                f"the name {KEPT_WAL}; start the node once, which puts it right"
            )
        yield directory
    finally:
        os.close(lock)


def _no_node(path: Path) -> ConfigurationInvalid:
    return ConfigurationInvalid(
        f"{path} is no node's data directory; name one that `huffleraft serve` has made"
    )


def _has_commit(log: Path, good: int) -> bool:
    """Whether one of the first *good* frames of *log* ends a transaction."""
    if not good:
        return False
    with log.open("rb") as file:
        page_bytes = struct.unpack(">I", file.read(_WAL_HEADER_BYTES)[8:12])[0]
        for _ in range(good):
            if any(file.read(_FRAME_HEADER_BYTES)[4:8]):
                return True
            file.seek(page_bytes, os.SEEK_CUR)
    return False
