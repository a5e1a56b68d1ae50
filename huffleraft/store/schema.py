"""The tables of a node's database.

Every row carries a seal over its values (`huffleraft.codec.seals`); the log's seals form a chain.
Small facts have a table each, with the one row 0, so that no two of them share a fate.
The schema's version is the database's `user_version`.  A directory of a newer version is refused
by name; one of an older will be brought up to date when it is opened, step by step.
"""

from __future__ import annotations

from sqlalchemy import BLOB, INTEGER, TEXT, Boolean, ClauseElement, Column, MetaData, Table
from sqlalchemy.dialects import sqlite

VERSION = 1

APPLICATION_ID = 0x68756666  # "huff"
"""What marks the file as ours, for `file` and for us."""

metadata = MetaData()


def _one_row(name: str, *columns: Column[object]) -> Table:
    return Table(
        name,
        metadata,
        Column("row", INTEGER, primary_key=True),
        *columns,
        Column("seal", BLOB, nullable=False),
    )


identity = _one_row(
    "identity",
    Column("node_id", TEXT, nullable=False),
    Column("cluster_id", TEXT, nullable=False),
)

boot = _one_row(
    "boot",
    Column("boot", INTEGER, nullable=False),
    # Whether the run of this boot closed the database.  Where it did not, there must be a
    # write-ahead log.
    Column("closed", Boolean(create_constraint=False), nullable=False),
)

vote = _one_row(
    "vote",
    Column("current_term", INTEGER, nullable=False),
    Column("voted_for", TEXT),
)

base = _one_row(
    "base",
    Column("term", INTEGER, nullable=False),
    Column("index", INTEGER, nullable=False),
    # What the first batch below follows in the chain of seals.
    Column("follows", BLOB, nullable=False),
)

# Index and term are 0, and there is no configuration, before the first snapshot.
snapshot = _one_row(
    "snapshot",
    Column("index", INTEGER, nullable=False),
    Column("term", INTEGER, nullable=False),
    Column("configuration", BLOB),
)

machine = _one_row("machine", Column("last_applied", INTEGER, nullable=False))

log = Table(
    "log",
    metadata,
    # A batch of entries, written together, is one row.
    Column("first_index", INTEGER, primary_key=True),
    Column("last_index", INTEGER, nullable=False),
    Column("entries", BLOB, nullable=False),
    Column("seal", BLOB, nullable=False),
)

# The key is its UTF-8 bytes: BLOBs are compared byte by byte, which is the order of text.
rows = Table(
    "kv",
    metadata,
    Column("key", BLOB, primary_key=True),
    Column("value", BLOB, nullable=False),
    Column("version", INTEGER, nullable=False),
    Column("changed_index", INTEGER, nullable=False),
    Column("seal", BLOB, nullable=False),
    sqlite_with_rowid=False,
)

sessions = Table(
    "session",
    metadata,
    Column("id", INTEGER, primary_key=True),
    Column("sequence", INTEGER, nullable=False),
    Column("used_index", INTEGER, nullable=False),
    Column("result", BLOB, nullable=False),
    Column("seal", BLOB, nullable=False),
)


# While a copy is restored its rows gather in tables of their own; these change names with the
# others in one transaction, and what was replaced is removed at leisure.

_next = MetaData()
next_rows = rows.to_metadata(_next, name="kv_next")
next_sessions = sessions.to_metadata(_next, name="session_next")

_old = MetaData()
old_rows = rows.to_metadata(_old, name="kv_old")
old_sessions = sessions.to_metadata(_old, name="session_old")


def compiled(statement: ClauseElement) -> str:
    """*statement* in SQLite's words, its parameters as `?` in the order in which they stand.

    What runs at every commit is compiled once: finding a statement in SQLAlchemy's cache and
    preparing its parameters takes 45 microseconds, running it 20.
    """
    return str(statement.compile(dialect=sqlite.dialect()))
