"""The write-ahead log is folded into the file before it grows without bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from huffleraft.core.effects import Persist
from huffleraft.core.log import Entry
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
