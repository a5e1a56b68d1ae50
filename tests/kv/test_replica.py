"""The write-behind state machine, fact by fact."""

import anyio
import pytest

from huffleraft.core.log import Entry
from huffleraft.errors import StorageFull
from huffleraft.kv.commands import Command, Register, SessionStamp, Set
from huffleraft.kv.overlay import Bounds
from huffleraft.kv.queries import (
    Answer,
    Found,
    Get,
    Hashed,
    Missing,
    StateHash,
    decode_answer,
    encode_query,
)
from huffleraft.kv.replica import KvStateMachine
from huffleraft.kv.results import Changed, Refused, Registered, decode_result
from huffleraft.ports import Row, StateMachine
from tests.kv.logs import entry
from tests.kv.memory_rows import MemoryRows

pytestmark = pytest.mark.anyio


async def opened(rows: MemoryRows, bounds: Bounds | None = None) -> KvStateMachine:
    return await KvStateMachine.open(rows, rows.last_applied, bounds)


async def ask(one: StateMachine, query: Get | StateHash) -> Answer:
    return decode_answer(await one.query(encode_query(query)))


def needs_flush(one: KvStateMachine) -> bool:
    return one.needs_flush


def entries(first: int, *commands: Command) -> list[Entry]:
    return [entry(index, command) for index, command in enumerate(commands, start=first)]


async def test_it_gives_each_entry_its_result_in_order() -> None:
    one = await opened(MemoryRows())
    log = [*entries(1, Set("k", b"1"), Register()), Entry(1, 3, None), Entry(1, 4, b"junk")]
    results = await one.apply(log)
    assert [decode_result(result) for result in (results[0], results[1])] == [
        Changed(1, 1),
        Registered(2),
    ]
    assert results[2] == b""
    assert isinstance(decode_result(results[3]), Refused)
    assert one.last_applied == 4


async def test_a_read_finds_what_was_applied_and_not_yet_flushed() -> None:
    one = await opened(MemoryRows())
    await one.apply(entries(1, Set("k", b"1"), Set("l", b"")))
    assert await ask(one, Get("k")) == Found(b"1", version=1, index=1, applied_index=2)
    assert await ask(one, Get("m")) == Missing(applied_index=2)


async def test_all_rows_that_a_batch_lacks_are_fetched_at_once() -> None:
    rows = MemoryRows()
    rows.rows = {"a": Row(b"1", 5, 0), "b": Row(b"1", 6, 0)}
    one = await opened(rows)
    commands = (Set("a", b"2"), Set("b", b"2"), Set("a", b"3"), Set("c", b"2"))
    results = await one.apply(entries(1, *commands))
    assert rows.fetched == [("a", "b", "c")]
    assert [decode_result(result) for result in results] == [
        Changed(1, 6),
        Changed(2, 7),
        Changed(3, 7),
        Changed(4, 1),
    ]


async def test_known_keys_are_not_fetched_again_not_even_missing_ones() -> None:
    rows = MemoryRows()
    one = await opened(rows)
    await ask(one, Get("missing"))
    await one.apply(entries(1, Set("k", b"1")))
    await one.flush()
    rows.fetched.clear()
    await one.apply(entries(2, Set("k", b"2"), Set("missing", b"1")))
    await ask(one, Get("k"))
    assert rows.fetched == []


async def test_with_all_keys_known_neither_apply_nor_a_read_suspends() -> None:
    one = await opened(MemoryRows())
    await one.apply(entries(1, Set("k", b"1")))
    with pytest.raises(StopIteration) as applied:
        one.apply(entries(2, Set("k", b"2"))).send(None)
    assert len(applied.value.value) == 1
    with pytest.raises(StopIteration) as read:
        one.query(encode_query(Get("k"))).send(None)
    assert decode_answer(read.value.value) == Found(b"2", 2, 2, 2)


async def test_a_flush_writes_what_changed_with_the_index_it_stands_for() -> None:
    rows = MemoryRows()
    one = await opened(rows)
    await one.apply(entries(1, Set("k", b"1"), Set("k", b"2"), Register()))
    await one.flush()
    assert rows.rows == {"k": Row(b"2", 2, 2)}
    assert list(rows.session_rows) == [3]
    assert rows.last_applied == one.flushed_index == 3


async def test_a_flush_of_nothing_new_writes_nothing() -> None:
    rows = MemoryRows()
    one = await opened(rows)
    await one.apply(entries(1, Set("k", b"1")))
    await one.flush()
    await one.flush()
    assert len(rows.flushes) == 1


async def test_a_flush_after_noops_alone_moves_the_index() -> None:
    rows = MemoryRows()
    one = await opened(rows)
    await one.apply([Entry(1, 1, None)])
    await one.flush()
    assert rows.last_applied == one.flushed_index == 1


async def test_what_is_applied_while_a_flush_runs_belongs_to_the_next_one() -> None:
    rows = MemoryRows(pauses=[0, 0, 3])
    one = await opened(rows)
    await one.apply(entries(1, Set("k", b"1")))
    async with anyio.create_task_group() as group:
        group.start_soon(one.flush)
        while not rows.flushes_begun:
            await anyio.lowlevel.checkpoint()
        await one.apply(entries(2, Set("k", b"2")))
    assert (rows.rows, rows.last_applied) == ({"k": Row(b"1", 1, 1)}, 1)
    assert one.flushed_index == 1
    await one.flush()
    assert (rows.rows, rows.last_applied) == ({"k": Row(b"2", 2, 2)}, 2)
    assert one.flushed_index == 2


async def test_a_refused_flush_is_made_again_with_all_that_came_since() -> None:
    rows = MemoryRows()
    one = await opened(rows)
    await one.apply(entries(1, Set("k", b"1"), Set("l", b"1")))
    rows.failures.append((StorageFull("disk"), False))
    with pytest.raises(StorageFull):
        await one.flush()
    assert (rows.rows, one.flushed_index) == ({}, 0)
    await one.apply(entries(3, Set("k", b"2")))
    await one.flush()
    assert rows.rows == {"k": Row(b"2", 2, 3), "l": Row(b"1", 1, 2)}
    assert one.flushed_index == 3


async def test_a_cancelled_flush_loses_nothing() -> None:
    rows = MemoryRows(pauses=[1])
    one = await opened(rows)
    await one.apply([Entry(1, 1, None)])
    with anyio.CancelScope() as scope:
        scope.cancel()
        await one.flush()
    assert one.flushed_index == 0
    await one.flush()
    assert rows.last_applied == one.flushed_index == 1


async def test_a_cancelled_apply_did_nothing_and_can_be_made_again() -> None:
    rows = MemoryRows(pauses=[1])
    one = await opened(rows)
    batch = entries(1, Set("k", b"1"))
    with anyio.CancelScope() as scope:
        scope.cancel()
        await one.apply(batch)
    assert one.last_applied == 0
    assert [decode_result(result) for result in await one.apply(batch)] == [Changed(1, 1)]


async def test_entries_that_do_not_follow_are_refused() -> None:
    one = await opened(MemoryRows())
    await one.apply(entries(1, Set("k", b"1")))
    for wrong in (1, 3):
        with pytest.raises(ValueError, match=f"entry {wrong} was given to apply, 2 is the next"):
            await one.apply(entries(wrong, Set("k", b"1")))
    assert await ask(one, Get("k")) == Found(b"1", 1, 1, 1)


async def test_a_second_apply_at_the_same_time_is_refused() -> None:
    one = await opened(MemoryRows(pauses=[1]))
    refusals: list[str] = []

    async def second() -> None:
        try:
            await one.apply(entries(1, Set("k", b"2")))
        except RuntimeError as refused:
            refusals.append(str(refused))

    async with anyio.create_task_group() as group:
        group.start_soon(second)
        group.start_soon(second)
    assert len(refusals) == 1
    assert one.last_applied == 1


async def test_a_read_beside_an_apply_sees_the_whole_batch_or_nothing_of_it() -> None:
    rows = MemoryRows(pauses=[0, 0, 2, 2])
    one = await opened(rows)
    await one.apply(entries(1, Set("a", b"1")))
    seen: list[tuple[Answer, Answer]] = []

    async def read() -> None:
        while one.last_applied < 3:
            seen.append((await ask(one, Get("a")), await ask(one, Get("a"))))
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await one.apply(entries(2, Set("a", b"2"), Set("b", b"2")))
    assert seen
    for first, second in seen:
        assert first == second == Found(b"1", 1, 1, 1)


async def test_a_row_that_was_changed_flushed_and_forgotten_while_it_was_read_is_not_read_old() -> (
    None
):
    """The disk's answer was old when it came; neither the reader nor the cache may keep it."""
    rows = MemoryRows(pauses=[0, 6])
    rows.rows = {"k": Row(b"old", 1, 0)}
    one = await opened(rows, Bounds(cached_rows=1))
    answers: list[Answer] = []

    async def read() -> None:
        answers.append(await ask(one, Get("k")))

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        while not rows.fetched:
            await anyio.lowlevel.checkpoint()
        await one.apply(entries(1, Set("k", b"new")))
        await one.flush()
        await ask(one, Get("other"))
    assert answers == [Found(b"new", 2, 1, 1)]
    assert await ask(one, Get("k")) == Found(b"new", 2, 1, 1)


async def test_the_state_hash_stands_for_the_index_it_names() -> None:
    rows = MemoryRows()
    one = await opened(rows)
    await one.apply(entries(1, Set("k", b"1")))
    first = await ask(one, StateHash())
    assert isinstance(first, Hashed)
    assert first.hash_index == 1
    await one.apply(entries(2, Set("k", b"2")))
    second = await ask(one, StateHash())
    assert isinstance(second, Hashed)
    assert second.hash_index == 2
    assert first.hash != second.hash == await rows.digest()


async def test_bytes_that_are_no_query_are_refused_in_the_answer() -> None:
    one = await opened(MemoryRows())
    assert isinstance(decode_answer(await one.query(b"junk")), Refused)


async def test_a_session_outlives_a_restart() -> None:
    rows = MemoryRows()
    one = await opened(rows)
    await one.apply(entries(1, Register(), Set("k", b"1", SessionStamp(1, 1))))
    await one.flush()
    again = await opened(rows)
    results = await again.apply(entries(3, Set("k", b"1", SessionStamp(1, 1))))
    assert [decode_result(result) for result in results] == [Changed(2, 1, replayed=True)]


async def test_rows_bytes_and_entries_each_call_for_a_flush() -> None:
    by_rows = await opened(MemoryRows(), Bounds(dirty_rows=2))
    by_bytes = await opened(MemoryRows(), Bounds(dirty_bytes=100))
    by_entries = await opened(MemoryRows(), Bounds(unflushed_entries=2))
    for one, value in ((by_rows, b""), (by_bytes, bytes(60)), (by_entries, b"")):
        await one.apply(entries(1, Set("k", value)))
        assert not needs_flush(one)
        await one.apply(entries(2, Set("l", value)))
        assert needs_flush(one)
        await one.flush()
        assert not needs_flush(one)
