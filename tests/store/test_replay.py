"""Any stream of writes, merged in any groups and reopened at any point, gives the model's state."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from huffleraft.core.effects import Persist
from huffleraft.core.types import EntryId, Vote
from huffleraft.store.memory import MemoryDisk, open_memory
from huffleraft.store.merge import merged
from huffleraft.store.sqlite import SqliteStore, open_sqlite
from tests.store.stories import FOUNDING, flush, founded_disk, held_by, persist, told_by


@given(st.data(), st.integers(1, 6))
def test_a_group_commit_does_what_its_writes_do_one_by_one(data: st.DataObject, count: int) -> None:
    disk, writes = founded_disk(), []
    disk.persist(persist(data.draw, disk, 0))
    merged_disk = replace(disk, entries=list(disk.entries))
    for number in range(1, count + 1):
        last = disk.entries[-1].id if disk.entries else disk.base
        if data.draw(st.integers(0, 5)) == 0:  # a snapshot is installed
            above = EntryId(last.term, last.index + data.draw(st.integers(-1, 3)))
            if above.index <= disk.base.index:
                continue
            write = Persist(number, vote=Vote(disk.vote.current_term + 1), base=above)
            if above.index <= last.index:
                write = replace(write, truncate_from=above.index + 1)
            disk.last_applied = merged_disk.last_applied = above.index
        else:
            write = persist(data.draw, disk, number)
        disk.persist(write)
        writes.append(write)
    group = merged(writes)
    merged_disk.persist(Persist(1, group.vote, group.base, group.truncate_from, group.entries))
    assert held_by(merged_disk) == held_by(disk)


@settings(max_examples=40)
@given(st.data(), st.sampled_from(["asyncio", "trio"]))
def test_what_is_reopened_is_exactly_what_was_written(data: st.DataObject, backend: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        anyio.run(_replay, Path(directory), data, backend=backend)


async def _replay(directory: Path, data: st.DataObject) -> None:
    model = founded_disk()
    for boot in range(1, data.draw(st.integers(2, 4), label="openings") + 1):
        store, recovered = await open_sqlite(directory, found=FOUNDING)
        try:
            assert recovered.boot == boot
            assert told_by(recovered) == held_by(model)
            assert await store.digest() == await _digest(model)
            for _ in range(data.draw(st.integers(0, 6), label="steps")):
                await _one_step(store, model, data)
        finally:
            await store.close()


async def _one_step(store: SqliteStore, model: MemoryDisk, data: st.DataObject) -> None:
    if data.draw(st.integers(0, 2)) == 0:
        changes = flush(data.draw, model)
        await store.flush(changes)
        model.apply(changes)
        return
    writes = []
    for number in range(data.draw(st.integers(1, 3), label="group")):
        writes.append(persist(data.draw, model, number))
        model.persist(writes[-1])
    await store.write(writes)


async def _digest(model: MemoryDisk) -> bytes:
    store, _ = await open_memory(replace(model, locked=False))
    return await store.digest()
