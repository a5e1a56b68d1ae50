"""Nodes that come and go: started, let in, taken out, forgotten; stand-ins take their place."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jepsen_lite.cluster import Cluster, Life, State, read_processes
from jepsen_lite.cluster.life import is_gone
from jepsen_lite.cluster.process import LEFT
from jepsen_lite.nemeses import Roster
from jepsen_lite.nemeses.roster import ask_removal
from jepsen_lite.proxy.ports import first_ephemeral_port
from tests.jepsen_lite.cluster.three import PATIENCE, stand_ins

pytestmark = pytest.mark.anyio


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with Cluster.start(stand_ins(), tmp_path) as cluster:
        await cluster.ready(within=PATIENCE)
        yield cluster


async def votes(cluster: Cluster, *nodes: str) -> None:
    """Wait until exactly *nodes* are seen to vote."""
    assert await cluster.until(lambda: set(cluster.voters() or ()) == set(nodes), PATIENCE)


async def test_a_new_node_has_a_new_id_an_address_of_the_proxy_and_becomes_a_voter(
    cluster: Cluster,
) -> None:
    assert await cluster.add() == "n4"
    port = int(cluster.addresses["n4"].split(":")[1])
    assert port < first_ephemeral_port()
    assert port != cluster.nodes["n4"].port
    assert len(set(cluster.addresses.values())) == 4
    await votes(cluster, "n1", "n2", "n3", "n4")
    assert await cluster.settled(PATIENCE) is not None
    report = await cluster.proxy.report()
    assert {("n4", "n1"), ("n1", "n4")} <= {
        (peer.source, peer.target) for peer in report.peer_connections
    }


async def test_a_newcomer_that_was_killed_starts_again_and_is_let_in(cluster: Cluster) -> None:
    await cluster.add()
    assert await cluster.kill(["n4"]) == {"n4": -signal.SIGKILL}
    assert await cluster.restart(cluster.nodes) == ()
    assert cluster.nodes["n4"].boot == 2
    await votes(cluster, "n1", "n2", "n3", "n4")


async def test_a_node_killed_for_good_is_started_by_nobody_and_leaves_nothing(
    cluster: Cluster, tmp_path: Path
) -> None:
    data = tmp_path / "nodes" / "n3" / "data"
    host, port = cluster.addresses["n3"].split(":")
    assert await cluster.condemn("n3") == -signal.SIGKILL
    assert await cluster.restart(cluster.nodes) == ()
    assert cluster.nodes["n3"].state is State.DOWN
    assert data.exists()
    await cluster.retire("n3")
    assert not data.exists()
    assert (tmp_path / "nodes" / "n3" / "log").exists()
    assert set(cluster.nodes) == set(cluster.addresses) == {"n1", "n2"}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))
    await cluster.restart(["n3"])  # as the end of a fault does that had struck it
    cluster.resume(["n3"])
    assert await cluster.pause(["n3"]) == {}
    assert await cluster.kill(["n3"]) == {}
    seen = len([sample for sample in cluster.samples if sample.node == "n3"])
    await cluster.refresh()
    assert len([sample for sample in cluster.samples if sample.node == "n3"]) == seen
    assert await cluster.add() == "n4"  # an id is never given again


async def test_the_end_of_a_removed_node_is_expected_and_that_of_another_is_not(
    cluster: Cluster,
) -> None:
    cluster.let_leave("n2")
    pid = cluster.nodes["n2"].pid
    assert await ask_removal(cluster, "n2") == 200
    await cluster.nodes["n2"].gone()
    assert is_gone(pid)
    assert cluster.nodes["n2"].returncode == LEFT
    assert cluster.nodes["n2"].has_left
    assert cluster.unexpected_ends == []
    assert await cluster.restart(cluster.nodes) == ()
    assert cluster.nodes["n2"].state is State.DOWN
    (ended,) = [life for life in read_processes(cluster.run_folder) if life.event is Life.ENDED]
    assert (ended.returncode, ended.by_harness) == (LEFT, True)

    cluster.let_leave("n3")
    os.killpg(cluster.nodes["n3"].pid, signal.SIGABRT)  # it may leave, and does not end so
    await cluster.nodes["n3"].gone()
    assert [end.node for end in cluster.unexpected_ends] == ["n3"]


async def test_a_node_that_ends_as_removed_though_nobody_removed_it_is_lost(
    cluster: Cluster,
) -> None:
    assert await ask_removal(cluster, "n2") == 200
    await cluster.nodes["n2"].gone()
    assert [end.returncode for end in cluster.unexpected_ends] == [LEFT]


async def test_a_cluster_is_not_settled_while_somebody_who_runs_does_not_vote(
    cluster: Cluster,
) -> None:
    cluster.let_leave("n3")
    await ask_removal(cluster, "n3")
    await votes(cluster, "n1", "n2")
    assert await cluster.settled(0.3) is None
    await cluster.retire("n3")
    assert await cluster.settled(PATIENCE) is not None


async def test_the_roster_removes_the_leader_and_lets_another_in(cluster: Cluster) -> None:
    leader = cluster.leader()
    assert leader is not None
    roster = Roster(cluster)
    roster.dismiss(leader)
    await roster.reach()
    assert roster.left == {leader: LEFT}
    assert leader not in cluster.nodes
    assert await roster.finish(PATIENCE) == ("let n4 join, since one was missing", "")
    await votes(cluster, *cluster.nodes)
    assert len(cluster.nodes) == 3
    assert cluster.unexpected_ends == []


async def test_what_is_too_many_is_removed_and_what_was_begun_is_completed(
    cluster: Cluster,
) -> None:
    roster = Roster(cluster)
    await roster.admit()
    await cluster.condemn("n3")
    roster.dismiss("n3")
    told, unfinished = await roster.finish(PATIENCE)
    assert (told, unfinished) == ("completed the change of n3", "")
    await roster.admit()
    assert await roster.finish(PATIENCE) == ("removed n5, which was one too many", "")
    await votes(cluster, "n1", "n2", "n4")


async def test_a_newcomer_that_was_forgotten_half_way_is_taken_out(cluster: Cluster) -> None:
    roster = Roster(cluster)
    await cluster.add()  # by a change that was interrupted before it noted whom it had started
    told, unfinished = await roster.finish(PATIENCE)
    assert unfinished == ""
    assert told == "completed the change of n4"
    await votes(cluster, "n1", "n2", "n3")


async def test_what_cannot_be_completed_is_told(cluster: Cluster) -> None:
    roster = Roster(cluster)
    await cluster.kill(["n1", "n2"])
    roster.dismiss("n3")
    told, unfinished = await roster.finish(within=0.5)
    assert told == ""
    assert unfinished.startswith(
        "after 0.5 s nobody knows who votes; n1, n2, n3 are there, and"
    ) or ("n1, n2 shall be" in unfinished)
