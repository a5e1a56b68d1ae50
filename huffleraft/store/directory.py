"""The data directory: what is in it, and that one process at a time is.

Beside the database lies `identity.json`, written once, when the database is whole.  It answers
"whose directory is this" without opening the database, and "was there ever a database": an
empty or lost file in a directory that was founded is damage, and must not be founded again.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from huffleraft.codec.seals import seal
from huffleraft.errors import DataDirLocked, DataDirUnwritable, StorageCorrupt, StorageFull
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


@contextmanager
def os_errors(path: Path) -> Iterator[None]:
    """Raise the operating system's errors about the data directory *path* by our names for them."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(str(path)) from error
        raise DataDirUnwritable(str(path), error.strerror or str(error)) from error


class DataDirectory:
    """A data directory claimed by this process, until it is released."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def claim(cls, path: Path) -> DataDirectory:
        """Make the directory if need be, and take it.

        Raises DataDirLocked if somebody else has it, DataDirUnwritable or StorageFull if it
        cannot be had.  The lock is the kernel's (`flock`): it ends with the process, however
        that ends.
        """
        with os_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            directory = cls(path, lock)
            try:
                directory._lock_or_name_the_owner()
                directory.restore_wal()  # if a process was killed while it closed
            except BaseException:
                directory.release()
                raise
        return directory

    def _lock_or_name_the_owner(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(self._lock, 20, 0)
            pid = int(owner) if owner.strip().isdigit() else None
            raise DataDirLocked(str(self.path), pid) from error
        with suppress(OSError):  # the pid is for a person to read; a full disk may lack it
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

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
        if not self.wal.exists():
            return
        kept = self.path / KEPT_WAL
        try:
            os.link(self.wal, kept)
        except OSError:  # not every file system has second names
            shutil.copyfile(self.wal, kept)
            sync(kept)
        self.sync()

    def restore_wal(self) -> None:
        """Undo what closing a connection did to the log that `keep_wal` kept, if anything."""
        kept = self.path / KEPT_WAL
        if not kept.exists():
            return
        if self.wal.exists():
            kept.unlink()
        else:
            kept.rename(self.wal)
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
        sync(self.path)
        with suppress(PermissionError):  # the directory above may be another user's, who made ours
            sync(self.path.parent)


def sync(path: Path) -> None:
    """Make a file's content, or a directory's names, durable."""
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read_identity(data_dir: Path) -> Identity | None:
    """Whose directory this is, without opening it; None if it was never founded.

    Raises StorageCorrupt if the file that says so is damaged, DataDirUnwritable if it cannot be
    read.
    """
    with os_errors(data_dir):
        try:
            with (data_dir / IDENTITY).open("rb") as file:
                raw = file.read(_IDENTITY_BYTES_MAX)
        except (FileNotFoundError, NotADirectoryError):
            return None
    try:
        fields = msgspec.json.decode(raw, type=_IdentityFile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StorageCorrupt(IDENTITY, "its text", str(error)) from error
    identity = Identity(fields.node_id, fields.cluster_id)
    if fields.seal != _seal_of(identity):
        raise StorageCorrupt(IDENTITY, "its seal", "it does not match the ids")
    return identity


def file_sizes(data_dir: Path) -> dict[str, int]:
    """The bytes of the database, of its write-ahead log, and of all else in *data_dir*."""
    names = {DATABASE: "database", WAL: "write_ahead_log"}
    sizes = dict.fromkeys((*names.values(), "other"), 0)
    with os.scandir(data_dir) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # a copy that was done with in this very moment
                sizes[names.get(entry.name, "other")] += entry.stat(follow_symlinks=False).st_size
    return sizes


def _seal_of(identity: Identity) -> str:
    return seal("identity file", identity.node_id, identity.cluster_id).hex()
