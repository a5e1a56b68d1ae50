"""All rows and sessions replaced at once, by a copy that is too large for one sync or for memory.

Its pages go, one for each transaction, into tables beside the real ones.  One last transaction
lets the tables change their names, and says at which index the rows stand now.  So a reader sees
all or nothing, a crash leaves the old rows or the new, and no write of the log waits for more
than a page.  What was replaced is removed afterwards, a portion at a time: to drop a large table
is to write all of its pages to the log.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress

from sqlalchemy import Column, Connection, Table, delete, func, inspect, select
from sqlalchemy.schema import CreateTable, DropTable

from huffleraft.core.types import LogIndex
from huffleraft.errors import StorageFailed, StorageFull
from huffleraft.store import facts, keyspace, schema
from huffleraft.store.copies import Page
from huffleraft.store.database import PAGE_BYTES, Database

_CHANGES = (
    (schema.rows, schema.next_rows, schema.old_rows),
    (schema.sessions, schema.next_sessions, schema.old_sessions),
)
"""Each table, the one that takes its name, and the name that it takes."""

_PORTION_ROWS = 1024
_PORTION_BYTES = 1 << 20


def replace_rows(
    database: Database, pages: Iterator[Page], index: LogIndex
) -> Generator[None, None, None]:
    """Replace all rows and sessions by those of *pages*, which stand at *index*; a page a step.

    Given up between two steps, or refused by a full disk, it has changed nothing.  Afterwards
    `shed` has something to do.
    """
    try:
        with database.transaction(frames=4) as connection:
            drop_leftovers(connection)
            for _, successor, _ in _CHANGES:
                connection.execute(CreateTable(successor))
        for page in pages:
            with database.transaction(frames=0) as connection:
                frames = keyspace.gather(connection, page)
            database.wrote(frames)
            yield
        with database.transaction(frames=4) as connection:
            for table, successor, old in _CHANGES:
                connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {old}")
                connection.exec_driver_sql(f"ALTER TABLE {successor} RENAME TO {table}")
            facts.update_fact(connection, schema.machine, index)
    except BaseException:
        with suppress(StorageFull, StorageFailed), database.transaction(frames=4) as connection:
            drop_leftovers(connection)
        raise


def shed(database: Database) -> bool:
    """Remove a portion of what was replaced; whether there may be more."""
    for old, long in (
        (schema.old_rows, schema.old_rows.c.value),
        (schema.old_sessions, schema.old_sessions.c.result),
    ):
        with database.errors():
            there = inspect(database.connection).has_table(old.name)
        if there:
            with database.transaction(frames=0) as connection:
                frames = _shed_from(connection, old, long)
            database.wrote(frames)
            return True
    return False


def _shed_from(connection: Connection, table: Table, long: Column[bytes]) -> int:
    """Remove the first rows of *table*, or *table* if it has none; about how many pages it took."""
    (key,) = table.primary_key.columns
    taken, size = [], 0
    first = select(key, func.length(long)).order_by(key).limit(_PORTION_ROWS)
    with connection.execute(first) as rows:
        for one, length in rows:
            taken.append(one)
            size += length
            if size >= _PORTION_BYTES:
                break
    if taken:
        connection.execute(delete(table).where(key <= taken[-1]))
    else:
        connection.execute(DropTable(table))
    return 8 + (size + 48 * len(taken)) // PAGE_BYTES


def drop_leftovers(connection: Connection) -> None:
    """Remove what a replacement that was cut short has left."""
    for _, successor, old in _CHANGES:
        connection.execute(DropTable(successor, if_exists=True))
        connection.execute(DropTable(old, if_exists=True))
