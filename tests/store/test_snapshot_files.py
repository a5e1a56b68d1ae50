"""Copies as files beside the database: crashed at every step, damaged, in the way of nobody."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from huffleraft.core.effects import Persist
from huffleraft.errors import StorageCorrupt, StorageFailed, StorageFull
from huffleraft.ports import Flush, Row
from huffleraft.store.copies import PAGE_BYTES
from huffleraft.store.directory import WAL
from huffleraft.store.side_files import FOLDER, INCOMING, OUTGOING, PART
from huffleraft.store.sqlite import SqliteStore, open_sqlite
from tests.store.images import contents, copy, flip
from tests.store.stories import FOUNDING, commands
from tests.store.test_checkpoints import files_may_not_grow_beyond
from tests.store.test_snapshots import INSTALL, SNAPSHOT, STATE, sender
from tests.store.transfers import receive

pytestmark = pytest.mark.anyio

TABLES = {"identity", "boot", "vote", "snapshot", "base", "machine", "log", "kv", "session"}


async def installed(path: Path) -> tuple[SqliteStore, bytes, bytes]:
    """A store with a past of its own that waits for a restore; its digest, and the sender's."""
    theirs, announced, data = await sender()
    store, _ = await open_sqlite(path, found=FOUNDING)
    rows = {f"mine {i}": Row(bytes(3000), 1, 1) for i in range(1200)}
    await store.flush(Flush(1, rows, {}))
    await receive(store, SNAPSHOT, announced, data)
    await store.write((INSTALL,))
    return store, await store.digest(), await theirs.digest()


async def store_with_state(path: Path) -> SqliteStore:
    """A store that holds STATE, and the log that led there; no checkpoint is due."""
    store, _ = await open_sqlite(path, found=FOUNDING)
    await store.write((Persist(1, entries=commands(2, 39)),))
    await store.flush(STATE)
    await store.sessions()
    return store


def files(path: Path) -> set[str]:
    """What is in the folder of copies."""
    folder = path / FOLDER
    return {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()


async def tables(store: SqliteStore) -> set[str]:
    """The tables of its database."""

    def names() -> set[str]:
        found = store._database.connection.exec_driver_sql("SELECT name FROM sqlite_schema")
        return {name for (name,) in found if not name.startswith("sqlite_")}

    return await store._writer.run(names)


async def images_of_each_step(
    store: SqliteStore, steps: Generator[None, None, object], path: Path, to: Path
) -> list[Path]:
    """What a kill -9 would leave before the first of *steps*, between them, and after the last."""

    def all_of_them() -> list[Path]:
        taken = [copy(path, to / "0")]
        for _ in steps:
            taken.append(copy(path, to / str(len(taken))))
        taken.append(copy(path, to / str(len(taken))))
        return taken

    return await store._writer.run(all_of_them)


# Crashes.


async def test_a_crash_at_any_step_of_a_restore_leaves_the_old_rows_or_the_new(
    tmp_path: Path,
) -> None:
    store, mine, theirs = await installed(tmp_path / "node")
    steps = store._snapshots._restore(SNAPSHOT)
    images = await images_of_each_step(store, steps, tmp_path / "node", tmp_path / "images")
    await store.close()
    assert len(images) > 4
    for image in images[:-1]:
        recovered, digest = contents(image)
        assert (recovered.last_applied, digest) == (1, mine)
        assert files(image) == {INCOMING}
        again, _ = await open_sqlite(image)
        assert await tables(again) == TABLES
        await again.restore(SNAPSHOT)
        assert await again.digest() == theirs
        await again.close()
    recovered, digest = contents(images[-1])
    assert (recovered.last_applied, digest) == (40, theirs)
    assert files(images[-1]) == set()


async def test_a_crash_before_the_restored_file_is_removed_removes_it_later(
    tmp_path: Path,
) -> None:
    store, _, theirs = await installed(tmp_path / "node")
    shutil.copyfile(tmp_path / "node" / FOLDER / INCOMING, tmp_path / "kept")
    await store.restore(SNAPSHOT)
    await store.close()
    shutil.copyfile(tmp_path / "kept", tmp_path / "node" / FOLDER / INCOMING)
    recovered, digest = contents(tmp_path / "node")
    assert (recovered.last_applied, digest) == (40, theirs)
    assert files(tmp_path / "node") == set()


async def test_a_crash_at_any_step_of_a_copy_leaves_nothing_of_it(tmp_path: Path) -> None:
    store = await store_with_state(tmp_path / "node")
    steps = store._snapshots._outgoing.make()
    images = await images_of_each_step(store, steps, tmp_path / "node", tmp_path / "images")
    held = await store.digest()
    await store.close()
    assert len(images) > 4
    for image in images:
        assert contents(image)[1] == held
        assert files(image) == set()


async def test_a_crash_at_any_step_of_finishing_leaves_a_whole_part(tmp_path: Path) -> None:
    _, announced, data = await sender()
    store, _ = await open_sqlite(tmp_path / "node", found=FOUNDING)
    await store.stage(SNAPSHOT, announced)
    await store.stage_bytes(0, data)
    steps = store._snapshots._staging.finish()
    images = await images_of_each_step(store, steps, tmp_path / "node", tmp_path / "images")
    await store.close()
    assert [files(image) for image in images] == [{PART}] * (len(images) - 1) + [{INCOMING}]
    for image in images:
        again, _ = await open_sqlite(image)
        assert files(image) == {PART}
        assert await again.stage(SNAPSHOT, announced) == announced.size
        await again.finish_staged()
        await again.close()


async def test_leftovers_of_any_kind_are_removed_at_the_opening(tmp_path: Path) -> None:
    store, _ = await open_sqlite(tmp_path, found=FOUNDING)
    await store.copy_rows()
    await store.close()
    (tmp_path / FOLDER / PART).write_bytes(b"cut short")
    (tmp_path / FOLDER / "stranger").touch()
    assert files(tmp_path) == {OUTGOING, PART, "stranger"}
    store, _ = await open_sqlite(tmp_path)
    assert files(tmp_path) == set()
    await store.close()


async def test_an_opening_that_is_refused_removes_nothing(tmp_path: Path) -> None:
    store, _, _ = await installed(tmp_path)
    await store.close()
    flip(tmp_path, f"{FOLDER}/{INCOMING}", 5000, 3)
    (tmp_path / FOLDER / "evidence").touch()
    with pytest.raises(StorageCorrupt):
        await open_sqlite(tmp_path)
    assert files(tmp_path) == {INCOMING, "evidence"}


# Damage.


async def test_a_bit_that_flips_in_a_waiting_copy_is_found_before_any_of_it_is_installed(
    tmp_path: Path,
) -> None:
    store, mine, _ = await installed(tmp_path / "node")
    size = (tmp_path / "node" / FOLDER / INCOMING).stat().st_size
    images = [copy(tmp_path / "node", tmp_path / f"at {o}") for o in (3, 40, 300, size // 2)]
    images.append(copy(tmp_path / "node", tmp_path / f"at {size - 1}"))
    flip(tmp_path / "node", f"{FOLDER}/{INCOMING}", size - 1, 0)
    with pytest.raises(
        StorageCorrupt, match=r"^snapshots/incoming is damaged at the copy of index 40"
    ):
        await store.restore(SNAPSHOT)
    with pytest.raises(StorageFailed):
        await store.digest()
    await store.close()
    flip(tmp_path / "node", f"{FOLDER}/{INCOMING}", size - 1, 0)
    assert contents(tmp_path / "node")[1] == mine
    for image in images:
        flip(image, f"{FOLDER}/{INCOMING}", int(image.name[3:]), 5)
        with pytest.raises(StorageCorrupt, match=r"^snapshots/incoming is damaged at the copy of"):
            contents(image)


async def test_a_waiting_copy_of_another_snapshot_is_refused(tmp_path: Path) -> None:
    store, _, _ = await installed(tmp_path / "node")
    await store.close()
    _, announced, data = await sender()
    other, _ = await open_sqlite(tmp_path / "other", found=FOUNDING)
    await receive(other, replace(SNAPSHOT, last_included_term=4), announced, data)
    await other.close()
    shutil.copyfile(tmp_path / "other" / FOLDER / INCOMING, tmp_path / "node" / FOLDER / INCOMING)
    with pytest.raises(StorageCorrupt, match="the copy of index 40: it is that of Snapshot"):
        await open_sqlite(tmp_path / "node")


async def test_a_damaged_row_is_not_copied(tmp_path: Path) -> None:
    store, _ = await open_sqlite(tmp_path, found=FOUNDING)
    await store.flush(Flush(1, {"a": Row(b"1", 1, 1)}, {}))

    def damage() -> None:
        store._database.connection.exec_driver_sql("UPDATE kv SET value = x'32'")

    await store._writer.run(damage)
    with pytest.raises(StorageCorrupt, match="key 'a'"):
        await store.copy_rows()
    assert files(tmp_path) == set()
    await store.close()


async def test_rows_that_are_flushed_while_they_are_copied_stop_the_store(tmp_path: Path) -> None:
    store = await store_with_state(tmp_path)
    steps = store._snapshots._outgoing.make()
    await store._writer.run(lambda: next(steps))
    await store.flush(Flush(41, {}, {}))
    with pytest.raises(StorageFailed, match="rows were flushed while they were copied"):
        await store._snapshots._in_steps(steps)
    assert files(tmp_path) == set()
    await store.close()


# Nobody waits.


async def test_what_was_replaced_is_removed_a_portion_at_a_time(tmp_path: Path) -> None:
    store, _, theirs = await installed(tmp_path)
    await store.restore(SNAPSHOT)
    turns = 0
    while (left := await tables(store)) != TABLES:
        assert left - TABLES <= {"kv_old", "session_old"}
        turns += 1
        assert turns < 50
    assert turns > 2
    assert await store.digest() == theirs
    await store.close()


async def test_what_was_replaced_and_not_removed_is_removed_at_the_next_opening(
    tmp_path: Path,
) -> None:
    store, _, theirs = await installed(tmp_path / "node")
    steps = store._snapshots._restore(SNAPSHOT)
    images = await images_of_each_step(store, steps, tmp_path / "node", tmp_path / "images")
    await store.close()
    for path in (tmp_path / "node", images[-1]):
        again, _ = await open_sqlite(path)
        assert await tables(again) == TABLES
        assert await again.digest() == theirs
        await again.close()


async def test_a_write_waits_for_a_page_and_not_for_the_whole(tmp_path: Path) -> None:
    theirs, announced, data = await sender()
    store, _ = await open_sqlite(tmp_path, found=FOUNDING)
    await store.flush(STATE)
    await store.stage(SNAPSHOT, announced)
    await store.stage_bytes(0, data)
    calls = (store.copy_rows, store.finish_staged, lambda: store.restore(SNAPSHOT))
    index = 2
    for call in calls:
        done = anyio.Event()
        written = 0
        async with anyio.create_task_group() as group:

            async def work() -> None:
                await call()  # noqa: B023  # awaited before the loop goes on
                done.set()  # noqa: B023

            group.start_soon(work)
            while not done.is_set():
                await store.write((Persist(index, entries=commands(index, 1)),))
                written += not done.is_set()
                index += 1
        assert written >= announced.size // (2 * PAGE_BYTES)
    assert await store.digest() == await theirs.digest()
    await store.close()


# Space.


async def test_side_files_count_towards_the_quota(tmp_path: Path) -> None:
    _, announced, data = await sender()
    store, _ = await open_sqlite(tmp_path, found=FOUNDING, page_limit=60)
    await store.stage(SNAPSHOT, announced)
    with pytest.raises(StorageFull):
        await store.stage_bytes(0, data)
    assert files(tmp_path) == set()
    await store.limit_pages(60 + announced.size // 4096)
    await receive(store, SNAPSHOT, announced, data)
    await store.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
async def test_a_device_without_space_is_a_full_disk(tmp_path: Path) -> None:
    store, _ = await open_sqlite(tmp_path, found=FOUNDING)
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / OUTGOING).symlink_to("/dev/full")
    with pytest.raises(StorageFull):
        await store.copy_rows()
    assert files(tmp_path) == set()
    await store.copy_rows()
    await store.close()


async def test_any_other_error_of_a_side_file_stops_the_store(tmp_path: Path) -> None:
    store = await store_with_state(tmp_path)
    with files_may_not_grow_beyond(100_000), pytest.raises(StorageFailed, match="outgoing"):
        await store.copy_rows()
    with pytest.raises(StorageFailed):
        await store.write((Persist(1, entries=commands(2, 1)),))
    assert files(tmp_path) == set()
    await store.close()


async def test_disk_use_is_that_of_the_files(tmp_path: Path) -> None:
    _, announced, data = await sender()
    store = await store_with_state(tmp_path)
    await store.copy_rows()
    await store.stage(SNAPSHOT, announced)
    await store.stage_bytes(0, data[:100_000])
    use = await store.disk_use()
    folder = tmp_path / FOLDER
    assert use.outgoing == (folder / OUTGOING).stat().st_size == announced.size
    assert use.incoming == (folder / PART).stat().st_size > 100_000
    assert use.database + use.write_ahead_log > announced.size
    assert use.write_ahead_log == (tmp_path / WAL).stat().st_size
    assert use.total == use.database + use.write_ahead_log + use.outgoing + use.incoming
    await store.close()


async def test_the_room_of_dropped_entries_and_replaced_rows_is_used_again(tmp_path: Path) -> None:
    store, _ = await open_sqlite(tmp_path, found=FOUNDING)
    uses = []
    index = 1
    for _ in range(8):
        entries = commands(index + 1, 3000)
        index += 3000
        await store.write((Persist(1, entries=entries),))
        await store.flush(Flush(index, {}, {}))
        snapshot = replace(SNAPSHOT, last_included_index=index, last_included_term=1)
        await store.write((Persist(2, snapshot=snapshot, base=entries[-10].id),))
        uses.append(await store.disk_use())
    assert uses[-1].database == uses[1].database
    assert uses[-1].free > uses[-1].database // 4
    await store.close()


# The order of syncs, which no crash of a process alone can show.


async def test_a_copy_is_synced_before_it_waits_and_its_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, announced, data = await sender()
    store, _ = await open_sqlite(tmp_path, found=FOUNDING)
    await store.stage(SNAPSHOT, announced)
    await store.stage_bytes(0, data)
    folder = tmp_path / FOLDER
    copy_inode, folder_inode = (folder / PART).stat().st_ino, folder.stat().st_ino
    synced: list[tuple[int, set[str]]] = []
    fsync = os.fsync

    def recorded(opened: int) -> None:
        synced.append((os.fstat(opened).st_ino, files(tmp_path)))
        fsync(opened)

    monkeypatch.setattr(os, "fsync", recorded)
    await store.finish_staged()
    assert synced == [(copy_inode, {PART}), (folder_inode, {INCOMING})]
    await store.close()
