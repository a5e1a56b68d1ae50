"""A state that is copied at an index, and one that is replaced by a copy: always a whole one."""

from collections.abc import Sequence
from itertools import cycle

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from huffleraft.core.configuration import Configuration
from huffleraft.core.log import Entry, Snapshot
from huffleraft.errors import StorageFull
from huffleraft.kv.commands import Register, SessionStamp, Set
from huffleraft.kv.queries import Found, Missing
from huffleraft.kv.replica import KvStateMachine
from huffleraft.kv.results import Changed, decode_result
from huffleraft.ports import Row
from tests.kv.logs import KEYS, entry, logs
from tests.kv.memory_rows import Copied, MemoryRows
from tests.kv.naive import Naive
from tests.kv.test_write_behind import SMALL, Told, decoded, get

VOTERS = Configuration.of({"n1": "a:1"})


async def machine_over(
    log: Sequence[Entry], pauses: Sequence[int] = (0,)
) -> tuple[KvStateMachine, MemoryRows]:
    """A machine that has applied *log*, and its rows."""
    rows = MemoryRows(cycle(pauses))
    one = await KvStateMachine.open(rows, 0, SMALL)
    await one.apply(log)
    return one, rows


async def copied(log: Sequence[Entry]) -> Copied:
    """The copy of the state after *log*."""
    one, rows = await machine_over(log)
    return rows.copies[(await one.copy()).digest]


@settings(max_examples=200, phases=set(Phase) - {Phase.explain})
@given(logs(), st.lists(st.integers(0, 3), min_size=1, max_size=20))
def test_a_copy_is_the_state_at_its_index_whatever_is_flushed_beside_it(
    log: list[Entry], pauses: list[int]
) -> None:
    async def scenario() -> None:
        told = Told.of(log)
        rows = MemoryRows(cycle(pauses))
        one = await KvStateMachine.open(rows, 0, SMALL)

        async def apply() -> None:
            for each in log:
                await one.apply([each])
                await checkpoint()

        async def write_behind() -> None:
            while one.last_applied < len(log):
                await one.flush()
                await checkpoint()

        async def copy() -> None:
            for _ in range(3):
                before = one.last_applied
                found = await one.copy()
                assert before <= found.index <= one.last_applied
                assert found.index == one.flushed_index
                assert found.digest == told.digests[found.index]

        async with anyio.create_task_group() as group:
            group.start_soon(apply)
            group.start_soon(write_behind)
            group.start_soon(copy)

    anyio.run(scenario)


@settings(max_examples=100, phases=set(Phase) - {Phase.explain})
@given(logs(), logs(), st.integers(0, 6), st.lists(st.integers(0, 2), min_size=1, max_size=9))
def test_a_restored_state_goes_on_as_if_it_had_applied_all_itself(
    mine: list[Entry], log: list[Entry], behind: int, pauses: list[int]
) -> None:
    """*mine* is another past, longer or shorter: nothing of it may be left."""

    async def scenario() -> None:
        told = Told.of(log)
        cut = max(len(log) - behind, 1)
        one, rows = await machine_over(mine, pauses)
        if behind % 2:
            await one.flush()
        rows.staged = await copied(log[:cut])
        await one.restore(Snapshot(cut, 1, VOTERS))
        assert (one.last_applied, one.flushed_index) == (cut, cut)
        assert not one.needs_flush
        assert await one.digest() == (told.digests[cut], cut)
        for key in KEYS:
            assert await get(one, key) == told.answers[cut][key]
        assert decoded(await one.apply(log[cut:])) == told.results[cut:]
        assert await one.digest() == (told.digests[-1], len(log))

    anyio.run(scenario)


@settings(max_examples=200, phases=set(Phase) - {Phase.explain})
@given(logs(), logs(), st.lists(st.integers(0, 4), min_size=1, max_size=20))
def test_readers_beside_a_restore_see_the_state_before_it_or_after_it(
    mine: list[Entry], log: list[Entry], pauses: list[int]
) -> None:
    async def scenario() -> None:
        told_mine, told = Told.of(mine), Told.of([*mine, *shifted(log, len(mine))])
        after = len(mine) + len(log)
        one, rows = await machine_over(mine, pauses)
        rows.staged = await copied([*mine, *shifted(log, len(mine))])

        async def read() -> None:
            last = 0
            for key in KEYS * 3:
                answer = await get(one, key)
                assert isinstance(answer, Found | Missing)
                assert answer.applied_index in {len(mine), after}
                assert answer.applied_index >= last
                last = answer.applied_index
                states = told_mine if last == len(mine) else told
                assert answer == states.answers[last][key]

        async def hash_state() -> None:
            found, index = await one.digest()
            assert found == (told_mine if index == len(mine) else told).digests[index]

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            group.start_soon(one.flush)
            group.start_soon(one.restore, Snapshot(after, 1, VOTERS))
            group.start_soon(read)
            group.start_soon(hash_state)

    anyio.run(scenario)


def shifted(log: Sequence[Entry], by: int) -> list[Entry]:
    """*log* as it would follow *by* other entries; its sessions are no longer those it begins."""
    return [Entry(one.term, one.index + by, one.payload) for one in log]


@pytest.mark.anyio
async def test_a_session_goes_with_the_copy() -> None:
    log = [entry(1, Register()), entry(2, Set("k", b"1", SessionStamp(1, 1)))]
    other, rows = await machine_over([])
    rows.staged = await copied(log)
    await other.restore(Snapshot(2, 1, VOTERS))
    (again,) = await other.apply([entry(3, Set("k", b"1", SessionStamp(1, 1)))])
    assert decode_result(again) == Changed(2, 1, replayed=True)


@pytest.mark.anyio
async def test_a_restore_that_is_refused_changes_nothing() -> None:
    log = [entry(1, Set("k", b"1")), entry(2, Set("k", b"2"))]
    one, rows = await machine_over(log)
    naive = Naive()
    for each in log:
        naive.apply(each)

    async def refuse(snapshot: Snapshot) -> None:
        raise StorageFull("disk")

    rows.restore = refuse  # type: ignore[method-assign]  # a disk that is full once
    with pytest.raises(StorageFull):
        await one.restore(Snapshot(9, 1, VOTERS))
    assert await one.digest() == (naive.digest(), 2)


@pytest.mark.anyio
async def test_nothing_is_restored_while_entries_are_applied() -> None:
    one, rows = await machine_over([], pauses=[100])
    rows.staged = Copied({}, {})
    async with anyio.create_task_group() as group:
        group.start_soon(one.apply, [entry(1, Set("k", b"1"))])
        while not rows.fetched:
            await checkpoint()
        with pytest.raises(RuntimeError, match="while entries are applied"):
            await one.restore(Snapshot(9, 1, VOTERS))
    assert one.last_applied == 1


@pytest.mark.anyio
async def test_nothing_is_applied_while_a_state_is_restored() -> None:
    one, rows = await machine_over([], pauses=[100])
    rows.staged = Copied({}, {})
    async with anyio.create_task_group() as group:
        group.start_soon(one.restore, Snapshot(9, 1, VOTERS))
        while rows.last_applied == 0:
            await checkpoint()
        with pytest.raises(RuntimeError, match="while a state is restored"):
            await one.apply([entry(1, Set("k", b"1"))])
    assert one.last_applied == 9


@pytest.mark.anyio
async def test_a_reader_that_asks_the_disk_during_a_restore_is_answered_after_it() -> None:
    rows = MemoryRows([0, 100])
    one = await KvStateMachine.open(rows, 0, SMALL)
    rows.staged = Copied({"k": Row(b"new", 1, 7)}, {})
    async with anyio.create_task_group() as group:
        group.start_soon(one.restore, Snapshot(9, 1, VOTERS))
        while rows.last_applied == 0:
            await checkpoint()
        assert one.last_applied == 0
        assert await get(one, "k") == Found(b"new", 1, 7, 9)
