"""Rows known to be as the disk has them, so many and no more; the longest unused go first.

It knows missing keys too: most first writes and many reads are of keys that are not there, and
asking the disk that again and again costs as much as asking for a row.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import Final, Literal, TypeAlias

from huffleraft.ports import Row


class _Unknown(Enum):
    UNKNOWN = "unknown"


UNKNOWN: Final = _Unknown.UNKNOWN
"""Not known here; None would say that the key is known to be missing."""

Known: TypeAlias = Row | Literal[_Unknown.UNKNOWN] | None


def size_of(key: str, row: Row | None) -> int:
    """Bytes that *key* with *row* counts for: characters and the value's bytes."""
    return len(key) + (0 if row is None else len(row.value))


class Cache:
    """The most recently used clean rows, at most *rows_max* and about *bytes_max*."""

    __slots__ = ("_bytes_max", "_rows", "_rows_max", "_size")

    def __init__(self, rows_max: int, bytes_max: int) -> None:
        self._rows: OrderedDict[str, Row | None] = OrderedDict()
        self._rows_max, self._bytes_max = rows_max, bytes_max
        self._size = 0

    def get(self, key: str) -> Known:
        """The row of *key*, None if it is missing, UNKNOWN if it is not held; a use of it."""
        row = self._rows.get(key, UNKNOWN)
        if row is not UNKNOWN:
            self._rows.move_to_end(key)
        return row

    def admit(self, key: str, row: Row | None) -> None:
        """Hold *key* as *row*, and let go of the longest unused beyond the bounds."""
        held = self._rows.pop(key, UNKNOWN)
        if held is not UNKNOWN:
            self._size -= size_of(key, held)
        self._rows[key] = row
        self._size += size_of(key, row)
        while len(self._rows) > self._rows_max or self._size > self._bytes_max:
            self._size -= size_of(*self._rows.popitem(last=False))

    def __len__(self) -> int:
        return len(self._rows)
