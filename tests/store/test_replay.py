"""Any stream of writes, merged in any groups and reopened at any point, gives the model's state."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from huffleraft.core.effects import Persist
from huffleraft.store.memory import MemoryDisk, open_memory
from huffleraft.store.memory_copies import MemoryStaged, written
from huffleraft.store.merge import merged
from huffleraft.store.sqlite import SqliteStore, open_sqlite
from tests.store.stories import (
    FOUNDING,
    KEYS,
    flush,
    founded_disk,
    held_by,
    installation,
    past_rows,
    past_sessions,
    persist,
    told_by,
)
from tests.store.transfers import receive


@given(st.data(), st.integers(1, 6))
def test_a_group_commit_does_what_its_writes_do_one_by_one(data: st.DataObject, count: int) -> None:
    disk, writes = founded_disk(), []
    disk.persist(persist(data.draw, disk, 0))
    merged_disk = replace(disk, entries=list(disk.entries))
    for number in range(1, count + 1):
        if data.draw(st.integers(0, 3)) == 0:
            write = installation(data.draw, disk, number)
            assert write.snapshot is not None
            index = write.snapshot.last_included_index
            disk.last_applied = merged_disk.last_applied = index
        else:
            write = persist(data.draw, disk, number)
        disk.persist(write)
        writes.append(write)
    group = merged(writes)
    merged_disk.persist(
        Persist(1, group.vote, group.snapshot, group.base, group.truncate_from, group.entries)
    )
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
            if model.staged is not None:
                await _restore(store, model)
            for _ in range(data.draw(st.integers(0, 6), label="steps")):
                await _one_step(store, model, data)
                if model.staged is not None:
                    if data.draw(st.booleans(), label="crash before the restore"):
                        break
                    await _restore(store, model)
        finally:
            await store.close()


async def _one_step(store: SqliteStore, model: MemoryDisk, data: st.DataObject) -> None:
    if data.draw(st.integers(0, 2)) == 0:
        changes = flush(data.draw, model)
        await store.flush(changes)
        model.apply(changes)
        return
    if data.draw(st.integers(0, 4)) == 0:
        await _install(store, model, data)
        return
    writes = []
    for number in range(data.draw(st.integers(1, 3), label="group")):
        writes.append(persist(data.draw, model, number))
        model.persist(writes[-1])
    await store.write(writes)


async def _install(store: SqliteStore, model: MemoryDisk, data: st.DataObject) -> None:
    """A leader's snapshot comes, and whatever else the core wants written with it."""
    writes = [persist(data.draw, model, 1)] if data.draw(st.booleans()) else []
    for write in writes:
        model.persist(write)
    install = installation(data.draw, model, 2)
    assert install.snapshot is not None
    index = install.snapshot.last_included_index
    rows = data.draw(st.dictionaries(KEYS, past_rows(index), max_size=4))
    sessions = data.draw(st.dictionaries(st.integers(1, 5), past_sessions(index), max_size=2))
    sender = MemoryDisk(rows=rows, sessions=sessions, last_applied=index)
    copy, copied = written(sender.pages(), index)
    await receive(store, install.snapshot, copy, copied)
    await store.write([*writes, install])
    model.persist(install)
    model.staged = MemoryStaged(install.snapshot, copy, bytearray(copied), waits=True)


async def _restore(store: SqliteStore, model: MemoryDisk) -> None:
    assert model.staged is not None
    await store.restore(model.staged.snapshot)
    model.replace(model.staged.pages(), model.staged.copy.index)
    model.staged = None


async def _digest(model: MemoryDisk) -> bytes:
    store, _ = await open_memory(replace(model, locked=False))
    return await store.digest()
