"""Copies of a state in memory: the same bytes as the files', so that stores exchange them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO

from huffleraft.core.log import Snapshot
from huffleraft.core.types import LogIndex
from huffleraft.errors import SnapshotDamaged, StorageCorrupt
from huffleraft.ports import SnapshotCopy
from huffleraft.store.copies import CopyWriter, Page, read_pages


def written(pages: Iterable[Page], index: LogIndex) -> tuple[SnapshotCopy, bytes]:
    """The copy of *pages*, which stand at *index*, and its bytes."""
    writer = CopyWriter(index)
    parts = [writer.begin(), *map(writer.page, pages)]
    last, copy = writer.end()
    return copy, b"".join((*parts, last))


@dataclass(slots=True)
class MemoryStaged:
    """A copy on its way in."""

    snapshot: Snapshot
    copy: SnapshotCopy
    data: bytearray = field(default_factory=bytearray)
    waits: bool = False
    """It is whole and durable, and waits for its restore."""

    def pages(self) -> Iterator[Page]:
        """Its pages, each verified; SnapshotDamaged."""
        return read_pages(BytesIO(self.data), self.copy)

    def take(self, offset: int, data: bytes) -> None:
        """Take *data* if it is what is wanted next; SnapshotDamaged if it is too much."""
        if offset != len(self.data) or self.waits:
            return
        if offset + len(data) > self.copy.size:
            raise SnapshotDamaged(f"it goes on beyond the {self.copy.size} bytes announced")
        self.data += data

    def finish(self) -> None:
        """Verify it, and let it wait; SnapshotDamaged."""
        if len(self.data) != self.copy.size:
            raise SnapshotDamaged(f"{len(self.data)} of {self.copy.size} bytes have come")
        for _ in self.pages():
            pass
        self.waits = True


def waiting_pages(staged: MemoryStaged | None, snapshot: Snapshot) -> list[Page]:
    """The pages of *staged*, which must be whole, and *snapshot*'s; StorageCorrupt."""
    name, where = "the disk in memory", f"the copy of index {snapshot.last_included_index}"
    if staged is None or not staged.waits or staged.snapshot != snapshot:
        raise StorageCorrupt(name, where, "it is not there, and the rows are behind it")
    try:
        return list(staged.pages())
    except SnapshotDamaged as damaged:
        raise StorageCorrupt(name, where, damaged.what) from damaged
