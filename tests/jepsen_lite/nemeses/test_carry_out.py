"""Changes of members of three real nodes, each with the proof that it was carried out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random

import pytest

from jepsen_lite.cluster import Cluster, ClusterConfig
from jepsen_lite.cluster.configuration import installs, memberships
from jepsen_lite.cluster.process import LEFT
from jepsen_lite.nemeses import (
    Cut,
    Journal,
    RemoveLeader,
    Replace,
    Roster,
    inflicted,
    read_faults,
)
from jepsen_lite.nemeses.carry_out import carry_out
from jepsen_lite.nemeses.changes import Join
from jepsen_lite.nemeses.faults import links_between

pytestmark = pytest.mark.anyio

PATIENCE = 30.0


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with Cluster.start(ClusterConfig(size=3), tmp_path) as cluster:
        await cluster.ready(within=PATIENCE)
        yield cluster


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "faults.jsonl") as journal:
        yield journal


async def test_members_join_are_replaced_under_a_cut_and_the_leader_is_removed(
    cluster: Cluster, journal: Journal, tmp_path: Path
) -> None:
    roster = Roster(cluster)

    joined = await carry_out(Join(), roster, journal, kind="join")
    assert joined.did_bite, joined
    assert joined.bit.joined == "n4"

    victim, *others = [node for node in cluster.nodes if node != cluster.leader()]
    between = Cut(links_between(others))  # three of four nodes still reach the leader, if no more
    async with inflicted(between, cluster, journal, kind="cut-one", dice=Random(1)):
        replacing = asyncio.create_task(
            carry_out(Replace(victim), roster, journal, kind="replace-member")
        )
        assert await cluster.until(lambda: victim not in (cluster.voters() or (victim,)), PATIENCE)
    replaced = await replacing
    assert replaced.did_bite, replaced
    assert replaced.bit.meanwhile == ("cut-one",)
    assert not (tmp_path / "nodes" / victim / "data").exists()

    leader = cluster.leader()
    assert leader is not None
    removed = await carry_out(RemoveLeader(leader), roster, journal, kind="remove-leader")
    assert removed.did_bite, removed
    assert removed.bit.gone == {leader: LEFT}

    assert await roster.finish(PATIENCE) == ("", "")
    assert await cluster.settled(PATIENCE) is not None
    assert len(cluster.nodes) == 3
    assert cluster.unexpected_ends == []
    assert memberships(cluster.samples)[-1].voters == tuple(sorted(cluster.nodes))
    assert read_faults(tmp_path / "faults.jsonl")[-1] == removed
    assert installs(cluster.samples).keys() >= set(cluster.nodes)


async def test_a_change_that_is_interrupted_is_in_the_journal_and_is_completed_later(
    cluster: Cluster, journal: Journal, tmp_path: Path
) -> None:
    roster = Roster(cluster)
    leader = cluster.leader()
    victim = next(node for node in cluster.nodes if node != leader)
    changing = asyncio.create_task(
        carry_out(Replace(victim), roster, journal, kind="replace-member")
    )
    async with asyncio.timeout(PATIENCE):
        while victim not in cluster.condemned:
            await cluster.refresh()
    (begun,) = read_faults(tmp_path / "faults.jsonl")
    assert begun.undo == f"remove {victim}, delete its data, let a newcomer join"
    assert begun.nodes == (victim,)
    changing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await changing

    (record,) = read_faults(tmp_path / "faults.jsonl")
    assert record.end_ns is not None
    assert not record.did_bite
    told, unfinished = await roster.finish(PATIENCE)
    assert unfinished == ""
    assert told == f"completed the change of {victim}; let n4 join, since one was missing"
    assert await cluster.settled(PATIENCE) is not None
