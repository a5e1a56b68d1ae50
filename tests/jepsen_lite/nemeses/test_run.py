"""Faults inflicted on real processes; stand-ins take the nodes' place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random

import pytest

from jepsen_lite.cluster import Cluster, Life, read_processes
from jepsen_lite.cluster.configuration import installs
from jepsen_lite.nemeses import (
    ALL_KINDS,
    Cut,
    Delay,
    FaultRecord,
    Journal,
    Kill,
    Pace,
    Pause,
    Roster,
    Track,
    heal_all,
    inflicted,
    isolation,
    read_faults,
    run_deck,
)
from jepsen_lite.nemeses.changes import JOIN, REMOVE_LEADER
from jepsen_lite.nemeses.faults import links_between
from jepsen_lite.nemeses.kinds import CUT_CLIENTS, ISOLATE_LEADER
from tests.jepsen_lite.cluster.three import PATIENCE, stand_ins

pytestmark = pytest.mark.anyio

QUICK = Pace(fault=(0.9, 1.0), outage=(0.5, 0.6), calm=(0.1, 0.3), rest=(0.1, 0.3))


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with Cluster.start(stand_ins(), tmp_path) as cluster:
        await cluster.ready(within=PATIENCE)
        await all_agree(cluster)
        yield cluster


async def all_agree(cluster: Cluster) -> None:
    """Wait until the stand-ins name one leader in one term: unlike nodes, two may lead at first."""
    async with asyncio.timeout(PATIENCE):
        while len({_leader_named_by(cluster, node) for node in cluster.nodes}) > 1:
            await cluster.refresh()


def _leader_named_by(cluster: Cluster, node: str) -> tuple[int, object]:
    sample = cluster.latest(node)
    assert sample is not None, "it is ready, so it was asked"
    assert sample.status is not None, "and answered"
    return sample.status.term, sample.status.leader


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "faults.jsonl") as journal:
        yield journal


def in_file(cluster: Cluster) -> tuple[FaultRecord, ...]:
    return read_faults(cluster.run_folder / "faults.jsonl")


async def test_the_way_back_is_in_the_file_before_the_fault_is_on(
    cluster: Cluster, journal: Journal
) -> None:
    async with inflicted(
        Kill(("n2",)), cluster, journal, kind="kill-one", dice=Random(1)
    ) as standing:
        (record,) = in_file(cluster)
        assert (record.undo, record.nodes, record.end_ns) == ("restart n2", ("n2",), None)
        assert list(journal.active) == [record]
        lives = read_processes(cluster.run_folder)
        (ended,) = [life for life in lives if life.event is Life.ENDED]
        assert record.begin_ns < ended.time_ns
        assert cluster.running() == ("n1", "n3")
    assert cluster.running() == ("n1", "n2", "n3")
    (record,) = in_file(cluster)
    assert record == standing.record
    assert record.did_bite
    assert record.bit.gone == {"n2": -9}
    assert record.end_ns is not None
    assert journal.active == ()


async def test_a_fault_that_cannot_be_journalled_is_not_inflicted(
    cluster: Cluster, journal: Journal
) -> None:
    journal.close()
    with pytest.raises(ValueError, match="closed file"):
        async with inflicted(Kill(("n2",)), cluster, journal, kind="kill-one", dice=Random(1)):
            pass
    assert [process.boot for process in cluster.nodes.values()] == [1, 1, 1]
    assert Life.ENDED not in {life.event for life in read_processes(cluster.run_folder)}


async def test_a_pause_bites_a_process_that_stands_still(
    cluster: Cluster, journal: Journal
) -> None:
    async with inflicted(Pause(("n3",)), cluster, journal, kind="pause-one", dice=Random(1)):
        assert cluster.running() == ("n1", "n2")
    (record,) = in_file(cluster)
    assert (record.bit.stood_still, record.did_bite) == (("n3",), True)
    assert cluster.running() == ("n1", "n2", "n3")


async def test_an_isolated_leader_was_unseated_once_another_leads(
    cluster: Cluster, journal: Journal
) -> None:
    leader = cluster.leader()
    assert leader is not None
    term = cluster.term()
    async with inflicted(
        Cut(isolation(leader, cluster.nodes)),
        cluster,
        journal,
        kind="isolate-leader",
        dice=Random(1),
        target=(leader,),
        unseats=True,
    ):
        assert await cluster.until(lambda: cluster.term() > term, PATIENCE)
    (record,) = in_file(cluster)
    assert record.did_bite
    assert record.bit.new_leader not in {None, leader}
    assert record.bit.new_term == cluster.term()
    assert record.bit.bytes_held
    await cluster.ready(within=PATIENCE)


async def test_a_fault_over_before_anything_was_felt_has_not_bitten(
    cluster: Cluster, journal: Journal
) -> None:
    await cluster.kill(cluster.nodes)
    links = links_between(cluster.nodes)
    slow = Delay(tuple((link, 0.01) for link in links))
    for fault in (Cut(links), slow, Pause(("n1",)), Kill(("n1",))):
        async with inflicted(fault, cluster, journal, kind="any", dice=Random(1)):
            pass
    assert [record.did_bite for record in in_file(cluster)] == [False] * 4


async def test_healing_all_undoes_what_nobody_remembers(cluster: Cluster, journal: Journal) -> None:
    await cluster.proxy.cut(links_between(cluster.nodes))
    await cluster.proxy.delay(dict.fromkeys(links_between(cluster.nodes), 30.0))
    await cluster.kill(["n1"])
    await cluster.pause(["n2"])
    await heal_all(cluster)
    assert cluster.running() == ("n1", "n2", "n3")
    assert await cluster.settled(PATIENCE) is not None


async def test_a_deck_that_is_interrupted_undoes_what_is_on(
    cluster: Cluster, journal: Journal
) -> None:
    slow = Pace(fault=(60, 60), outage=(60, 60), calm=(60, 60))
    roster = Roster(cluster)
    dealing = run_deck(cluster, journal, seed=3, time_limit=60, pace=slow, roster=roster)
    deck = asyncio.create_task(dealing)
    async with asyncio.timeout(PATIENCE):
        while len({one.track for one in journal.active}) < len(Track):
            await cluster.refresh()
    deck.cancel()
    with pytest.raises(asyncio.CancelledError):
        await deck
    assert journal.active == ()
    assert all(record.end_ns is not None for record in in_file(cluster))
    assert (await roster.finish(PATIENCE))[1] == ""
    assert len(cluster.running()) == 3
    assert await cluster.settled(PATIENCE) is not None


async def test_a_kind_that_never_bites_is_dealt_again_and_told_in_the_end(
    cluster: Cluster, journal: Journal
) -> None:
    """Clients are cut off where there are none."""
    outcome = await run_deck(
        cluster, journal, seed=5, time_limit=3, kinds=[CUT_CLIENTS], pace=QUICK
    )
    assert len(outcome.faults) >= 2
    assert not any(fault.did_bite for fault in outcome.faults)
    assert outcome.unbitten == ("cut-clients",)


async def test_for_a_member_that_joined_somebody_leaves_though_the_time_is_over(
    cluster: Cluster, journal: Journal
) -> None:
    """Both kinds have bitten long before; the time may be over between a join and its removal."""
    roster = Roster(cluster)
    hasty = Pace(rest=(0.0, 0.0))
    outcome = await run_deck(
        cluster,
        journal,
        seed=7,
        time_limit=4,
        kinds=[JOIN, REMOVE_LEADER],
        pace=hasty,
        roster=roster,
    )
    kinds = [fault.kind for fault in outcome.faults]
    assert kinds == ["join", "remove-leader"] * (len(kinds) // 2)
    assert (roster.is_larger, len(cluster.nodes)) == (False, 3)


async def test_a_fault_that_is_to_unseat_the_leader_stays_on_until_another_leads(
    cluster: Cluster, journal: Journal
) -> None:
    """Its card is over long before an election could be; a busy machine does that to any card."""
    hasty = Pace(fault=(0.0, 0.0), outage=(0.0, 0.0), calm=(0.0, 0.0))
    outcome = await run_deck(
        cluster, journal, seed=7, time_limit=0.1, kinds=[ISOLATE_LEADER], pace=hasty
    )
    (fault,) = outcome.faults
    assert fault.did_bite
    assert fault.bit.new_leader not in {None, *fault.target}
    assert outcome.unbitten == ()


async def test_a_deck_strikes_with_every_kind_and_leaves_the_cluster_whole(
    tmp_path: Path,
) -> None:
    kinds = [kind for kind in ALL_KINDS if kind.name != "cut-clients"]  # there are none here
    async with Cluster.start(stand_ins(5), tmp_path) as cluster:
        await cluster.ready(within=PATIENCE)
        roster = Roster(cluster)
        with Journal(tmp_path / "faults.jsonl") as journal:
            outcome = await run_deck(
                cluster, journal, seed=11, time_limit=16, kinds=kinds, pace=QUICK, roster=roster
            )
        await heal_all(cluster)
        assert (await roster.finish(PATIENCE))[1] == ""
        assert await cluster.settled(PATIENCE) is not None
        assert len(cluster.nodes) == 5
        assert all(installs(cluster.samples).get(node) for node in cluster.nodes)
    assert outcome.unbitten == ()
    assert outcome.faults == read_faults(tmp_path / "faults.jsonl")
    unseated = {fault.kind for fault in outcome.leader_changes}
    assert unseated >= {"isolate-leader", "kill-leader", "pause-leader", "remove-leader"}
    assert _tracks_overlap(outcome.faults)
    assert cluster.unexpected_ends == []


def _tracks_overlap(faults: tuple[FaultRecord, ...]) -> bool:
    return any(
        one.track != other.track and other.is_on(one.begin_ns) for one in faults for other in faults
    )
