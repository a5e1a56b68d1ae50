"""The small facts, a sealed row each: identity, boot, vote, snapshot, base, and what is applied."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table, bindparam, select, update

from huffleraft.codec.seals import seal
from huffleraft.codec.snapshots import pack_configuration, unpack_configuration
from huffleraft.core.log import Snapshot
from huffleraft.core.types import EntryId, LogIndex, Vote
from huffleraft.errors import FrameInvalid, StorageCorrupt
from huffleraft.store import schema
from huffleraft.store.directory import DATABASE
from huffleraft.store.founding import Identity
from huffleraft.store.schema import compiled


def _columns(table: Table) -> Sequence[str]:
    return [column.name for column in table.columns if column.name not in {"row", "seal"}]


def _sealed(table: Table, values: Sequence[object]) -> dict[str, object]:
    row = dict(zip(_columns(table), values, strict=True))
    row["seal"] = seal(table.name, *values)  # type: ignore[arg-type]  # values of columns
    return row


def insert_fact(connection: Connection, table: Table, *values: object) -> None:
    """Write a fact for the first time."""
    connection.execute(table.insert(), {"row": 0, **_sealed(table, values)})


_UPDATES = {
    table.name: compiled(
        update(table)
        .where(table.c.row == 0)
        .values({name: bindparam(f"new_{name}") for name in (*_columns(table), "seal")})
    )
    for table in (schema.boot, schema.vote, schema.snapshot, schema.base, schema.machine)
}


def update_fact(connection: Connection, table: Table, *values: object) -> None:
    """Write a fact anew."""
    sealed = _sealed(table, values)
    connection.exec_driver_sql(_UPDATES[table.name], (*sealed.values(), 0))


def read_fact(connection: Connection, table: Table) -> tuple[object, ...]:
    """A fact's values; StorageCorrupt if its row is gone or does not match its seal."""
    found = connection.execute(select(*[table.c[name] for name in (*_columns(table), "seal")]))
    rows = found.all()
    if len(rows) != 1:
        raise StorageCorrupt(DATABASE, f"the table {table.name}", f"{len(rows)} rows, not one")
    *values, stored = rows[0]
    if seal(table.name, *values) != stored:
        raise StorageCorrupt(
            DATABASE, f"the row of table {table.name}", "its values do not match their seal"
        )
    return tuple(values)


# By name.  What matches its seal has the types it was sealed with.


def read_identity_fact(connection: Connection) -> Identity:
    """Whose database this is."""
    return Identity(*read_fact(connection, schema.identity))  # type: ignore[arg-type]


def read_boot(connection: Connection) -> tuple[int, bool]:
    """The last boot, and whether it closed the database."""
    boot, closed = read_fact(connection, schema.boot)
    assert isinstance(boot, int)
    return boot, bool(closed)


def read_vote(connection: Connection) -> Vote:
    """The vote."""
    return Vote(*read_fact(connection, schema.vote))  # type: ignore[arg-type]


def update_snapshot(connection: Connection, snapshot: Snapshot) -> None:
    """Let *snapshot* be the one that the log goes on from."""
    index, term = snapshot.last_included_index, snapshot.last_included_term
    configuration = pack_configuration(snapshot.configuration)
    update_fact(connection, schema.snapshot, index, term, configuration)


def read_snapshot(connection: Connection) -> Snapshot | None:
    """The snapshot that the log goes on from; None before the first."""
    index, term, configuration = read_fact(connection, schema.snapshot)
    if configuration is None:
        return None
    assert isinstance(index, int)
    assert isinstance(term, int)
    assert isinstance(configuration, bytes)
    try:
        return Snapshot(index, term, unpack_configuration(configuration))
    except FrameInvalid as error:
        raise StorageCorrupt(DATABASE, "the row of table snapshot", error.why) from error


def read_base(connection: Connection) -> tuple[EntryId, bytes]:
    """The id below the log, and the seal that the log's first batch follows."""
    term, index, follows = read_fact(connection, schema.base)
    assert isinstance(term, int)
    assert isinstance(index, int)
    assert isinstance(follows, bytes)
    return EntryId(term, index), follows


def read_last_applied(connection: Connection) -> LogIndex:
    """The index up to which the key-value rows stand."""
    (last_applied,) = read_fact(connection, schema.machine)
    assert isinstance(last_applied, int)
    return last_applied
