r"""The format of a copy: all rows and sessions at one index, as a file that can be streamed.

A copy is these bytes, all integers unsigned and big-endian:

- the header: ``b"huffleraft copy\n"``, format version (4 bytes), index (8);
- pages, each: kind (1 byte), body length (4), body, seal (16):

  - ``"r"``: rows, as a MessagePack array of [key, value, version, changed_index];
  - ``"s"``: sessions, as an array of [id, sequence, used_index, result];
  - ``"e"``, the last and once: [number of rows, number of sessions].

Keys ascend through all the pages of rows, then ids through all those of sessions.  A page ends
with the record that fills it, so equal states at equal indexes are equal files, whoever wrote
them.  Each seal covers the one before it, so no page can be lost, repeated or moved.

Whoever reads one trusts nothing: a length is judged before anything is read or allocated for
it, and a record that is younger than the index belongs to another moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Annotated, BinaryIO, Final, TypeAlias, TypeVar

import msgspec

from huffleraft.codec.digest import KeyRow, SessionRecord
from huffleraft.codec.fields import Number
from huffleraft.codec.seals import SEAL_BYTES, seal
from huffleraft.core.types import LogIndex
from huffleraft.errors import SnapshotDamaged
from huffleraft.ports import SnapshotCopy

T = TypeVar("T")

PAGE_BYTES: Final = 64 << 10
"""Bytes of keys, values and answers that fill a page; the last record may go beyond."""

_BODY_BYTES_MAX = 4 << 20
"""A page holds less than `PAGE_BYTES` and one record, whose value has a mebibyte at most."""

_MAGIC = b"huffleraft copy\n"
_VERSION = 1
_HEADER = Struct(">16sIQ")
_PAGE = Struct(">cI")

_RowFields = tuple[bytes, bytes, Number, Number]
_SessionFields = tuple[Number, Number, Number, bytes]

_encode = msgspec.msgpack.Encoder().encode
_rows = msgspec.msgpack.Decoder(Annotated[list[_RowFields], msgspec.Meta(min_length=1)])
_sessions = msgspec.msgpack.Decoder(Annotated[list[_SessionFields], msgspec.Meta(min_length=1)])
_end = msgspec.msgpack.Decoder(tuple[int, int])


@dataclass(frozen=True, slots=True)
class RowsPage:
    """Rows in key order."""

    records: Sequence[KeyRow]


@dataclass(frozen=True, slots=True)
class SessionsPage:
    """Sessions in id order."""

    records: Sequence[SessionRecord]


Page: TypeAlias = RowsPage | SessionsPage


def page_of_rows(rows: Iterable[KeyRow]) -> RowsPage:
    """As many of the next *rows* as fill a page."""
    return RowsPage(_filled(rows, lambda row: len(row[0]) + len(row[1])))


def page_of_sessions(sessions: Iterable[SessionRecord]) -> SessionsPage:
    """As many of the next *sessions* as fill a page."""
    return SessionsPage(_filled(sessions, lambda session: len(session[3])))


_RECORD_BYTES = 24
"""What a record counts for besides its bytes."""


def _filled(records: Iterable[T], size_of: Callable[[T], int]) -> list[T]:
    taken: list[T] = []
    size = 0
    for record in records:
        taken.append(record)
        size += size_of(record) + _RECORD_BYTES
        if size >= PAGE_BYTES:
            break
    return taken


# Writing.


class CopyWriter:
    """Turns pages into the bytes of a copy, and knows what the copy is in the end."""

    def __init__(self, index: LogIndex) -> None:
        self._index = index
        self._follows = _origin(index)
        self._hash = sha256()
        self._counts = [0, 0]
        self.size = 0

    def begin(self) -> bytes:
        """The first bytes."""
        return self._counted(_HEADER.pack(_MAGIC, _VERSION, self._index))

    def page(self, page: Page) -> bytes:
        """The bytes of *page*; none if it is empty."""
        if not page.records:
            return b""
        is_sessions = isinstance(page, SessionsPage)
        self._counts[is_sessions] += len(page.records)
        return self._page(b"s" if is_sessions else b"r", _encode(page.records))

    def end(self) -> tuple[bytes, SnapshotCopy]:
        """The last bytes, and what the whole is."""
        last = self._page(b"e", _encode(self._counts))
        return last, SnapshotCopy(self._index, self.size, self._hash.digest())

    def _page(self, kind: bytes, body: bytes) -> bytes:
        if len(body) > _BODY_BYTES_MAX:
            raise ValueError(f"a page of {len(body)} bytes, beyond {_BODY_BYTES_MAX}, cannot be")
        self._follows = _seal(self._follows, kind, body)
        return self._counted(_PAGE.pack(kind, len(body)) + body + self._follows)

    def _counted(self, data: bytes) -> bytes:
        self._hash.update(data)
        self.size += len(data)
        return data


def _origin(index: LogIndex) -> bytes:
    """What the first page's seal follows: no page stands for two indexes."""
    return seal("copy", _VERSION, index)


def _seal(follows: bytes, kind: bytes, body: bytes) -> bytes:
    return seal("copy page", follows, kind, body)


# Reading.


def read_pages(file: BinaryIO, copy: SnapshotCopy) -> Iterator[Page]:
    """The pages of the copy that *file* stands at the beginning of, each verified.

    After the last page the whole has been verified: it is *copy*, to the byte, and *file* is at
    its end.  Raises SnapshotDamaged, saying what is wrong, and where.
    """
    return _CopyReader(file, copy).pages()


class _CopyReader:
    def __init__(self, file: BinaryIO, copy: SnapshotCopy) -> None:
        self._file = file
        self._copy = copy
        self._hash = sha256()
        self._offset = 0
        self._follows = _origin(copy.index)
        self._last_key: bytes | None = None
        self._last_id = 0
        self._counts = (0, 0)

    def pages(self) -> Iterator[Page]:
        magic, version, index = _HEADER.unpack(self._read(_HEADER.size))
        if magic != _MAGIC:
            raise SnapshotDamaged("it does not begin like a copy")
        if version != _VERSION:
            raise SnapshotDamaged(f"its format version is {version}, and {_VERSION} is known")
        if index != self._copy.index:
            raise SnapshotDamaged(f"it is of index {index}, and {self._copy.index} was announced")
        while (page := self._next()) is not None:
            yield page
        self._require_end()

    def _next(self) -> Page | None:
        """The next page; None at the end."""
        where = f"the page at byte {self._offset}"
        kind, size = _PAGE.unpack(self._read(_PAGE.size))
        if size > _BODY_BYTES_MAX:
            raise SnapshotDamaged(f"{where} says that it has {size} bytes")
        body = self._read(size)
        self._follows = _seal(self._follows, kind, body)
        if self._read(SEAL_BYTES) != self._follows:
            raise SnapshotDamaged(f"{where} does not match its seal")
        try:
            return self._page(kind, body)
        except (msgspec.MsgspecError, ValueError) as error:  # UnicodeDecodeError is among them
            raise SnapshotDamaged(f"{where}: {error}") from error

    def _page(self, kind: bytes, body: bytes) -> Page | None:
        """The page in *body*; raises ValueError, among others, for one that cannot be."""
        if kind == b"r":
            return self._rows_page(_rows.decode(body))
        if kind == b"s":
            return self._sessions_page(_sessions.decode(body))
        if kind != b"e":
            raise ValueError("it is of no known kind")
        counts = _end.decode(body)
        if counts != self._counts:
            raise ValueError(f"it counts {counts} rows and sessions, and {self._counts} are there")
        return None

    def _rows_page(self, records: list[KeyRow]) -> Page:
        if self._counts[1]:
            raise ValueError("rows after sessions")
        for key, _, _, changed_index in records:
            if self._last_key is not None and key <= self._last_key:
                raise ValueError("its keys do not ascend")
            key.decode()
            self._require_past(changed_index)
            self._last_key = key
        self._counts = (self._counts[0] + len(records), 0)
        return RowsPage(records)

    def _sessions_page(self, records: list[SessionRecord]) -> Page:
        for id_, _, used_index, _ in records:
            if id_ <= self._last_id:
                raise ValueError("its ids do not ascend")
            self._require_past(used_index)
            self._last_id = id_
        self._counts = (self._counts[0], self._counts[1] + len(records))
        return SessionsPage(records)

    def _require_past(self, index: LogIndex) -> None:
        if index > self._copy.index:
            raise ValueError(f"a record of index {index} in a copy of index {self._copy.index}")

    def _require_end(self) -> None:
        if self._offset != self._copy.size:
            raise SnapshotDamaged(
                f"it ends at byte {self._offset}, and {self._copy.size} were announced"
            )
        if self._file.read(1):
            raise SnapshotDamaged(f"bytes follow its end at byte {self._offset}")
        if self._hash.digest() != self._copy.digest:
            raise SnapshotDamaged("its digest is not the one that was announced")

    def _read(self, size: int) -> bytes:
        if self._offset + size > self._copy.size:
            raise SnapshotDamaged(f"it goes on beyond the {self._copy.size} bytes announced")
        data = self._file.read(size)
        if len(data) < size:
            raise SnapshotDamaged(f"it ends within the page at byte {self._offset}")
        self._hash.update(data)
        self._offset += size
        return data
