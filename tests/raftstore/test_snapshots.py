"""Snapshots end to end: taken, sent, installed, by whole nodes in memory and on SQLite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from huffleraft import RaftStore
from huffleraft.core import Limits
from tests.raftstore.stores import SWIFT, Stores, stores

pytestmark = pytest.mark.anyio

SMALL = replace(SWIFT, snapshot_entries=100, limits=Limits(trailing_entries=10))
"""Snapshots after a hundred entries."""


@pytest.fixture(params=["memory", "sockets"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path if request.param == "sockets" else None


async def write_keys(store: RaftStore, count: int, *, size: int = 50, first: int = 0) -> None:
    """Write *count* keys, a number of them at once."""
    numbers = iter(range(first, first + count))

    async def client() -> None:
        for number in numbers:
            await store.set(f"k{number:06}", bytes(size), timeout=20)

    async with anyio.create_task_group() as clients:
        for _ in range(50):
            clients.start_soon(client)


async def until_applied(store: RaftStore, index: int) -> None:
    """Return once *store* has applied *index*."""
    while store.local_api.applied < index:
        await checkpoint()


async def agreement(cluster: Stores) -> set[str]:
    """The hashes of all nodes' states, each at the index of the last entry there is."""
    last = (await cluster.leader().set("last", b"")).index
    hashes = set()
    for store in cluster.running.values():
        await until_applied(store, last)
        status = await store.status(hash=True)
        assert status["hash_index"] == last
        hashes.add(status["hash"])
    return hashes


async def test_a_node_that_was_down_catches_up_by_one_install(root: Path | None) -> None:
    async with stores(root, settings=SMALL) as cluster:
        down = cluster.followers()[0].node_id
        await cluster.close(down)
        await write_keys(next(iter(cluster.running.values())), 2_000)
        leader = cluster.leader()
        base = leader.server.log.base.index
        assert base > 1_000

        again = await cluster.open(down)
        await until_applied(again, 2_000)

        assert len(await agreement(cluster)) == 1
        status = await again.status()
        assert status["installs"] == 1
        assert status["snapshot"]["last_included_index"] >= base
        assert status["first_index"] > base


async def test_the_log_is_bounded_by_snapshots_and_survives_a_restart(root: Path | None) -> None:
    async with stores(root, count=1, settings=SMALL) as cluster:
        store = cluster.leader()
        await write_keys(store, 1_000)
        status = await store.status(hash=True)
        assert status["last_index"] - status["first_index"] < 400
        assert status["installs"] == 0

        await cluster.close(store.node_id)
        again = await cluster.open(store.node_id)
        await again.leader_known()
        await until_applied(again, status["last_index"])
        restarted = await again.status()
        assert restarted["snapshot"] is not None
        assert restarted["first_index"] >= status["first_index"]
