"""The data directory: what is in it, and that one process at a time is.

Beside the database lies `identity.json`, written once, when the database is whole.  It answers
"whose directory is this" without opening the database, and "was there ever a database": an
empty or lost file in a directory that was founded is damage, and must not be founded again.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from huffleraft.codec.seals import seal
from huffleraft.errors import DataDirLocked, DataDirUnwritable, StorageCorrupt
from huffleraft.store.founding import Identity

DATABASE = "huffleraft.db"
WAL = "huffleraft.db-wal"
KEPT_WAL = "huffleraft.db-wal.kept"
IDENTITY = "identity.json"
LOCK = "lock"

_IDENTITY_BYTES_MAX = 4096


class _IdentityFile(msgspec.Struct, forbid_unknown_fields=True):
    node_id: str
    cluster_id: str
    seal: str


class DataDirectory:
    """A data directory claimed by this process, until it is released."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def claim(cls, path: Path) -> DataDirectory:
        """Make the directory if need be, and take it.

        Raises DataDirLocked if somebody else has it, DataDirUnwritable if it cannot be had.
        The lock is the kernel's (`flock`): it ends with the process, however that ends.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise DataDirUnwritable(str(path), error.strerror or str(error)) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(lock, 20, 0)
            os.close(lock)
            pid = int(owner) if owner.strip().isdigit() else None
            raise DataDirLocked(str(path), pid) from error
        with suppress(OSError):  # the pid is for a person to read; a full disk may lack it
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        directory = cls(path, lock)
        directory._restore_wal()
        return directory

    def release(self) -> None:
        """Let another process have it."""
        os.close(self._lock)

    @property
    def database(self) -> Path:
        """The database file."""
        return self.path / DATABASE

    @property
    def wal(self) -> Path:
        """The database's write-ahead log, as SQLite names it."""
        return self.path / WAL

    # SQLite folds the log into the database and removes it whenever a connection closes.

    def keep_wal(self) -> None:
        """Keep the write-ahead log's content by a second name while a connection closes."""
        with suppress(FileNotFoundError):
            os.link(self.wal, self.path / KEPT_WAL)
            self.sync()

    def _restore_wal(self) -> None:
        """Give the log that was kept its name again, unless SQLite did not remove it."""
        kept = self.path / KEPT_WAL
        try:
            if self.wal.exists():
                kept.unlink(missing_ok=True)
            elif kept.exists():
                kept.rename(self.wal)
        except OSError as error:
            raise DataDirUnwritable(str(self.path), error.strerror or str(error)) from error

    def restore_wal(self) -> None:
        """Undo what closing a connection did to the log that `keep_wal` kept."""
        self._restore_wal()
        self.sync()

    # Whose it is.

    def write_identity(self, identity: Identity) -> None:
        """Say for good that this directory is founded, and whose it is."""
        fields = {"node_id": identity.node_id, "cluster_id": identity.cluster_id}
        fields["seal"] = _seal_of(identity)
        draft = self.path / (IDENTITY + ".draft")
        with draft.open("w", encoding="utf-8") as file:
            file.write(json.dumps(fields, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path / IDENTITY)
        self.sync()

    def sync(self) -> None:
        """Make the names in the directory, and its own name, durable."""
        for path in (self.path, self.path.parent):
            directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)


def read_identity(data_dir: Path) -> Identity | None:
    """Whose directory this is, without opening it; None if it was never founded.

    Raises StorageCorrupt if the file that says so is damaged.
    """
    try:
        with (data_dir / IDENTITY).open("rb") as file:
            raw = file.read(_IDENTITY_BYTES_MAX)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DataDirUnwritable(str(data_dir), error.strerror or str(error)) from error
    try:
        fields = msgspec.json.decode(raw, type=_IdentityFile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StorageCorrupt(IDENTITY, "its text", str(error)) from error
    identity = Identity(fields.node_id, fields.cluster_id)
    if fields.seal != _seal_of(identity):
        raise StorageCorrupt(IDENTITY, "its seal", "it does not match the ids")
    return identity


def _seal_of(identity: Identity) -> str:
    return seal("identity file", identity.node_id, identity.cluster_id).hex()
