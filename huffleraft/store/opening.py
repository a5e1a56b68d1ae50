"""Opening a data directory: nothing is believed before it has been verified.

In this order, each step before the next can do harm:

1. the directory is claimed;
2. the write-ahead log is scanned, before SQLite could drop what it does not like;
3. a database that should be there is there, and of a schema that is known;
4. SQLite checks its structure, and every seal is compared: facts, log, rows, sessions;
5. what the parts say of each other agrees, and a copy that must be restored yet is there, whole;
6. it is the directory that was asked for;
7. the boot is raised and durable, in the file and not only in the log;
8. what an interrupted restore or transfer left behind, and nothing waits for, is removed.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import suppress
from dataclasses import dataclass

from huffleraft.codec.seals import genesis
from huffleraft.core.log import Entry, Snapshot
from huffleraft.core.types import ORIGIN, EntryId, LogIndex, Vote
from huffleraft.errors import ConfigurationInvalid, SchemaNewer, StorageCorrupt, StorageFull
from huffleraft.ports import Recovered
from huffleraft.store import batches, facts, keyspace, replacing, schema, wal
from huffleraft.store.agreement import require_agreement
from huffleraft.store.batches import Tail
from huffleraft.store.database import PAGE_BYTES, Database
from huffleraft.store.directory import (
    DATABASE,
    IDENTITY,
    WAL,
    DataDirectory,
    os_errors,
    read_identity,
)
from huffleraft.store.founding import Founding, Identity
from huffleraft.store.side_files import SideFiles
from huffleraft.store.staging import Staging

logger = logging.getLogger("huffleraft.store")

_HEADER_BEGINS = b"SQLite format 3\0" + PAGE_BYTES.to_bytes(2, "big") + b"\2\2"
"""Magic, page size, and that it is written and read by way of a write-ahead log.  SQLite takes a
file that says otherwise for one that it must not write, or does without the log."""

_HEADER_BYTES = 100


@dataclass(frozen=True, slots=True)
class Opened:
    """An open and verified database, and what it holds."""

    database: Database
    recovered: Recovered
    tail: Tail
    files: SideFiles
    staging: Staging


@dataclass(frozen=True, slots=True)
class _Contents:
    """What the tables hold, each part verified for itself."""

    identity: Identity
    boot: int
    closed: bool
    vote: Vote
    snapshot: Snapshot | None
    base: EntryId
    entries: tuple[Entry, ...]
    tail: Tail
    last_applied: LogIndex


def open_directory(
    directory: DataDirectory, found: Founding | None, page_limit: int | None
) -> Opened:
    """Open the claimed *directory*, or found it if it is empty; raises as `open_sqlite` says."""
    with os_errors(directory.path):
        known = read_identity(directory.path)
        scan = wal.scan(directory.wal)
        if scan.torn:
            logger.warning("%s ends in %d frames of a write cut short", WAL, scan.torn)
        require_database(directory, known, scan)
        database = Database(directory.database, page_limit=page_limit)
        try:
            with database.errors():
                opened = _open(directory, database, known, scan, found)
        except BaseException:
            close_as_after_crash(directory, database)
            raise
    database.running = True
    return opened


def close_as_after_crash(directory: DataDirectory, database: Database) -> None:
    """Close *database*, and leave its write-ahead log where it is.

    SQLite removes the log when it closes, but the file still says that there must be one, and
    where something is wrong the log is evidence.
    """
    try:
        directory.keep_wal()
        database.close()
        directory.restore_wal()
    except OSError as error:
        logger.warning("the write-ahead log could not be kept: %s", error)


def require_database(directory: DataDirectory, known: Identity | None, scan: wal.Scan) -> None:
    """A directory that was founded, or has a log, has a database."""
    header = b""
    with suppress(FileNotFoundError), directory.database.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header and (known is not None or scan.good):
        because = IDENTITY if known is not None else WAL
        raise StorageCorrupt(DATABASE, "its first byte", f"it has none, but {because} is there")
    if known is not None and not header.startswith(_HEADER_BEGINS):
        raise StorageCorrupt(DATABASE, "its header", "it is not that of a database of this node")


def _open(
    directory: DataDirectory,
    database: Database,
    known: Identity | None,
    scan: wal.Scan,
    found: Founding | None,
) -> Opened:
    logger.info("%s: SQLite %s, one connection", database.path, sqlite3.sqlite_version)
    if _is_empty(database, known):
        if found is None:
            raise ConfigurationInvalid(
                f"{directory.path} is empty, and nothing says what to make of it; "
                "bootstrap a cluster with it"
            )
        _create(database, found)
    else:
        _require_structure(database)
    contents = _read(database)
    _require_whole(contents, known, scan)
    files = SideFiles(directory.path, database)
    staging = Staging(files)
    _require_staged(contents, staging)
    if found is not None:
        found.require(contents.identity)
    boot = contents.boot + 1
    with database.transaction(frames=1) as connection:
        facts.update_fact(connection, schema.boot, boot, False)
        replacing.drop_leftovers(connection)
    # From now on the file itself says that there must be a log.
    if not database.checkpoint():
        raise StorageFull(str(database.path))
    if known is None:
        directory.write_identity(contents.identity)
    staging.tidy(contents.last_applied)
    return Opened(database, _recovered(contents, boot), contents.tail, files, staging)


def examine(directory: DataDirectory, database: Database, scan: wal.Scan) -> Recovered:
    """What the founded *directory* holds, verified as at every opening; nothing is changed.

    Raises StorageCorrupt and SchemaNewer as opening does, and ConfigurationInvalid if nobody has
    founded it.
    """
    known = read_identity(directory.path)
    if _is_empty(database, known):
        raise ConfigurationInvalid(f"{directory.path} is empty; name a node's data directory")
    _require_structure(database)
    contents = _read(database)
    _require_whole(contents, known, scan)
    _require_staged(contents, Staging(SideFiles(directory.path, database)))
    return _recovered(contents, contents.boot)


def _is_empty(database: Database, known: Identity | None) -> bool:
    """Whether nobody has founded this database; SchemaNewer if that was somebody newer."""
    version, application = database.pragma("user_version"), database.pragma("application_id")
    tables = database.connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar()
    if (version, application, tables) == (0, 0, 0) and known is None:
        return True
    if application != schema.APPLICATION_ID:
        raise StorageCorrupt(DATABASE, "its application id", f"{application} is not huffleraft's")
    if version > schema.VERSION:
        raise SchemaNewer(version, schema.VERSION)
    if version < 1:
        raise StorageCorrupt(DATABASE, "its schema version", f"there is no version {version}")
    return False


def _create(database: Database, found: Founding) -> None:
    """Make the whole database in one transaction: it is founded, or it is empty."""
    origin = genesis(found.cluster_id, found.node_id)
    with database.transaction(frames=12) as connection:
        schema.metadata.create_all(connection, checkfirst=False)
        facts.insert_fact(connection, schema.identity, found.node_id, found.cluster_id)
        facts.insert_fact(connection, schema.boot, 0, False)
        facts.insert_fact(connection, schema.vote, found.vote.current_term, found.vote.voted_for)
        facts.insert_fact(connection, schema.snapshot, 0, 0, None)
        facts.insert_fact(connection, schema.base, ORIGIN.term, ORIGIN.index, origin)
        facts.insert_fact(connection, schema.machine, 0)
        if found.entries:
            batches.append(connection, Tail(0, origin), found.entries)
        database.pragma(f"application_id={schema.APPLICATION_ID}")
        database.pragma(f"user_version={schema.VERSION}")


def _require_structure(database: Database) -> None:
    verdict = database.pragma("quick_check(1)")
    if verdict != "ok":
        raise StorageCorrupt(DATABASE, "its structure", str(verdict))


def _read(database: Database) -> _Contents:
    connection = database.connection
    identity = facts.read_identity_fact(connection)
    boot, closed = facts.read_boot(connection)
    vote = facts.read_vote(connection)
    snapshot = facts.read_snapshot(connection)
    base, entries, tail = batches.read(connection)
    last_applied = facts.read_last_applied(connection)
    keyspace.verify(connection)
    return _Contents(identity, boot, closed, vote, snapshot, base, entries, tail, last_applied)


def _require_whole(contents: _Contents, known: Identity | None, scan: wal.Scan) -> None:
    """Refuse parts that are sound and contradict each other, and a directory that lacks one."""
    if known is not None and known != contents.identity:
        raise StorageCorrupt(IDENTITY, "its ids", f"the database says {contents.identity}")
    if contents.boot and not contents.closed and not scan.frames:
        raise StorageCorrupt(
            WAL, "its first byte", "the last run did not close the database, so there was a log"
        )
    require_agreement(
        DATABASE,
        contents.vote,
        contents.snapshot,
        contents.base,
        contents.entries,
        contents.last_applied,
    )


def _require_staged(contents: _Contents, staging: Staging) -> None:
    """Rows behind the snapshot wait for its copy, which then must be there, whole."""
    if contents.snapshot and contents.last_applied < contents.snapshot.last_included_index:
        staging.require(contents.snapshot)


def _recovered(contents: _Contents, boot: int) -> Recovered:
    return Recovered(
        node_id=contents.identity.node_id,
        cluster_id=contents.identity.cluster_id,
        boot=boot,
        vote=contents.vote,
        snapshot=contents.snapshot,
        base=contents.base,
        entries=contents.entries,
        last_applied=contents.last_applied,
    )
