"""The key-value rows and the sessions on disk, as the state machine last flushed them.

Rows are verified against their seals whenever they are read: what leaves the node is what was
written, or an error.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cache
from typing import Any

from sqlalchemy import BLOB, Connection, bindparam, delete, insert, select

from huffleraft.codec.digest import KeyRow, SessionRecord, digest
from huffleraft.codec.seals import seal
from huffleraft.core.types import LogIndex
from huffleraft.errors import StorageCorrupt
from huffleraft.ports import Flush, Row, Scanned, SessionRow
from huffleraft.store import facts, schema
from huffleraft.store.copies import Page, RowsPage
from huffleraft.store.database import PAGE_BYTES
from huffleraft.store.directory import DATABASE
from huffleraft.store.schema import compiled

_FETCH_KEYS = 512
"""Keys in one query; a power of two."""

_SCAN_ROWS = 64
"""Rows of a scan held at a time; a value may have a mebibyte."""

_BELOW_ALL = -(1 << 63)
"""No id is as low; and SQLite orders every number before every BLOB."""

_put_row = compiled(insert(schema.rows).prefix_with("OR REPLACE"))
_gather_row = compiled(insert(schema.next_rows))
_gather_session = compiled(insert(schema.next_sessions))
_drop_row = compiled(delete(schema.rows).where(schema.rows.c.key == bindparam("k")))
_put_session = compiled(insert(schema.sessions).prefix_with("OR REPLACE"))
_drop_session = compiled(delete(schema.sessions).where(schema.sessions.c.id == bindparam("k")))
_rows_after = compiled(
    select(schema.rows).where(schema.rows.c.key > bindparam("k")).order_by(schema.rows.c.key)
)
_sessions_after = compiled(
    select(schema.sessions)
    .where(schema.sessions.c.id > bindparam("i"))
    .order_by(schema.sessions.c.id)
)
_rows_between = compiled(
    select(schema.rows)
    .where(schema.rows.c.key >= bindparam("first"), schema.rows.c.key < bindparam("end"))
    .order_by(schema.rows.c.key)
)


def pages_of(changes: Flush) -> int:
    """About how many pages *changes* will write: random keys seldom share one."""
    large = sum(len(row.value) for row in changes.rows.values() if row is not None)
    return 2 + len(changes.rows) + len(changes.sessions) + large // PAGE_BYTES


def flush(connection: Connection, changes: Flush) -> None:
    """Write *changes*, in key order, which is the order of the pages."""
    rows = sorted(changes.rows.items())
    _execute_many(connection, _put_row, [_row(key, row) for key, row in rows if row is not None])
    _execute_many(connection, _drop_row, [(key.encode(),) for key, row in rows if row is None])
    ended = [(id_,) for id_, one in changes.sessions.items() if one is None]
    kept = [_session(id_, one) for id_, one in changes.sessions.items() if one is not None]
    _execute_many(connection, _put_session, kept)
    _execute_many(connection, _drop_session, ended)
    facts.update_fact(connection, schema.machine, changes.last_applied)


def gather(connection: Connection, page: Page) -> int:
    """Put the records of *page* beside the rows; about how many database pages that took."""
    if isinstance(page, RowsPage):
        _execute_many(connection, _gather_row, [(*row, seal("kv", *row)) for row in page.records])
        size = sum(len(key) + len(value) for key, value, _, _ in page.records)
    else:
        sealed = [(*session, seal("session", *session)) for session in page.records]
        _execute_many(connection, _gather_session, sealed)
        size = sum(len(answer) for _, _, _, answer in page.records)
    return 4 + (size + 48 * len(page.records)) // PAGE_BYTES


def fetch(connection: Connection, keys: Collection[str]) -> dict[str, Row]:
    """The rows of *keys*; missing keys are absent."""
    found: dict[str, Row] = {}
    wanted = [key.encode() for key in keys]
    for start in range(0, len(wanted), _FETCH_KEYS):
        part = wanted[start : start + _FETCH_KEYS]
        count = 1 << (len(part) - 1).bit_length()
        part += part[:1] * (count - len(part))
        result = connection.exec_driver_sql(_rows_of(count), tuple(part))
        found.update(_checked(result))
    return found


@cache
def _rows_of(count: int) -> str:
    """The query for *count* keys, the same key any number of times.

    Only for powers of two, so that few statements are compiled, and SQLite keeps them prepared.
    """
    keys = [bindparam(f"k{number}", type_=BLOB) for number in range(count)]
    return compiled(select(schema.rows).where(schema.rows.c.key.in_(keys)))


def scan(
    connection: Connection, prefix: str, first: str, *, rows_max: int, bytes_max: int
) -> Scanned:
    """The rows of the keys that begin with *prefix*, from *first* on; bounded (`Scanned.of`).

    No byte of UTF-8 is 0xFF, so this one behind *prefix* ends what begins with it.  The rows are
    stepped through, so none is read beyond the bounds but the one that shows that there is more.
    """
    end = prefix.encode() + b"\xff"
    begin = max(prefix.encode(), first.encode())
    with connection.exec_driver_sql(_rows_between, (begin, end)) as result:
        return Scanned.of(_checked(result), rows_max=rows_max, bytes_max=bytes_max)


def _checked(result: Iterable[Any]) -> Iterator[tuple[str, Row]]:
    for key, value, version, changed_index, stored in result:
        _check_row(key, value, version, changed_index, stored)
        yield key.decode(), Row(value, version, changed_index)


def sessions(connection: Connection) -> Mapping[LogIndex, SessionRow]:
    """All sessions, in id order."""
    return {
        id_: SessionRow(sequence, used_index, result)
        for id_, sequence, used_index, result in sessions_after(connection)
    }


def state_digest(connection: Connection) -> bytes:
    """The hash of all rows and sessions, as `huffleraft.codec.digest` defines it."""
    return digest(rows_after(connection), sessions_after(connection))


def verify(connection: Connection) -> None:
    """Read every row and session; StorageCorrupt, naming the first that is damaged."""
    for _ in rows_after(connection):
        pass
    for _ in sessions_after(connection):
        pass


def rows_after(connection: Connection, key: bytes | None = None) -> Generator[KeyRow]:
    """The rows above *key* in key order, or all; read while they are taken."""
    above = _BELOW_ALL if key is None else key
    with closing(connection.exec_driver_sql(_rows_after, (above,))) as result:
        for part in result.partitions(_SCAN_ROWS):
            for found, value, version, changed_index, stored in part:
                _check_row(found, value, version, changed_index, stored)
                yield found, value, version, changed_index


def sessions_after(connection: Connection, id_: LogIndex | None = None) -> Generator[SessionRecord]:
    """The sessions above *id_* in id order, or all; read while they are taken."""
    above = _BELOW_ALL if id_ is None else id_
    with closing(connection.exec_driver_sql(_sessions_after, (above,))) as result:
        for part in result.partitions(_SCAN_ROWS):
            for found, sequence, used_index, answer, stored in part:
                if seal("session", found, sequence, used_index, answer) != stored:
                    raise StorageCorrupt(DATABASE, f"session {found}", "it does not match its seal")
                yield found, sequence, used_index, answer


def _check_row(key: bytes, value: bytes, version: int, changed: int, stored: bytes) -> None:
    if seal("kv", key, value, version, changed) != stored:
        name = repr(key.decode(errors="backslashreplace"))
        raise StorageCorrupt(DATABASE, f"key {name}", "its row does not match its seal")


def _row(key: str, row: Row) -> tuple[object, ...]:
    fields = (key.encode(), row.value, row.version, row.changed_index)
    return (*fields, seal("kv", *fields))


def _session(id_: LogIndex, one: SessionRow) -> tuple[object, ...]:
    fields = (id_, one.sequence, one.used_index, one.result)
    return (*fields, seal("session", *fields))


def _execute_many(connection: Connection, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        connection.exec_driver_sql(sql, list(rows))
