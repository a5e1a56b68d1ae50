"""How much of the disk a data directory takes, and for what."""

from __future__ import annotations

from dataclasses import dataclass

from huffleraft.store.database import PAGE_BYTES, Database
from huffleraft.store.directory import DataDirectory
from huffleraft.store.side_files import INCOMING, OUTGOING, PART, SideFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskUse:
    """Bytes of one data directory's files."""

    database: int
    free: int
    """Of the database's bytes, those that were used and will be used again before it grows."""
    write_ahead_log: int
    outgoing: int
    """The copy that is kept for peers."""
    incoming: int
    """The copy that is being received, or waits to be restored."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.database + self.write_ahead_log + self.outgoing + self.incoming


def disk_use(directory: DataDirectory, database: Database, files: SideFiles) -> DiskUse:
    """Measure it; in the writer's thread."""
    with database.errors():
        pages, free = database.pragma("page_count"), database.pragma("freelist_count")
    wal = directory.wal
    return DiskUse(
        database=pages * PAGE_BYTES,
        free=free * PAGE_BYTES,
        write_ahead_log=wal.stat().st_size if wal.exists() else 0,
        outgoing=files.size(OUTGOING),
        incoming=files.size(INCOMING) + files.size(PART),
    )
