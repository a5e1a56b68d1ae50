"""What every store promises of copies, on both backends: frozen, whole, resumed, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest

from huffleraft.core.effects import Persist
from huffleraft.core.log import Snapshot
from huffleraft.core.types import ORIGIN, EntryId, Vote
from huffleraft.errors import SnapshotDamaged, StorageCorrupt, StorageFailed, StorageFull
from huffleraft.ports import Flush, Recovered, Row, SessionRow, SnapshotCopy, Snapshots
from huffleraft.store.copies import PAGE_BYTES
from huffleraft.store.memory import MemoryDisk, MemoryStore, open_memory
from huffleraft.store.sqlite import SqliteStore, open_sqlite
from tests.store.stories import CONFIGURATION, FOUNDING, commands
from tests.store.transfers import read_whole, receive

pytestmark = pytest.mark.anyio

Store: TypeAlias = SqliteStore | MemoryStore
Open: TypeAlias = Callable[[], Coroutine[Any, Any, tuple[Store, Recovered]]]

SNAPSHOT = Snapshot(40, 3, CONFIGURATION)
INSTALL = Persist(9, Vote(3, None), SNAPSHOT, SNAPSHOT.id)
"""As a core writes it whose log ends before the snapshot."""

LARGE = {f"large {i}": Row(bytes([i]) * 30_000, 1, 1 + i) for i in range(9)}
SMALL = {f"key {i}": Row(b"%d" % i, 2, 40) for i in range(1000)}
STATE = Flush(
    40,
    {**LARGE, **SMALL, "ä\0/": Row(b"", 7, 3)},
    {3: SessionRow(9, 40, b"answer"), 7: SessionRow(0, 7, b"")},
)
"""A state of several pages."""


@pytest.fixture(params=["sqlite", "memory"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens always the same disk."""
    disk = MemoryDisk()

    async def open_it() -> tuple[Store, Recovered]:
        if request.param == "sqlite":
            return await open_sqlite(tmp_path / "node", found=FOUNDING)
        return await open_memory(disk, found=FOUNDING)

    return open_it


async def sender() -> tuple[MemoryStore, SnapshotCopy, bytes]:
    """A store of another node that holds STATE, its copy, and the copy's bytes."""
    store, _ = await open_memory(MemoryDisk(), found=FOUNDING)
    await store.flush(STATE)
    copy = await store.copy_rows()
    return store, copy, await read_whole(store, copy)


async def with_another_past(open_store: Open) -> Store:
    """A store with rows, sessions and entries of its own."""
    store, _ = await open_store()
    await store.write((Persist(1, entries=commands(2, 9)),))
    rows = {"key 1": Row(b"mine", 1, 3), "mine": Row(b"alone", 1, 4)}
    await store.flush(Flush(5, rows, {3: SessionRow(1, 4, b"mine"), 5: SessionRow(0, 5, b"")}))
    return store


async def test_both_stores_are_what_the_port_asks_for(open_store: Open) -> None:
    store, _ = await open_store()
    snapshots: Snapshots = store
    await snapshots.discard_staged()
    await store.close()


# On its way out.


async def test_equal_states_are_equal_copies_in_every_store(open_store: Open) -> None:
    _, copy, data = await sender()
    store, _ = await open_store()
    await store.write((Persist(1, entries=commands(2, 39)),))
    await store.flush(STATE)
    assert await store.copy_rows() == copy
    assert await read_whole(store, copy) == data
    assert len(data) == copy.size > 3 * PAGE_BYTES
    assert await store.read_copy(copy, 17, 5) == data[17:22]
    assert await store.read_copy(copy, copy.size, 5) == b""
    await store.close()


async def test_a_copy_stays_as_it_was_until_the_next(open_store: Open) -> None:
    store = await with_another_past(open_store)
    first = await store.copy_rows()
    assert first.index == 5
    data = await read_whole(store, first)
    assert await store.copy_rows() == first
    await store.flush(Flush(6, {"new": Row(b"", 1, 6)}, {3: None}))
    assert await read_whole(store, first) == data
    second = await store.copy_rows()
    assert second.index == 6
    assert second.digest != first.digest
    with pytest.raises(KeyError):
        await store.read_copy(first, 0, 1)
    await store.close()


async def test_an_empty_state_has_a_copy_too(open_store: Open) -> None:
    store, _ = await open_store()
    copy = await store.copy_rows()
    data = await read_whole(store, copy)
    await store.close()
    assert (copy.index, copy.size) == (0, len(data))


# On its way in.


async def test_a_restored_store_is_its_sender_to_the_last_bit(open_store: Open) -> None:
    theirs, copy, data = await sender()
    store = await with_another_past(open_store)
    await receive(store, SNAPSHOT, copy, data)
    await store.write((INSTALL,))
    await store.restore(SNAPSHOT)
    assert await store.digest() == await theirs.digest()
    assert await store.sessions() == STATE.sessions
    keys = [*STATE.rows, "mine"]
    assert await store.fetch(keys) == STATE.rows
    assert await store.copy_rows() == copy
    await store.write((Persist(10, entries=commands(41, 2, term=3)),))
    await store.flush(Flush(42, {"key 1": None}, {7: None}))
    await store.close()
    store, recovered = await open_store()
    assert recovered.last_applied == 42
    assert (recovered.snapshot, recovered.base) == (SNAPSHOT, SNAPSHOT.id)
    assert recovered.entries == commands(41, 2, term=3)
    assert set(await store.fetch(["key 1", "key 2"])) == {"key 2"}
    await store.close()


async def test_is_3_bytes_that_are_not_wanted_next_are_passed_over(open_store: Open) -> None:
    _, copy, data = await sender()
    store, _ = await open_store()
    assert await store.stage(SNAPSHOT, copy) == 0
    assert await store.stage_bytes(5, data[5:9]) == 0
    assert await store.stage_bytes(0, data[:9]) == 9
    assert await store.stage_bytes(0, data[:9]) == 9
    assert await store.stage(SNAPSHOT, copy) == 9
    await receive(store, SNAPSHOT, copy, data)
    assert await store.stage_bytes(0, data[:9]) == copy.size
    await store.close()


async def test_a_transfer_goes_on_where_it_stopped_after_a_restart(open_store: Open) -> None:
    _, copy, data = await sender()
    store, _ = await open_store()
    await store.stage(SNAPSHOT, copy)
    await store.stage_bytes(0, data[:100_000])
    await store.close()
    store, recovered = await open_store()
    assert recovered.snapshot is None
    assert await store.stage(SNAPSHOT, copy) == 100_000
    await receive(store, SNAPSHOT, copy, data)
    await store.close()


async def test_another_copy_takes_the_place_of_one_that_is_not_whole(open_store: Open) -> None:
    theirs, copy, data = await sender()
    store, _ = await open_store()
    await store.stage(SNAPSHOT, copy)
    await store.stage_bytes(0, data[:1000])
    later = Snapshot(41, 3, CONFIGURATION)
    await theirs.flush(Flush(41, {"later": Row(b"", 1, 41)}, {}))
    later_copy = await theirs.copy_rows()
    await receive(store, later, later_copy, await read_whole(theirs, later_copy))
    await store.write((Persist(1, Vote(3, None), later, later.id),))
    await store.restore(later)
    assert await store.digest() == await theirs.digest()
    await store.close()


async def test_a_snapshot_is_staged_with_its_own_copy_only(open_store: Open) -> None:
    _, copy, _ = await sender()
    store, _ = await open_store()
    with pytest.raises(ValueError, match="a copy of index 40 is not that of"):
        await store.stage(Snapshot(41, 3, CONFIGURATION), copy)
    with pytest.raises(ValueError, match="no copy is being received"):
        await store.stage_bytes(0, b"x")
    with pytest.raises(ValueError, match="no copy is being received"):
        await store.finish_staged()
    await store.close()


async def test_what_waits_for_its_restore_is_not_replaced(open_store: Open) -> None:
    _, copy, data = await sender()
    store, _ = await open_store()
    await receive(store, SNAPSHOT, copy, data)
    assert await store.stage(SNAPSHOT, copy) == copy.size
    await store.finish_staged()
    other = Snapshot(40, 4, CONFIGURATION)
    with pytest.raises(ValueError, match="another copy waits for its restore"):
        await store.stage(other, copy)
    await store.discard_staged()  # the core has refused it
    assert await store.stage(other, copy) == 0
    await store.close()


async def test_what_the_log_goes_on_from_is_not_discarded(open_store: Open) -> None:
    theirs, copy, data = await sender()
    store, _ = await open_store()
    await receive(store, SNAPSHOT, copy, data)
    await store.write((INSTALL,))
    with pytest.raises(ValueError, match="waits for its restore, and the log goes on from it"):
        await store.discard_staged()
    await store.restore(SNAPSHOT)
    assert await store.digest() == await theirs.digest()
    await store.discard_staged()
    await store.close()


# Crashes.


async def test_a_copy_that_was_finished_and_not_installed_is_but_a_part(open_store: Open) -> None:
    theirs, copy, data = await sender()
    store = await with_another_past(open_store)
    await receive(store, SNAPSHOT, copy, data)
    await store.close()
    store, recovered = await open_store()
    assert (recovered.snapshot, recovered.last_applied) == (None, 5)
    assert await store.stage(Snapshot(40, 4, CONFIGURATION), copy) == 0
    await receive(store, SNAPSHOT, copy, data)
    await store.close()
    store, _ = await open_store()
    assert await store.stage(SNAPSHOT, copy) == copy.size
    await store.finish_staged()
    await store.write((INSTALL,))
    await store.restore(SNAPSHOT)
    assert await store.digest() == await theirs.digest()
    await store.close()


async def test_an_install_that_was_not_restored_is_restored_after_the_restart(
    open_store: Open,
) -> None:
    theirs, copy, data = await sender()
    store = await with_another_past(open_store)
    await receive(store, SNAPSHOT, copy, data)
    await store.write((INSTALL,))
    await store.close()
    for _ in range(2):
        store, recovered = await open_store()
        assert recovered.snapshot == SNAPSHOT
        assert (recovered.last_applied, recovered.entries) == (5, ())
        assert set(await store.sessions()) == {3, 5}
        assert await store.stage(SNAPSHOT, copy) == copy.size
        with pytest.raises(ValueError, match="another copy waits"):
            await store.stage(Snapshot(40, 4, CONFIGURATION), copy)
        await store.close()
    store, _ = await open_store()
    await store.restore(SNAPSHOT)
    assert await store.digest() == await theirs.digest()
    await store.close()
    store, recovered = await open_store()
    assert recovered.last_applied == 40
    await store.close()


async def test_a_transfer_that_lost_its_use_is_gone_after_the_restart(open_store: Open) -> None:
    _, copy, data = await sender()
    store, _ = await open_store()
    await receive(store, SNAPSHOT, copy, data)
    await store.write((Persist(1, entries=commands(2, 49)),))
    await store.flush(Flush(45, {}, {}))
    await store.close()
    store, _ = await open_store()
    assert await store.stage(SNAPSHOT, copy) == 0
    await store.close()


# What is wrong is never installed.


async def test_a_copy_that_is_not_what_was_announced_is_refused_and_gone(open_store: Open) -> None:
    _, copy, data = await sender()
    store, _ = await open_store()
    for offset in (0, 20, 30, len(data) // 2, len(data) - 1):
        wrong = bytearray(data)
        wrong[offset] ^= 1
        with pytest.raises(SnapshotDamaged):
            await receive(store, SNAPSHOT, copy, bytes(wrong), 50_000)
        assert await store.stage(SNAPSHOT, copy) == 0
    await store.stage_bytes(0, data[:-1])
    with pytest.raises(SnapshotDamaged, match=r"\d+ of \d+ bytes have come"):
        await store.finish_staged()
    assert await store.stage(SNAPSHOT, copy) == 0
    with pytest.raises(SnapshotDamaged, match="goes on beyond"):
        await store.stage_bytes(0, data + b"x")
    with pytest.raises(ValueError, match="no copy is being received"):
        await store.stage_bytes(0, b"x")
    await receive(store, SNAPSHOT, copy, data)
    await store.close()


async def test_a_restore_without_its_copy_is_refused(open_store: Open) -> None:
    store, _ = await open_store()
    with pytest.raises(StorageCorrupt, match="the copy of index 40: it is not there"):
        await store.restore(SNAPSHOT)
    await store.close()


async def test_an_install_whose_copy_is_gone_is_refused_at_the_opening(open_store: Open) -> None:
    store, _ = await open_store()
    await store.write((INSTALL,))
    await store.close()
    with pytest.raises(StorageCorrupt, match="the copy of index 40: it is not there"):
        await open_store()


@pytest.mark.parametrize(
    "write, sentence",
    [
        (Persist(1, base=EntryId(1, 5)), "it includes the log up to 0, but the log holds 6 to 10"),
        (
            Persist(1, snapshot=Snapshot(3, 1, CONFIGURATION), base=EntryId(1, 4)),
            "it includes the log up to 3, but the log holds 5 to 10",
        ),
        (
            Persist(1, snapshot=Snapshot(11, 1, CONFIGURATION)),
            "it includes the log up to 11, but the log holds 1 to 10",
        ),
        (
            Persist(1, snapshot=Snapshot(4, 2, CONFIGURATION)),
            "the last entry that it includes, 4, has term 2, and in the log term 1",
        ),
    ],
)
async def test_a_record_and_a_log_that_disagree_are_refused(
    open_store: Open, write: Persist, sentence: str
) -> None:
    store, _ = await open_store()
    await store.write((Persist(1, entries=commands(2, 9)),))
    await store.flush(Flush(10, {}, {}))
    await store.write((write,))
    await store.close()
    with pytest.raises(StorageCorrupt, match=sentence):
        await open_store()


async def test_an_install_over_a_log_of_another_past_leaves_nothing_of_it(open_store: Open) -> None:
    """The log held a higher term at the snapshot's index than what follows the snapshot has."""
    _, copy, data = await sender()
    store, _ = await open_store()
    await store.write((Persist(1, Vote(5, None), entries=commands(2, 49, term=5)),))
    await receive(store, SNAPSHOT, copy, data)
    await store.write((Persist(2, snapshot=SNAPSHOT, base=SNAPSHOT.id, truncate_from=41),))
    await store.write((Persist(3, entries=commands(41, 2, term=3)),))
    await store.restore(SNAPSHOT)
    await store.close()
    store, recovered = await open_store()
    await store.close()
    assert recovered.entries == commands(41, 2, term=3)


async def test_a_group_that_appends_and_then_installs_is_one_write(open_store: Open) -> None:
    _, copy, data = await sender()
    store, _ = await open_store()
    await store.write((Persist(1, entries=commands(2, 60)),))
    await receive(store, SNAPSHOT, copy, data)
    await store.write(
        (
            Persist(2, Vote(2, None), truncate_from=9, entries=commands(9, 3, term=2)),
            Persist(3, Vote(3, None), SNAPSHOT, SNAPSHOT.id),
            Persist(4, entries=commands(41, 2, term=3)),
        )
    )
    await store.close()
    store, recovered = await open_store()
    await store.close()
    assert (recovered.snapshot, recovered.base) == (SNAPSHOT, SNAPSHOT.id)
    assert recovered.entries == commands(41, 2, term=3)


async def test_an_install_is_one_write_and_leaves_nothing_if_it_fails(open_store: Open) -> None:
    _, copy, data = await sender()
    store = await with_another_past(open_store)
    await receive(store, SNAPSHOT, copy, data)
    with pytest.raises(StorageFailed, match="entry 45 does not follow the log's last, 40"):
        await store.write((replace(INSTALL, entries=commands(45, 1, term=3)),))
    await store.close()
    store, recovered = await open_store()
    await store.close()
    assert (recovered.snapshot, recovered.base, recovered.vote) == (None, ORIGIN, Vote(1, None))
    assert recovered.entries[1:] == commands(2, 9)


# A full disk.


async def test_a_full_disk_leaves_nothing_of_what_was_begun(open_store: Open) -> None:
    theirs, copy, data = await sender()
    store = await with_another_past(open_store)
    before = await store.digest()

    async def fill(full: bool) -> None:
        if isinstance(store, SqliteStore):
            await store.limit_pages(20 if full else None)
        else:
            store._disk.full = full

    await fill(True)
    with pytest.raises(StorageFull):
        await receive(store, SNAPSHOT, copy, data, 50_000)
    await fill(False)
    assert await store.stage(SNAPSHOT, copy) == 0
    await receive(store, SNAPSHOT, copy, data)
    await store.write((INSTALL,))
    await fill(True)
    for _ in range(2):
        with pytest.raises(StorageFull):
            await store.restore(SNAPSHOT)
        assert await store.digest() == before
    await fill(False)
    await store.restore(SNAPSHOT)
    assert await store.digest() == await theirs.digest()
    await fill(True)
    with pytest.raises(StorageFull):
        await store.copy_rows()
    with pytest.raises(KeyError):
        await store.read_copy(copy, 0, 1)
    await fill(False)
    assert await store.copy_rows() == copy
    await store.close()


async def test_a_caller_that_is_cancelled_leaves_the_store_whole(open_store: Open) -> None:
    theirs, copy, data = await sender()
    store = await with_another_past(open_store)
    mine = await store.digest()
    for steps in range(12):
        for call in (store.copy_rows, store.finish_staged):
            await store.stage(SNAPSHOT, copy)
            await store.stage_bytes(0, data)
            await cancelled_after(steps, call)
    await receive(store, SNAPSHOT, copy, data)
    await store.write((INSTALL,))
    for steps in range(12):
        with anyio.move_on_after(30):
            await cancelled_after(steps, lambda: restored(store))
        assert await store.digest() in {mine, await theirs.digest()}
    await restored(store)
    assert await store.digest() == await theirs.digest()
    await store.close()
    store, _ = await open_store()
    await store.close()


async def restored(store: Store) -> None:
    """Restore, unless that is done."""
    if (await store.copy_rows()).index != 40:
        await store.restore(SNAPSHOT)


async def cancelled_after(steps: int, call: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Begin *call*, and cancel it when others had *steps* turns."""
    async with anyio.create_task_group() as group:
        group.start_soon(call)
        for _ in range(steps * 3):
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()


async def test_a_closed_store_copies_nothing(open_store: Open) -> None:
    store, _ = await open_store()
    await store.close()
    with pytest.raises(StorageFailed, match="it is closed"):
        await store.copy_rows()
