"""The folder of copies beside the database: what lies there, how much, and who may add to it.

At most three files, each with one meaning by its name:

- ``outgoing``: a copy of this node's rows, for peers.  It is of use to this run only.
- ``incoming.part``: a copy that is being received.
- ``incoming``: one that was received whole and verified, and waits to be installed.

What a full disk leaves half written is removed by whoever wrote it.  Everything here runs in
the writer's thread.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from huffleraft.errors import StorageFailed, StorageFull
from huffleraft.store.database import Database
from huffleraft.store.directory import sync

FOLDER = "snapshots"
OUTGOING = "outgoing"
INCOMING = "incoming"
PART = "incoming.part"


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Raise errors about *path* by our names for them: a full disk is late, all else is fatal."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(str(path)) from error
        raise StorageFailed(f"{path.name}: {error.strerror or error}") from error


class SideFiles:
    """The folder of one data directory.  The database's quota, if any, counts what is here too."""

    def __init__(self, data_dir: Path, database: Database) -> None:
        self._folder = data_dir / FOLDER
        self._database = database

    def path(self, name: str) -> Path:
        """The file *name*, whether it is there or not."""
        return self._folder / name

    def size(self, name: str) -> int:
        """The file's size in bytes; 0 if it is not there."""
        try:
            return self.path(name).stat().st_size
        except FileNotFoundError:
            return 0

    def exists(self, name: str) -> bool:
        """Whether the file is there."""
        return self.path(name).exists()

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        """The file, which is there, to be read from its beginning."""
        with file_errors(self.path(name)), self.path(name).open("rb") as file:
            yield file

    def create(self, name: str) -> None:
        """Make the file *name*, empty, and its name durable; what it held before is gone."""
        with file_errors(self._folder):
            if not self._folder.is_dir():
                self._folder.mkdir()
                sync(self._folder.parent)
            self.path(name).write_bytes(b"")
            sync(self._folder)

    def append(self, name: str, data: bytes, *, durable: bool) -> None:
        """Add *data* to the end of the file, which is open to nobody else.

        Raises StorageFull, after which part of *data* may be there.
        """
        self._database.require_room(self._used() + len(data))
        with file_errors(self.path(name)), self.path(name).open("ab", buffering=0) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            if durable:
                os.fdatasync(file.fileno())

    def rename(self, name: str, to: str) -> None:
        """Give the file, made durable, another name, for good."""
        with file_errors(self.path(name)):
            sync(self.path(name))
            self.path(name).replace(self.path(to))
            sync(self._folder)

    def remove(self, name: str) -> None:
        """Remove the file, if it is there."""
        with file_errors(self.path(name)):
            try:
                self.path(name).unlink()
            except FileNotFoundError:
                return
            sync(self._folder)

    def strangers(self) -> tuple[str, ...]:
        """Names of all that no opening goes on from."""
        with file_errors(self._folder):
            if not self._folder.is_dir():
                return ()
            return tuple(
                entry.name for entry in self._folder.iterdir() if entry.name not in {INCOMING, PART}
            )

    def _used(self) -> int:
        return sum(map(self.size, (OUTGOING, INCOMING, PART)))
