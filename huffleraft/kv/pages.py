"""A page of keys, out of the rows on the disk and the newer ones in memory.

The disk's rows are as last flushed.  What was changed since, deletions included, is in the
overlay, and wins.  Where the disk has more rows than were read, nothing is known beyond the last
of them, so the page ends there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from huffleraft.core.types import LogIndex
from huffleraft.kv.queries import PAGE_BYTES_MAX, Listed, Page, Scan
from huffleraft.ports import Row, Scanned


def first_of(asked: Scan) -> str:
    """The least text that may be a key of the page: next to a text comes itself with a NUL."""
    return max(asked.prefix, asked.after + "\x00")


def is_asked(asked: Scan, key: str) -> bool:
    """Whether *key* is one of those that the page, or one behind it, holds."""
    return key.startswith(asked.prefix) and key > asked.after


def page_of(
    asked: Scan, disk: Scanned, changed: Mapping[str, Row | None], applied: LogIndex
) -> Page:
    """The page that *asked* asks for, at index *applied*.

    - *disk*: the rows on the disk from `first_of` on.
    - *changed*: what was changed of the keys asked for and is not on the disk; None was deleted.
    """
    horizon = None if disk.ended else disk.rows[-1][0]
    known = {key: row for key, row in changed.items() if horizon is None or key <= horizon}
    newest = {**dict(disk.rows), **known}
    present = sorted((key, row) for key, row in newest.items() if row is not None)
    shown = present if asked.values else list(_without_values(present))
    taken = Scanned.of(shown, rows_max=asked.limit, bytes_max=PAGE_BYTES_MAX)
    keys = tuple(
        Listed(key, row.version, row.changed_index, row.value if asked.values else None)
        for key, row in taken.rows
    )
    return Page(keys, horizon if taken.ended else keys[-1].key, applied)


def _without_values(rows: Iterable[tuple[str, Row]]) -> Iterable[tuple[str, Row]]:
    return ((key, Row(b"", row.version, row.changed_index)) for key, row in rows)
