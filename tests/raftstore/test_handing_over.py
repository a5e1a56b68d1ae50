"""Whole nodes hand the leadership over, asked and at their end, and lose no write by it (§3.10)."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from huffleraft.core import Leader
from huffleraft.errors import HuffleraftError, TransferPending, TransferRefused
from huffleraft.kv.queries import Found
from huffleraft.raftstore.persisting import Persistence
from tests.raftstore.growing import growing
from tests.raftstore.stores import SWIFT, stores

pytestmark = pytest.mark.anyio


async def test_any_node_is_asked_and_the_one_that_was_named_leads(tmp_path: Path) -> None:
    async with stores(tmp_path) as cluster:
        former = cluster.leader()
        await former.set("k", b"1")
        asked, named = cluster.followers()
        term = former.server.current_term

        assert await asked.hand_over(named.node_id) == named.node_id

        assert isinstance(named.server.role, Leader)
        assert asked.server.current_term == term + 1
        found = await former.get("k")
        assert isinstance(found, Found)
        assert found.value == b"1"
        assert await asked.hand_over(named.node_id) == named.node_id  # said again
        assert asked.server.current_term == term + 1


async def test_a_learner_cannot_lead() -> None:
    async with growing() as cluster:
        one = cluster.running["n1"]
        learner = await cluster.start("n2", join=cluster.addresses["n1"], learner=True)
        await learner.joined()

        with pytest.raises(TransferRefused, match="n1 is the only voter"):
            await learner.hand_over()
        with pytest.raises(TransferRefused, match="n2 is no voter of this cluster"):
            await one.hand_over("n2")


async def test_nobody_who_writes_elsewhere_notices_that_the_leader_is_closed(
    tmp_path: Path,
) -> None:
    async with stores(tmp_path) as cluster:
        former = cluster.leader()
        survivor, _ = cluster.followers()
        term = former.server.current_term
        written: list[int] = []
        failed: list[HuffleraftError] = []
        busy, closed = anyio.Event(), anyio.Event()

        async def write() -> None:
            while not closed.is_set():
                try:
                    written.append((await survivor.set("k", b"%d" % len(written))).version)
                except HuffleraftError as error:
                    failed.append(error)
                if len(written) == 20:
                    busy.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            await busy.wait()
            await cluster.close(former.node_id)
            closed.set()

        assert failed == []
        assert written == list(range(1, len(written) + 1))
        assert survivor.server.current_term == term + 1


async def test_a_whole_cluster_closes_at_once(tmp_path: Path) -> None:
    async with stores(tmp_path) as cluster:
        await cluster.leader().set("k", b"1")
        with anyio.fail_after(SWIFT.election_min):
            async with anyio.create_task_group() as tasks:
                for node_id in list(cluster.running):
                    tasks.start_soon(cluster.close, node_id)


async def test_what_is_refused_while_the_office_moves_is_asked_again() -> None:
    async with stores(None) as cluster:
        node = cluster.leader()._node
        refusals: list[Exception] = [TransferPending(1), TransferPending(1)]

        async def step(left: float) -> float:
            if refusals:
                raise refusals.pop()
            return left

        persistence = Persistence(node, SWIFT, persist=True)
        assert 0 < await persistence.attempt(step, 5.0) < 5.0
        refusals.append(TransferPending(1))
        with pytest.raises(TransferPending):
            await Persistence(node, SWIFT, persist=False).attempt(step, 5.0)
