"""What every store promises, shown for each of them, on both backends."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest

from huffleraft.core.effects import Persist
from huffleraft.core.log import Entry, Snapshot
from huffleraft.core.types import ORIGIN, EntryId, Vote
from huffleraft.errors import (
    ConfigurationInvalid,
    DataDirLocked,
    IdentityMismatch,
    StorageFailed,
    StorageFull,
)
from huffleraft.ports import Flush, Recovered, Row, Rows, SessionRow, Storage
from huffleraft.store.founding import Founding
from huffleraft.store.memory import MemoryDisk, MemoryStore, open_memory
from huffleraft.store.sqlite import SqliteStore, open_sqlite
from tests.store.stories import CONFIGURATION, FOUNDING, commands

pytestmark = pytest.mark.anyio

Store: TypeAlias = SqliteStore | MemoryStore
Open: TypeAlias = Callable[[Founding | None], Coroutine[Any, Any, tuple[Store, Recovered]]]


@pytest.fixture(params=["sqlite", "memory"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens always the same disk."""
    disk = MemoryDisk()

    async def open_it(found: Founding | None = FOUNDING) -> tuple[Store, Recovered]:
        if request.param == "sqlite":
            return await open_sqlite(tmp_path / "node", found=found)
        return await open_memory(disk, found=found)

    return open_it


async def test_both_stores_are_what_the_ports_ask_for(open_store: Open) -> None:
    store, _ = await open_store(FOUNDING)
    storage: Storage = store
    rows: Rows = store
    await storage.write(())
    assert await rows.fetch(()) == {}
    await store.close()


async def test_a_founder_begins_in_term_1_with_the_first_configuration(open_store: Open) -> None:
    store, recovered = await open_store(FOUNDING)
    await store.close()
    assert recovered == Recovered(
        node_id="n1",
        cluster_id="cluster",
        boot=1,
        vote=Vote(1, None),
        snapshot=None,
        base=ORIGIN,
        entries=(Entry(1, 1, FOUNDING.configuration),),
        last_applied=0,
    )


async def test_a_newcomer_begins_with_nothing_but_its_identity(open_store: Open) -> None:
    store, recovered = await open_store(Founding("n9", "cluster", None))
    await store.close()
    assert (recovered.node_id, recovered.vote, recovered.entries) == ("n9", Vote(0, None), ())


async def test_o6_the_boot_rises_with_every_opening(open_store: Open) -> None:
    boots = []
    for _ in range(3):
        store, recovered = await open_store(FOUNDING)
        boots.append(recovered.boot)
        await store.close()
    assert boots == [1, 2, 3]


async def test_what_is_written_is_recovered(open_store: Open) -> None:
    store, _ = await open_store(FOUNDING)
    await store.write((Persist(1, entries=commands(2, 3)),))
    await store.write((Persist(2, vote=Vote(4, "n2")),))
    await store.write((Persist(3, truncate_from=4, entries=commands(4, 2, term=4)),))
    await store.close()
    store, recovered = await open_store(FOUNDING)
    await store.close()
    assert recovered.vote == Vote(4, "n2")
    assert recovered.entries[1:] == commands(2, 2) + commands(4, 2, term=4)


async def test_o2_writes_given_together_are_done_in_their_order(open_store: Open) -> None:
    store, _ = await open_store(FOUNDING)
    await store.write(
        (
            Persist(1, vote=Vote(2, "n1"), entries=commands(2, 5)),
            Persist(2, truncate_from=4),
            Persist(3, vote=Vote(3, None), entries=commands(4, 1, term=3)),
        )
    )
    await store.close()
    store, recovered = await open_store(FOUNDING)
    await store.close()
    assert recovered.vote == Vote(3, None)
    assert recovered.entries[1:] == commands(2, 2) + commands(4, 1, term=3)


async def test_a_truncation_cuts_through_what_was_written_together(open_store: Open) -> None:
    store, _ = await open_store(FOUNDING)
    await store.write((Persist(1, entries=commands(2, 10)),))
    await store.write((Persist(2, truncate_from=7),))
    await store.write((Persist(3, entries=commands(7, 2)),))
    await store.write((Persist(4, truncate_from=2),))
    await store.write((Persist(5, entries=commands(2, 6)),))
    await store.close()
    store, recovered = await open_store(FOUNDING)
    await store.close()
    assert recovered.entries[1:] == commands(2, 6)


async def test_a_base_takes_the_log_below_it_away(open_store: Open) -> None:
    store, _ = await open_store(FOUNDING)
    await store.write((Persist(1, entries=commands(2, 10)),))
    await store.flush(Flush(8, {}, {}))
    snapshot = Snapshot(7, 1, CONFIGURATION)
    await store.write((Persist(2, snapshot=snapshot, base=EntryId(1, 6)),))
    await store.write((Persist(3, truncate_from=9, entries=commands(9, 1)),))
    await store.close()
    store, recovered = await open_store(FOUNDING)
    await store.close()
    assert recovered.snapshot == snapshot
    assert recovered.base == EntryId(1, 6)
    assert recovered.entries == commands(7, 3)


async def test_a_base_above_the_log_empties_it(open_store: Open) -> None:
    store, _ = await open_store(FOUNDING)
    await store.write((Persist(1, entries=commands(2, 3)),))
    snapshot = Snapshot(20, 5, CONFIGURATION)
    await store.write((Persist(2, Vote(5, None), snapshot, base=snapshot.id),))
    await store.flush(Flush(20, {}, {}))
    await store.write((Persist(3, entries=commands(21, 2, term=5)),))
    await store.close()
    store, recovered = await open_store(FOUNDING)
    await store.close()
    assert recovered.base == EntryId(5, 20)
    assert recovered.entries == commands(21, 2, term=5)


async def test_entries_that_do_not_follow_fail_the_store(open_store: Open) -> None:
    store, _ = await open_store(FOUNDING)
    with pytest.raises(StorageFailed, match="entry 5 does not follow the log's last, 1"):
        await store.write((Persist(1, vote=Vote(9, "n9"), entries=commands(5, 1)),))
    with pytest.raises(StorageFailed, match="entry 5 does not follow"):
        await store.fetch(("a",))
    await store.close()
    store, recovered = await open_store(FOUNDING)
    await store.close()
    assert recovered.vote == Vote(1, None)
    assert len(recovered.entries) == 1


async def test_rows_and_sessions_are_flushed_together_with_last_applied(open_store: Open) -> None:
    store, _ = await open_store(FOUNDING)
    await store.write((Persist(1, entries=commands(2, 5)),))
    rows = {"b": Row(b"2", 1, 3), "a": Row(b"", 7, 4), "ä\0/%2F": Row(b"\x00\xff", 1, 5)}
    sessions = {6: SessionRow(0, 6, b""), 3: SessionRow(9, 5, b"answer")}
    await store.flush(Flush(6, rows, sessions))
    assert await store.fetch(["a", "b", "c", "ä\0/%2F"]) == rows
    assert await store.fetch(("b",)) == {"b": rows["b"]}
    assert list((await store.sessions()).items()) == sorted(sessions.items())
    await store.flush(Flush(6, {"a": None, "c": None}, {3: None}))
    await store.close()
    store, recovered = await open_store(FOUNDING)
    assert recovered.last_applied == 6
    assert set(await store.fetch(["a", "b", "c"])) == {"b"}
    assert set(await store.sessions()) == {6}
    await store.close()


async def test_as_many_keys_as_are_asked_for_are_fetched(open_store: Open) -> None:
    store, _ = await open_store(FOUNDING)
    rows = {f"key {i}": Row(b"%d" % i, 1, 1) for i in range(1201)}
    await store.flush(Flush(1, rows, {}))
    for count in (0, 1, 2, 3, 5, 511, 512, 513, 1201):
        asked = list(rows)[:count]
        assert await store.fetch([*asked, "missing"]) == {key: rows[key] for key in asked}
    await store.close()


async def test_rows_are_scanned_in_the_order_of_their_keys_utf_8(open_store: Open) -> None:
    keys = ["a", "a\x00", "a/b", "a/c", "ab", "b", "z", "ä", "\uffff", "\U0001f511", "\U0010ffff"]
    rows = {key: Row(b"1", 1, index) for index, key in enumerate(keys, start=1)}
    store, _ = await open_store(FOUNDING)
    await store.flush(Flush(20, dict(reversed(rows.items())), {}))

    async def scan(prefix: str, first: str, rows_max: int = 99) -> tuple[list[str], bool]:
        scanned = await store.scan(prefix, first, rows_max=rows_max, bytes_max=1000)
        assert scanned.rows == tuple((key, rows[key]) for key, _ in scanned.rows)
        return [key for key, _ in scanned.rows], scanned.ended

    assert await scan("", "") == (keys, True)
    assert await scan("a", "a") == (keys[:5], True)
    assert await scan("a/", "a/") == (["a/b", "a/c"], True)
    assert await scan("", "ab\x00") == (keys[5:], True)
    assert await scan("a", "") == (keys[:5], True)
    assert await scan("a", "b") == ([], True)
    assert await scan("\U0010ffff", "") == (["\U0010ffff"], True)
    assert await scan("", "", 3) == (keys[:3], False)
    assert await scan("", "z", 5) == (keys[6:], True)
    await store.close()


async def test_a_scan_ends_where_its_bytes_do_and_never_before_its_first_row(
    open_store: Open,
) -> None:
    rows = {key: Row(bytes(size), 1, 1) for key, size in (("a", 9), ("b", 90), ("c", 9))}
    store, _ = await open_store(FOUNDING)
    await store.flush(Flush(2, rows, {}))
    for bytes_max, count in ((1, 1), (10, 1), (100, 1), (101, 2), (110, 2), (111, 3)):
        scanned = await store.scan("", "", rows_max=9, bytes_max=bytes_max)
        assert (len(scanned.rows), scanned.ended) == (count, count == 3), bytes_max
    await store.close()


async def test_equal_states_have_equal_digests_in_every_store(open_store: Open) -> None:
    twin, _ = await open_memory(MemoryDisk(), found=Founding("n7", "cluster", None))
    store, _ = await open_store(FOUNDING)
    empty = await store.digest()
    rows = {"b": Row(b"2", 1, 1), "a": Row(b"1", 2, 1), "é": Row(b"", 1, 1)}
    for one in (store, twin):
        await one.flush(Flush(1, rows, {5: SessionRow(1, 5, b"x"), 2: SessionRow(0, 2, b"")}))
    full = await store.digest()
    assert full == await twin.digest()
    assert full != empty
    await store.flush(Flush(1, {"a": Row(b"1", 3, 1)}, {}))
    assert await store.digest() != full
    await store.flush(Flush(1, dict.fromkeys(rows), {5: None, 2: None}))
    assert await store.digest() == empty
    await store.close()
    await twin.close()


async def test_an_open_disk_is_locked_until_it_is_closed(open_store: Open) -> None:
    store, _ = await open_store(FOUNDING)
    with pytest.raises(DataDirLocked):
        await open_store(FOUNDING)
    await store.write((Persist(1, entries=commands(2, 1)),))
    await store.close()
    store, recovered = await open_store(FOUNDING)
    await store.close()
    assert len(recovered.entries) == 2


@pytest.mark.parametrize(
    "other, sentence",
    [
        (Founding("n2", "cluster", None), "node id 'n1' and 'n2' was asked for"),
        (Founding("n1", "other", None), "cluster id 'cluster' and 'other' was asked for"),
    ],
)
async def test_a_disk_of_another_identity_is_refused_by_name(
    open_store: Open, other: Founding, sentence: str
) -> None:
    store, _ = await open_store(FOUNDING)
    await store.close()
    with pytest.raises(IdentityMismatch, match=sentence):
        await open_store(other)
    store, recovered = await open_store(None)
    await store.close()
    assert (recovered.node_id, recovered.cluster_id) == ("n1", "cluster")


async def test_an_empty_disk_is_not_opened_without_a_word_what_to_found(open_store: Open) -> None:
    with pytest.raises(ConfigurationInvalid, match="is empty, and nothing says what"):
        await open_store(None)
    store, recovered = await open_store(FOUNDING)
    await store.close()
    assert recovered.boot == 1


async def test_a_closed_store_answers_nothing_and_may_be_closed_again(open_store: Open) -> None:
    store, _ = await open_store(FOUNDING)
    await store.close()
    await store.close()
    with pytest.raises(StorageFailed, match="it is closed"):
        await store.write((Persist(1, entries=commands(2, 1)),))
    again, _ = await open_store(FOUNDING)
    await store.close()
    await again.write((Persist(1, entries=commands(2, 1)),))
    await again.close()


async def test_a_caller_that_is_cancelled_leaves_the_store_whole(open_store: Open) -> None:
    store, _ = await open_store(FOUNDING)
    for i in range(20):
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(store.write, (Persist(1, vote=Vote(2 + i, None)),))
                await anyio.lowlevel.checkpoint()
                scope.cancel()
    await store.write((Persist(1, entries=commands(2, 1)),))
    await store.close()
    store, recovered = await open_store(FOUNDING)
    await store.close()
    assert recovered.entries[1:] == commands(2, 1)
    assert 1 <= recovered.vote.current_term <= 21


async def test_a_full_disk_refuses_a_write_whole_and_takes_it_once_there_is_space(
    tmp_path: Path,
) -> None:
    store, _ = await open_sqlite(tmp_path, found=FOUNDING, page_limit=20)
    await fill_and_free(store, lambda full: store.limit_pages(20 if full else None))
    disk = MemoryDisk()
    memory, _ = await open_memory(disk, found=FOUNDING)

    async def limit(full: bool) -> None:
        disk.full = full

    await fill_and_free(memory, limit)


async def fill_and_free(store: Store, limit: Callable[[bool], Coroutine[Any, Any, None]]) -> None:
    """Fill *store* by rows until it refuses, then have the same calls succeed."""
    large = bytes(100_000)
    await store.write((Persist(1, entries=commands(2, 1)),))
    await limit(True)
    write = (Persist(2, vote=Vote(7, "n3"), entries=(Entry(7, 3, large),)),)
    changes = Flush(2, {"a": Row(large, 1, 2)}, {})
    for _ in range(2):
        with pytest.raises(StorageFull, match="there is no space left"):
            await store.write(write)
        with pytest.raises(StorageFull):
            await store.write((Persist(3, entries=(Entry(1, 3, large),)),))
        with pytest.raises(StorageFull):
            await store.flush(changes)
        assert await store.fetch(("a",)) == {}
    await limit(False)
    await store.write(write)
    await store.flush(changes)
    assert await store.fetch(("a",)) == {"a": Row(large, 1, 2)}
    await store.close()


async def test_what_a_full_disk_refused_is_not_there_and_what_it_took_is(tmp_path: Path) -> None:
    store, _ = await open_sqlite(tmp_path, found=FOUNDING, page_limit=30)
    taken = 1
    full = False
    while not full:
        assert taken < 1000
        try:
            await store.write((Persist(taken, entries=(Entry(1, taken + 1, bytes(3000)),)),))
            taken += 1
        except StorageFull:
            full = True
    with pytest.raises(StorageFull):
        await store.write(
            (Persist(1, vote=Vote(9, None), entries=(Entry(9, taken + 1, bytes(9000)),)),)
        )
    await store.close()
    store, recovered = await open_sqlite(tmp_path, found=FOUNDING)
    await store.close()
    assert taken > 3
    assert len(recovered.entries) == taken
    assert recovered.vote == Vote(1, None)


async def test_a_disk_in_memory_that_fails_fails_every_later_call() -> None:
    disk = MemoryDisk()
    store, _ = await open_memory(disk, found=FOUNDING)
    disk.failure = "the platter came off"
    with pytest.raises(StorageFailed, match="the platter came off"):
        await store.write((Persist(1, entries=commands(2, 1)),))
    disk.failure = None
    with pytest.raises(StorageFailed, match="the platter came off"):
        await store.write((Persist(1, entries=commands(2, 1)),))
    await store.close()
    store, recovered = await open_memory(disk, found=FOUNDING)
    assert len(recovered.entries) == 1
