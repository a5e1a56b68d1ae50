"""A machine over one store becomes the machine over another: equal hashes, and on from there."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from huffleraft.core.configuration import Configuration
from huffleraft.core.effects import Persist
from huffleraft.core.log import Entry, Snapshot
from huffleraft.core.types import Vote
from huffleraft.kv.replica import KvStateMachine
from huffleraft.ports import Flush, Recovered, Row, SessionRow
from huffleraft.store.founding import Founding
from huffleraft.store.memory import MemoryDisk, MemoryStore, open_memory
from huffleraft.store.sqlite import SqliteStore, open_sqlite
from tests.kv.logs import logs
from tests.kv.test_write_behind import SMALL, Told, decoded
from tests.store.transfers import read_whole, receive

VOTERS = Configuration.of({"n1": "a:1", "n2": "b:1"})

kinds = st.sampled_from(["sqlite", "memory"])


class Node:
    """A disk of its own, and the machine over it, opened again and again."""

    def __init__(self, name: str, kind: str, directory: Path) -> None:
        self._founding = Founding(name, "cluster", None)
        self._path = directory / name if kind == "sqlite" else None
        self._disk = MemoryDisk()

    @asynccontextmanager
    async def run(
        self,
    ) -> AsyncIterator[tuple[SqliteStore | MemoryStore, KvStateMachine, Recovered]]:
        store: SqliteStore | MemoryStore
        if self._path is None:
            store, recovered = await open_memory(self._disk, found=self._founding)
        else:
            store, recovered = await open_sqlite(self._path, found=self._founding)
        try:
            yield (
                store,
                await KvStateMachine.open(store, recovered.last_applied, SMALL),
                recovered,
            )
        finally:
            await store.close()


async def lead(store: SqliteStore | MemoryStore, one: KvStateMachine, log: list[Entry]) -> None:
    """Write *log* and apply it, and flush now and then."""
    await store.write((Persist(1, Vote(1, None), entries=tuple(log)),))
    for entry in log:
        await one.apply([entry])
        if entry.index % 3 == 0:
            await one.flush()


@pytest.mark.timeout(300)  # a failure is shrunk before it is told
@settings(max_examples=40)
@given(logs(), logs(), st.integers(0, 6), kinds, kinds, st.booleans())
def test_a_receiver_has_its_senders_state_hash_and_keeps_it(
    mine: list[Entry], log: list[Entry], behind: int, sends: str, receives: str, crash: bool
) -> None:
    """*mine* is the receiver's own past: a log that ended otherwise, and rows of it."""

    async def scenario(directory: Path) -> None:
        told, cut = Told.of(log), max(len(log) - behind, 1)
        snapshot = Snapshot(cut, 1, VOTERS)
        sender, receiver = Node("n1", sends, directory), Node("n2", receives, directory)
        async with sender.run() as (store, one, _):
            await lead(store, one, log[:cut])
            copy = await one.copy()
            data = await read_whole(store, copy)
            assert copy.index == cut
        async with receiver.run() as (store, one, _):
            await lead(store, one, mine[: cut - 1])
            await receive(store, snapshot, copy, data)
            await store.write((Persist(2, None, snapshot, snapshot.id),))
            if not crash:
                await one.restore(snapshot)
                assert await one.digest() == (told.digests[cut], cut)
        async with receiver.run() as (store, one, recovered):
            if crash:
                assert recovered.snapshot == snapshot
                assert recovered.last_applied < cut
                await one.restore(snapshot)
            assert await one.digest() == (told.digests[cut], cut)
            await store.write((Persist(1, entries=tuple(log[cut:])),))
            assert decoded(await one.apply(log[cut:])) == told.results[cut:]
            assert await one.digest() == (told.digests[-1], len(log))

    with tempfile.TemporaryDirectory() as directory:
        anyio.run(scenario, Path(directory))


@pytest.mark.anyio
async def test_a_restore_that_is_cancelled_is_done_or_not_done(tmp_path: Path) -> None:
    """Jobs of the store take turns, so each write beside the restore lets it go one step."""
    rows = {f"key {i}": Row(bytes(9000), 1, 1 + i) for i in range(40)}
    sender, _ = await open_memory(MemoryDisk(), found=Founding("n1", "cluster", None))
    await sender.flush(Flush(40, rows, {3: SessionRow(1, 3, b"answer")}))
    copy = await sender.copy_rows()
    data, theirs = await read_whole(sender, copy), (await sender.digest(), 40)
    snapshot = Snapshot(40, 1, VOTERS)
    store, _ = await open_sqlite(tmp_path, found=Founding("n2", "cluster", None))
    one = await KvStateMachine.open(store, 0, SMALL)
    mine = await one.digest()
    await receive(store, snapshot, copy, data)
    await store.write((Persist(1, Vote(1, None), snapshot, snapshot.id),))
    cancelled = 0
    while one.last_applied < 40:
        async with anyio.create_task_group() as group:
            group.start_soon(one.restore, snapshot)
            writes, turns = divmod(cancelled, 4)
            for _ in range(writes):
                await store.write(())
            for _ in range(turns):
                await checkpoint()
            group.cancel_scope.cancel()
        assert await one.digest() == (theirs if one.last_applied == 40 else mine)
        cancelled += 1
    assert cancelled > 20
    await store.close()
    store, recovered = await open_sqlite(tmp_path)
    await store.close()
    assert recovered.last_applied == 40
