r"""The copy on its way in: received in pieces, verified whole, and kept until it is installed.

A staged file is these bytes: ``b"huffleraft staged\n"``, format version (4 bytes), length of
the facts (4), the facts in MessagePack, their seal (16); then the copy as it was sent.  So the
data and what it is the data of share one name, one rename, one fate.

While it grows its name is ``incoming.part``.  It becomes ``incoming`` when all of it has been
verified and synced, and by that name it waits for its `restore`.  After a crash the database
says whether anything still waits for it; if nothing does it is a part again, which goes on
where it stopped, or is removed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from struct import Struct
from typing import Annotated, BinaryIO

import msgspec

from huffleraft.codec.fields import Number
from huffleraft.codec.seals import SEAL_BYTES, seal
from huffleraft.codec.snapshots import pack_snapshot, unpack_snapshot
from huffleraft.core.log import Snapshot
from huffleraft.core.types import LogIndex
from huffleraft.errors import FrameInvalid, SnapshotDamaged, StorageCorrupt, StorageFull
from huffleraft.ports import SnapshotCopy
from huffleraft.store.copies import Page, read_pages
from huffleraft.store.side_files import FOLDER, INCOMING, PART, SideFiles

_MAGIC = b"huffleraft staged\n"
_VERSION = 1
_HEADER = Struct(">18sII")
_FACTS_BYTES_MAX = 1 << 20

_SYNC_BYTES = 256 << 10
"""Received bytes that are synced together."""

_Facts = tuple[
    bytes,
    Number,
    Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)],
]
_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(_Facts)


@dataclass(frozen=True, slots=True)
class Staged:
    """What a staged file is the data of."""

    snapshot: Snapshot
    copy: SnapshotCopy


def _pack(staged: Staged) -> bytes:
    facts = _encode((pack_snapshot(staged.snapshot), staged.copy.size, staged.copy.digest))
    return _HEADER.pack(_MAGIC, _VERSION, len(facts)) + facts + seal("staged copy", facts)


def _unpack(file: BinaryIO) -> Staged:
    """The facts at the beginning of *file*, which then stands at the copy's first byte.

    Raises SnapshotDamaged.
    """
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise SnapshotDamaged("its header is cut short")
    magic, version, size = _HEADER.unpack(header)
    if (magic, version) != (_MAGIC, _VERSION) or size > _FACTS_BYTES_MAX:
        raise SnapshotDamaged("its header is not that of a staged copy")
    facts = file.read(size)
    if file.read(SEAL_BYTES) != seal("staged copy", facts):
        raise SnapshotDamaged("its facts do not match their seal")
    try:
        packed, copy_size, digest = _decoder.decode(facts)
        snapshot = unpack_snapshot(packed)
    except (msgspec.MsgspecError, FrameInvalid) as error:
        raise SnapshotDamaged(f"its facts: {error}") from error
    return Staged(snapshot, SnapshotCopy(snapshot.last_included_index, copy_size, digest))


class Staging:
    """At most one copy on its way in.  Everything here runs in the writer's thread."""

    def __init__(self, files: SideFiles) -> None:
        self._files = files
        self._staged: Staged | None = None
        self._waits = False  # it is whole and durable, and waits for its restore
        self._offset = 0  # of the bytes wanted next
        self._synced = 0

    # At opening: first nothing is changed, then nothing is kept that has lost its use.

    def require(self, snapshot: Snapshot) -> None:
        """Let the copy of *snapshot* wait; StorageCorrupt if it is not there, whole."""
        for _ in self.pages(snapshot):
            pass
        with self._files.reading(INCOMING) as file:
            staged = _unpack(file)
        self._become(staged, staged.copy.size)
        self._waits = True

    def tidy(self, last_applied: LogIndex) -> None:
        """Remove what nothing waits for and nobody can go on with, *last_applied* being durable."""
        for name in self._files.strangers():
            self._files.remove(name)
        if self._waits:
            self._files.remove(PART)
            return
        if self._files.exists(INCOMING):
            self._files.rename(INCOMING, PART)
        if not self._files.exists(PART):
            return
        with self._files.reading(PART) as file:
            try:
                staged = _unpack(file)
            except SnapshotDamaged:
                self._files.remove(PART)
                return
            offset = self._files.size(PART) - file.tell()
        if staged.copy.index > last_applied and offset <= staged.copy.size:
            self._become(staged, offset)
        else:
            self._files.remove(PART)

    # Receiving.

    def begin(self, snapshot: Snapshot, copy: SnapshotCopy) -> int | None:
        """The offset that is wanted next of *copy*; None if another waits for its restore."""
        wanted = Staged(snapshot, copy)
        if self._staged == wanted:
            return self._offset
        if self._waits:
            return None
        self.discard()
        try:
            self._files.create(PART)
            self._files.append(PART, _pack(wanted), durable=True)
        except BaseException:
            self._files.remove(PART)
            raise
        self._become(wanted, 0)
        return 0

    def take(self, offset: int, data: bytes) -> int | None:
        """Take the bytes from *offset* on; the offset wanted next, or None if nothing is received.

        Raises SnapshotDamaged for more bytes than were announced, and StorageFull; then nothing
        is left.
        """
        if self._staged is None:
            return None
        if offset != self._offset or self._waits:
            return self._offset
        with self._discarding():
            if offset + len(data) > self._staged.copy.size:
                size = self._staged.copy.size
                raise SnapshotDamaged(f"it goes on beyond the {size} bytes announced")
            durable = offset + len(data) - self._synced >= _SYNC_BYTES
            self._files.append(PART, data, durable=durable)
        self._offset += len(data)
        if durable:
            self._synced = self._offset
        return self._offset

    def finish(self) -> Generator[None, None, bool]:
        """Verify all that was received, a page for each step, and let it wait for its restore.

        False if nothing is received.  Raises SnapshotDamaged, and StorageFull; then nothing is
        left.  Given up between two steps, it can be finished again.
        """
        staged = self._staged
        if staged is None or self._waits:
            return self._waits
        with self._discarding():
            if self._offset != staged.copy.size:
                raise SnapshotDamaged(f"{self._offset} of {staged.copy.size} bytes have come")
            with self._files.reading(PART) as file:
                if _unpack(file) != staged:
                    raise SnapshotDamaged("its facts are not the ones that were announced")
                for _ in read_pages(file, staged.copy):
                    yield
            self._files.rename(PART, INCOMING)
        self._waits = True
        return True

    # Installing.

    @property
    def waiting(self) -> Snapshot | None:
        """The snapshot whose copy waits for its restore."""
        return self._staged.snapshot if self._staged is not None and self._waits else None

    def pages(self, snapshot: Snapshot) -> Generator[Page]:
        """The pages of the copy that waits, which must be *snapshot*'s, verified once more.

        Raises StorageCorrupt where they are not what was verified when they came.
        """
        name, where = f"{FOLDER}/{INCOMING}", f"the copy of index {snapshot.last_included_index}"
        if not self._files.exists(INCOMING):
            raise StorageCorrupt(name, where, "it is not there, and the rows are behind it")
        with self._files.reading(INCOMING) as file:
            try:
                staged = _unpack(file)
                if staged.snapshot == snapshot:
                    yield from read_pages(file, staged.copy)
                    return
            except SnapshotDamaged as damaged:
                raise StorageCorrupt(name, where, damaged.what) from damaged
        raise StorageCorrupt(name, where, f"it is that of {staged.snapshot} instead")

    def discard(self) -> None:
        """Let go of whatever is staged."""
        self._staged, self._waits = None, False
        self._files.remove(PART)
        self._files.remove(INCOMING)

    def _become(self, staged: Staged, offset: int) -> None:
        self._staged, self._offset, self._synced = staged, offset, offset

    @contextmanager
    def _discarding(self) -> Iterator[None]:
        try:
            yield
        except (SnapshotDamaged, StorageFull):
            self.discard()
            raise
