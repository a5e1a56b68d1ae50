"""Whatever is flushed, refused, cut by a crash or interleaved: the state is that of the log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from huffleraft.core.log import Entry
from huffleraft.errors import StorageFailed, StorageFull
from huffleraft.kv.commands import Register, SessionStamp, Set, encode_command
from huffleraft.kv.limits import SESSIONS_MAX
from huffleraft.kv.overlay import Bounds
from huffleraft.kv.queries import Answer, Found, Get, Missing, decode_answer, encode_query
from huffleraft.kv.replica import KvStateMachine
from huffleraft.kv.results import Changed, Result, decode_result, encode_result
from huffleraft.ports import SessionRow
from tests.kv.logs import KEYS, logs
from tests.kv.memory_rows import MemoryRows
from tests.kv.naive import Naive, Session

SMALL = Bounds(dirty_rows=2, dirty_bytes=64, cached_rows=2, cached_bytes=64)
"""So small that everything is evicted and fetched again all the time."""


@dataclass
class Told:
    """What the naive machine says of a log: each entry's result, and the state at each index."""

    results: list[Result | None] = field(default_factory=list)
    answers: list[dict[str, Answer]] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)

    @classmethod
    def of(cls, log: Sequence[Entry], naive: Naive | None = None) -> "Told":
        told, naive = cls(), naive or Naive()
        told.answers.append(answers_of(naive))
        told.digests.append(naive.digest())
        for entry in log:
            told.results.append(naive.apply(entry))
            told.answers.append(answers_of(naive))
            told.digests.append(naive.digest())
        return told


def answers_of(naive: Naive) -> dict[str, Answer]:
    at = naive.last_applied
    return {
        key: Found(cell.value, cell.version, cell.changed, at)
        if (cell := naive.cells.get(key))
        else Missing(at)
        for key in KEYS
    }


def decoded(results: Sequence[bytes]) -> list[Result | None]:
    return [decode_result(result) if result else None for result in results]


async def get(one: KvStateMachine, key: str) -> Answer:
    return decode_answer(await one.query(encode_query(Get(key))))


# One task, and crashes.

flush_ends = st.sampled_from(["well", "refused", "unknown, written", "unknown, not written"])
steps = st.lists(
    st.one_of(
        st.integers(1, 6).map(lambda count: ("apply", count)),
        flush_ends.map(lambda end: ("flush", end)),
        st.just(("crash", None)),
        st.just(("hash", None)),
        st.sampled_from(KEYS).map(lambda key: ("get", key)),
    ),
    max_size=30,
)


@given(logs(), steps)
def test_flushes_failures_and_crashes_leave_the_state_of_the_log(
    log: list[Entry], steps: list[tuple[str, object]]
) -> None:
    async def scenario() -> None:
        told = Told.of(log)
        rows = MemoryRows()
        one = await KvStateMachine.open(rows, 0, SMALL)
        for verb, what in [*steps, ("crash", None), ("apply", len(log)), ("hash", None)]:
            done = one.last_applied
            match verb, what:
                case "apply", int(count):
                    results = await one.apply(log[done : done + count])
                    assert decoded(results) == told.results[done : done + count]
                case "flush", str(end):
                    await flush(one, rows, end)
                case "crash", _:
                    one = await KvStateMachine.open(rows, rows.last_applied, SMALL)
                case "get", str(key):
                    assert await get(one, key) == told.answers[done][key]
                case "hash", _:
                    assert await one.digest() == (told.digests[done], done)
                case _:
                    raise AssertionError(verb)
        for key in KEYS:
            assert await get(one, key) == told.answers[one.last_applied][key]

    anyio.run(scenario)


async def flush(one: KvStateMachine, rows: MemoryRows, end: str) -> None:
    failure: Exception
    match end:
        case "well":
            await one.flush()
            assert one.flushed_index == one.last_applied
            return
        case "refused":
            failure = StorageFull("disk")
        case _:
            failure = StorageFailed("no answer")
    rows.failures = [(failure, end == "unknown, written")]
    before = one.flushed_index
    try:
        await one.flush()
    except (StorageFull, StorageFailed):
        assert one.flushed_index == before
    rows.failures = []


# Many tasks.


@pytest.mark.timeout(300)  # a failure is shrunk before it is told
@settings(max_examples=300, phases=set(Phase) - {Phase.explain})
@given(
    logs(),
    st.lists(st.integers(1, 5), min_size=1),
    st.lists(st.integers(0, 4), min_size=1, max_size=20),
    st.lists(st.sampled_from(KEYS), min_size=1, max_size=20),
)
def test_reads_flushes_and_hashes_beside_apply_see_whole_batches(
    log: list[Entry], batches: list[int], pauses: list[int], asked: list[str]
) -> None:
    """On asyncio alone: it runs tasks in turn, so an example found is found again."""

    async def scenario() -> None:
        told = Told.of(log)
        one = await KvStateMachine.open(MemoryRows(cycle(pauses)), 0, SMALL)
        ends = {0}

        async def apply() -> None:
            turn = 0
            while (done := one.last_applied) < len(log):
                batch = log[done : done + batches[turn % len(batches)]]
                turn += 1
                ends.add(batch[-1].index)
                assert decoded(await one.apply(batch)) == told.results[done : batch[-1].index]
                await checkpoint()

        async def read(keys: Sequence[str]) -> None:
            last = 0
            for key in keys:
                answer = await get(one, key)
                assert isinstance(answer, Found | Missing)
                assert answer == told.answers[answer.applied_index][key]
                assert answer.applied_index in ends
                assert answer.applied_index >= last
                last = answer.applied_index
                await checkpoint()

        async def write_behind() -> None:
            while one.last_applied < len(log):
                await one.flush()
                await checkpoint()

        async def hash_state() -> None:
            for _ in range(3):
                state_hash, index = await one.digest()
                assert state_hash == told.digests[index]
                assert index in ends

        async with anyio.create_task_group() as group:
            group.start_soon(apply)
            group.start_soon(read, asked)
            group.start_soon(read, asked[::-1])
            group.start_soon(write_behind)
            group.start_soon(hash_state)
        assert await one.digest() == (told.digests[-1], len(log))
        for key in KEYS:
            assert await get(one, key) == told.answers[-1][key]

    anyio.run(scenario)


# Sessions at their limit.


@settings(max_examples=15, phases=set(Phase) - {Phase.explain, Phase.shrink})  # each is slow
@given(st.lists(st.none() | st.integers(1, 6), min_size=1, max_size=12), st.integers(0, 3))
def test_sessions_end_alike_before_and_after_a_restart(uses: list[int | None], room: int) -> None:
    """Begins near the limit; None registers, a number uses that one of the oldest sessions."""
    kept = Changed(1, 1)
    count = SESSIONS_MAX - room
    naive = Naive(sessions={one: Session(1, one, kept) for one in range(1, count + 1)})
    naive.last_applied = count
    rows = MemoryRows()
    rows.session_rows = {
        one: SessionRow(1, one, encode_result(kept)) for one in range(1, count + 1)
    }
    rows.last_applied = count
    log = [
        Entry(
            1,
            index,
            encode_command(Register() if use is None else Set("k", b"", SessionStamp(use, 2))),
        )
        for index, use in enumerate(uses, start=count + 1)
    ]

    async def scenario() -> None:
        half = len(log) // 2
        one = await KvStateMachine.open(rows, count)
        results = decoded(await one.apply(log[:half]))
        await one.flush()
        again = await KvStateMachine.open(rows, rows.last_applied)
        results += decoded(await again.apply(log[half:]))
        assert results == [naive.apply(entry) for entry in log]
        assert await again.digest() == (naive.digest(), log[-1].index)

    anyio.run(scenario)
