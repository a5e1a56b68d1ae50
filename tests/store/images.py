"""Data directories as a crash or a close leaves them, to be damaged and opened again."""

from __future__ import annotations

import shutil
from pathlib import Path

import anyio

from huffleraft.core.effects import Persist
from huffleraft.core.log import Snapshot
from huffleraft.core.types import EntryId, Vote
from huffleraft.ports import Flush, Recovered, Row, SessionRow
from huffleraft.store import keyspace
from huffleraft.store.directory import DataDirectory
from huffleraft.store.opening import close_as_after_crash, open_directory
from huffleraft.store.sqlite import SqliteStore, open_sqlite
from tests.store.stories import CONFIGURATION, FOUNDING, commands

VALUE = b"the value of apple"
COMMAND = b"command 17"
SNAPSHOT = Snapshot(11, 1, CONFIGURATION)
CANDIDATE = "candidate-7"


async def _lead_a_life(store: SqliteStore) -> None:
    """Some of everything that a store holds, in transactions of one and of many pages."""
    for i in range(2, 12):
        await store.write((Persist(i, entries=commands(i, 1)),))
    await store.write((Persist(12, entries=commands(12, 60)),))
    await store.write((Persist(13, vote=Vote(3, CANDIDATE), truncate_from=60),))
    rows = {f"key {i}": Row(b"%d" % i * 40, 1, 5) for i in range(100)}
    await store.flush(Flush(20, {**rows, "apple": Row(VALUE, 2, 19)}, {}))
    await store.flush(Flush(21, {"key 3": None}, {5: SessionRow(1, 20, b"the answer")}))
    await store.write((Persist(14, snapshot=SNAPSHOT, base=EntryId(1, 10)),))
    await store.write((Persist(15, entries=commands(60, 900, term=3)),))


def crashed(path: Path, *, restarted_log: bool = False) -> None:
    """Make at *path* what a kill -9 leaves; with frames of an older generation if asked."""

    async def live() -> None:
        store, _ = await open_sqlite(path / "live", found=FOUNDING)
        await _lead_a_life(store)
        if restarted_log:
            store._database._frames = 10_000  # a checkpoint is due after the next write
            await store.write((Persist(16, vote=Vote(4, CANDIDATE)),))
            await store.write((Persist(17, vote=Vote(5, CANDIDATE)),))
            await store.write((Persist(18, entries=commands(960, 2, term=5)),))
        shutil.copytree(path / "live", path / "image")
        await store.close()

    anyio.run(live)


def closed(path: Path) -> None:
    """Make at *path* what a clean close leaves."""

    async def live() -> None:
        store, _ = await open_sqlite(path / "image", found=FOUNDING)
        await _lead_a_life(store)
        await store.close()

    anyio.run(live)


def contents(path: Path) -> tuple[Recovered, bytes]:
    """Open the directory, and close it as a crash would; what it held, and the rows' digest.

    Raises what opening raises.
    """
    directory = DataDirectory.claim(path)
    try:
        opened = open_directory(directory, FOUNDING, None)
        digest = keyspace.state_digest(opened.database.connection)
        close_as_after_crash(directory, opened.database)
    finally:
        directory.release()
    return opened.recovered, digest


def copy(image: Path, to: Path) -> Path:
    """A fresh copy of *image* at *to*."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(image, to)
    return to


def flip(path: Path, file: str, offset: int, bit: int) -> None:
    """Flip one bit of one file."""
    with (path / file).open("r+b") as opened:
        opened.seek(offset)
        (byte,) = opened.read(1)
        opened.seek(offset)
        opened.write(bytes([byte ^ (1 << bit)]))


def size(path: Path, file: str) -> int:
    """The file's size in bytes."""
    return (path / file).stat().st_size
