"""The write-ahead log is folded into the file before it grows without bound."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from huffleraft.core.effects import Persist
from huffleraft.core.log import Entry
from huffleraft.errors import StorageFailed
from huffleraft.store.database import CHECKPOINT_FRAMES, PAGE_BYTES
from huffleraft.store.directory import DATABASE, WAL
from huffleraft.store.sqlite import open_sqlite
from tests.store.stories import FOUNDING

pytestmark = pytest.mark.anyio

FRAME_BYTES = PAGE_BYTES + 24


async def test_the_log_stays_near_its_bound_and_is_gone_after_a_clean_close(
    tmp_path: Path,
) -> None:
    store, _ = await open_sqlite(tmp_path, found=FOUNDING)
    for index in range(2, 62):
        await store.write((Persist(index, entries=(Entry(1, index, bytes(200_000)),)),))
    assert (tmp_path / WAL).stat().st_size < 1.2 * CHECKPOINT_FRAMES * FRAME_BYTES
    assert (tmp_path / DATABASE).stat().st_size > 6_000_000
    await store.close()
    assert not (tmp_path / WAL).exists()
    store, recovered = await open_sqlite(tmp_path)
    await store.close()
    assert len(recovered.entries) == 61


async def test_a_batch_larger_than_a_row_may_be_is_written_in_parts(tmp_path: Path) -> None:
    store, _ = await open_sqlite(tmp_path, found=FOUNDING)
    entries = tuple(Entry(1, 2 + i, bytes(1_000_000)) for i in range(10))
    await store.write((Persist(1, entries=entries),))
    await store.write((Persist(2, truncate_from=8),))
    await store.close()
    store, recovered = await open_sqlite(tmp_path)
    await store.close()
    assert recovered.entries[1:] == entries[:6]


async def test_the_connection_is_set_up_to_lose_nothing(tmp_path: Path) -> None:
    store, _ = await open_sqlite(tmp_path, found=FOUNDING)
    asked = ("journal_mode", "synchronous", "locking_mode", "wal_autocheckpoint", "page_size")
    told = await store._writer.run(lambda: [store._database.pragma(name) for name in asked])
    await store.close()
    assert told == ["wal", 2, "exclusive", 0, PAGE_BYTES]  # 2 is FULL


@contextmanager
def files_may_not_grow_beyond(size: int) -> Iterator[None]:
    """A write past *size* bytes fails, for a reason that is not a full disk."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


async def test_a_checkpoint_that_fails_stops_the_store_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, _ = await open_sqlite(tmp_path, found=FOUNDING)
    for index in range(2, 12):
        await store.write((Persist(index, entries=(Entry(1, index, bytes(200_000)),)),))
    await store.close()  # the file is long now, and the log begins anew
    store, _ = await open_sqlite(tmp_path)
    store._database._frames = CHECKPOINT_FRAMES
    last = Entry(1, 12, b"this commit is in the log")
    with files_may_not_grow_beyond(1_000_000):
        await store.write((Persist(1, entries=(last,)),))
        with pytest.raises(StorageFailed, match="SQLITE_IOERR"):
            await store.write((Persist(2, entries=(Entry(1, 13, b"never"),)),))
    await store.close()
    assert "no checkpoint could be made: the storage failed: disk I/O error" in caplog.text
    store, recovered = await open_sqlite(tmp_path)
    await store.close()
    assert (len(recovered.entries), recovered.entries[-1]) == (12, last)


async def test_an_opening_whose_boot_does_not_reach_the_file_is_refused(tmp_path: Path) -> None:
    store, _ = await open_sqlite(tmp_path, found=FOUNDING)
    for index in range(2, 12):
        await store.write((Persist(index, entries=(Entry(1, index, bytes(200_000)),)),))
    await store.close()
    with files_may_not_grow_beyond(3_000), pytest.raises(StorageFailed, match="SQLITE_IOERR"):
        await open_sqlite(tmp_path)
    store, recovered = await open_sqlite(tmp_path)
    await store.close()
    assert (recovered.boot, len(recovered.entries)) == (2, 11)
