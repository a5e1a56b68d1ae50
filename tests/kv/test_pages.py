"""Pages of keys: whatever is flushed or applied meanwhile, each is the state at one index."""

from collections.abc import Sequence
from itertools import cycle

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from huffleraft.core.log import Entry
from huffleraft.kv.commands import Command, Delete, Set
from huffleraft.kv.overlay import Bounds
from huffleraft.kv.queries import PAGE_BYTES_MAX, Listed, Page, Scan, decode_answer, encode_query
from huffleraft.kv.replica import KvStateMachine
from huffleraft.ports import Row
from tests.kv.logs import entry
from tests.kv.memory_rows import MemoryRows
from tests.kv.naive import Naive

SMALL = Bounds(dirty_rows=2, dirty_bytes=64, cached_rows=2, cached_bytes=64)

KEYS = ("a", "a\x00", "a/b", "a/c", "ab", "b", "ä", "\uffff", "\U0001f511", "\U0010ffff")
TEXTS = ("", "a", "a/", "a/b", "aa", "ä", "b", "\uffff", "\U0010ffff", "\x00")

commands: st.SearchStrategy[Command] = st.builds(
    Set, st.sampled_from(KEYS), st.sampled_from((b"", b"1"))
) | st.builds(Delete, st.sampled_from(KEYS))

logs = st.lists(commands, min_size=1, max_size=40).map(
    lambda all_: [entry(index, one) for index, one in enumerate(all_, start=1)]
)
scans = st.builds(
    Scan, st.sampled_from(TEXTS), st.sampled_from(TEXTS), st.integers(1, 4), st.booleans()
)


async def page_of(one: KvStateMachine, scan: Scan) -> Page:
    page = decode_answer(await one.query(encode_query(scan)))
    assert isinstance(page, Page)
    return page


def states(log: Sequence[Entry]) -> list[dict[str, Row]]:
    """All rows at each index."""
    naive, told = Naive(), [dict[str, Row]()]
    for one in log:
        naive.apply(one)
        told.append(
            {key: Row(one.value, one.version, one.changed) for key, one in naive.cells.items()}
        )
    return told


def require_true(page: Page, scan: Scan, rows: dict[str, Row]) -> None:
    """*page* is what *scan* asks of *rows*, said as plainly as can be."""
    asked = [
        Listed(key, row.version, row.changed_index, row.value if scan.values else None)
        for key, row in sorted(rows.items(), key=lambda item: item[0].encode())
        if key.startswith(scan.prefix) and key.encode() > scan.after.encode()
    ]
    assert len(page.keys) <= scan.limit
    until = [one for one in asked if page.next is None or one.key <= page.next]
    assert list(page.keys) == until
    assert page.next is None or page.next > scan.after


@pytest.mark.timeout(300)  # a failure is shrunk before it is told
@settings(max_examples=300, phases=set(Phase) - {Phase.explain})
@given(
    logs,
    st.lists(st.integers(1, 5), min_size=1),
    st.lists(st.integers(0, 4), min_size=1, max_size=20),
    st.lists(scans, min_size=1, max_size=12),
)
def test_each_page_is_the_state_at_its_index_whatever_is_applied_and_flushed_beside(
    log: list[Entry], batches: list[int], pauses: list[int], asked: list[Scan]
) -> None:
    """On asyncio alone: it runs tasks in turn, so an example found is found again."""

    async def scenario() -> None:
        told = states(log)
        one = await KvStateMachine.open(MemoryRows(cycle(pauses)), 0, SMALL)
        ends = {0}

        async def apply() -> None:
            for turn in range(len(log)):
                done = one.last_applied
                batch = log[done : done + batches[turn % len(batches)]]
                ends.update(entry.index for entry in batch[-1:])
                await one.apply(batch)
                await checkpoint()

        async def write_behind() -> None:
            while one.last_applied < len(log):
                await one.flush()
                await checkpoint()

        async def read() -> None:
            for scan in asked:
                page = await page_of(one, scan)
                assert page.applied_index in ends
                require_true(page, scan, told[page.applied_index])
                await checkpoint()

        async with anyio.create_task_group() as group:
            group.start_soon(apply)
            group.start_soon(write_behind)
            group.start_soon(read)
        await one.flush()
        for scan in asked:
            require_true(await page_of(one, scan), scan, told[-1])

    anyio.run(scenario)


@settings(max_examples=100)
@given(logs, st.integers(0, 40), st.integers(0, 40), scans)
def test_page_by_page_every_key_is_met_once(
    log: list[Entry], flushed: int, restarted: int, scan: Scan
) -> None:
    async def scenario() -> None:
        rows = MemoryRows()
        one = await KvStateMachine.open(rows, 0, SMALL)
        await one.apply(log[:flushed])
        await one.flush()
        await one.apply(log[one.last_applied : restarted])
        one = await KvStateMachine.open(rows, rows.last_applied, SMALL)
        await one.apply(log[one.last_applied :])

        met: list[Listed] = []
        after: str | None = scan.after
        while after is not None:
            page = await page_of(one, Scan(scan.prefix, after, scan.limit, scan.values))
            met += page.keys
            after = page.next
        whole = Page(tuple(met), None, len(log))
        require_true(whole, Scan(scan.prefix, scan.after, 1_000, scan.values), states(log)[-1])

    anyio.run(scenario)


@pytest.mark.anyio
@pytest.mark.parametrize("flushed", [True, False])
async def test_a_page_with_values_ends_where_its_bytes_do(flushed: bool) -> None:
    one = await KvStateMachine.open(MemoryRows(), 0)
    large = bytes(PAGE_BYTES_MAX // 2 - 1)
    await one.apply([entry(index, Set(f"k{index}", large)) for index in range(1, 6)])
    if flushed:
        await one.flush()
    page = await page_of(one, Scan("", "", 100, values=True))
    assert [listed.key for listed in page.keys] == ["k1"]
    assert page.next == "k1"
    page = await page_of(one, Scan("", "", 100, values=False))
    assert (len(page.keys), page.next) == (5, None)


@pytest.mark.anyio
async def test_a_page_ends_where_the_rows_read_for_it_do() -> None:
    rows = MemoryRows()
    one = await KvStateMachine.open(rows, 0)
    await one.apply([entry(index, Set(key, b"")) for index, key in enumerate("abc", start=1)])
    await one.flush()
    await one.apply([entry(4, Delete("a")), entry(5, Set("d", b""))])
    pages = [await page_of(one, Scan("", after, 1, values=False)) for after in ("", "a", "b", "c")]
    assert [[listed.key for listed in page.keys] for page in pages] == [[], ["b"], ["c"], ["d"]]
    assert [page.next for page in pages] == ["a", "b", "c", None]


@pytest.mark.anyio
async def test_what_changed_while_a_flush_is_under_way_is_newer_than_what_it_writes() -> None:
    rows = MemoryRows()
    one = await KvStateMachine.open(rows, 0)
    await one.apply([entry(1, Set("a", b"old")), entry(2, Set("b", b"old"))])
    rows._pauses = cycle([1_000_000, 0])  # the flush stands still, the scan does not
    async with anyio.create_task_group() as group:
        group.start_soon(one.flush)
        while not rows.flushes_begun:
            await checkpoint()
        rows._pauses = cycle([0])
        await one.apply([entry(3, Set("a", b"new"))])
        page = await page_of(one, Scan("", "", 9, values=True))
        group.cancel_scope.cancel()
    assert [listed.value for listed in page.keys] == [b"new", b"old"]
