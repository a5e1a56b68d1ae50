"""Real processes that are started, killed, paused and watched; stand-ins take the nodes' place."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import socket
import sys
from pathlib import Path

import httpx2
import pytest

from jepsen_lite.cluster import (
    Cluster,
    ClusterConfig,
    ClusterNotReady,
    Life,
    NodeNotStarted,
    clean,
    left_behind,
    read_processes,
    read_statuses,
)
from jepsen_lite.cluster.config import founding
from jepsen_lite.cluster.life import birth_of, is_gone, is_stopped
from jepsen_lite.nemeses.faults import isolation, links_between
from jepsen_lite.proxy import Fate
from tests.jepsen_lite.cluster.three import PATIENCE, stand_ins

pytestmark = pytest.mark.anyio


async def test_a_cluster_starts_elects_and_stops_in_good_order(tmp_path: Path) -> None:
    async with Cluster.start(stand_ins(), tmp_path) as cluster:
        await cluster.ready(within=PATIENCE)
        assert cluster.leader() in cluster.nodes
        assert cluster.running() == ("n1", "n2", "n3")
        pids = [process.pid for process in cluster.nodes.values()]
        assert [process.boot for process in cluster.nodes.values()] == [1, 1, 1]
    assert all(is_gone(pid) for pid in pids)
    assert cluster.unexpected_ends == []
    assert (tmp_path / "proxy.json").exists()


async def test_clients_reach_a_node_by_the_address_that_the_proxy_owns(tmp_path: Path) -> None:
    async with Cluster.start(stand_ins(1), tmp_path) as cluster, httpx2.AsyncClient() as client:
        assert str(cluster.nodes["n1"].port) not in cluster.addresses["n1"]
        answer = await client.get(f"http://{cluster.addresses['n1']}/v1/status")
    assert answer.json()["id"] == "n1"


async def test_killed_nodes_are_gone_refused_and_come_back_in_their_next_boot(
    tmp_path: Path,
) -> None:
    async with Cluster.start(stand_ins(), tmp_path) as cluster:
        await cluster.ready(within=PATIENCE)
        pids = [cluster.nodes[node].pid for node in ("n1", "n2")]
        assert await cluster.kill(["n1", "n2"]) == {"n1": -signal.SIGKILL, "n2": -signal.SIGKILL}
        assert all(is_gone(pid) for pid in pids)
        assert cluster.running() == ("n3",)
        assert cluster.leader() != "n1"
        host, port = cluster.addresses["n1"].split(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)))
        assert await cluster.restart(cluster.nodes) == ()
        assert [process.boot for process in cluster.nodes.values()] == [2, 2, 1]
        await cluster.ready(within=PATIENCE)
    assert cluster.unexpected_ends == []


async def test_a_paused_node_stands_still_and_leads_nobody(tmp_path: Path) -> None:
    async with Cluster.start(stand_ins(), tmp_path) as cluster:
        await cluster.ready(within=PATIENCE)
        assert await cluster.pause(["n1"]) == {"n1": True}
        assert is_stopped(cluster.nodes["n1"].pid)
        assert cluster.running() == ("n2", "n3")
        assert cluster.leader() != "n1"
        assert await cluster.has_leader(PATIENCE)
        cluster.resume(["n1"])
        assert cluster.running() == ("n1", "n2", "n3")
        assert await cluster.settled(PATIENCE) is not None


async def test_a_paused_node_can_be_killed(tmp_path: Path) -> None:
    async with Cluster.start(stand_ins(1), tmp_path) as cluster:
        await cluster.pause(["n1"])
        assert await cluster.kill(["n1"]) == {"n1": -signal.SIGKILL}


async def test_an_isolated_leader_is_followed_by_another_in_a_higher_term(tmp_path: Path) -> None:
    async with Cluster.start(stand_ins(), tmp_path) as cluster:
        await cluster.ready(within=PATIENCE)
        term = cluster.term()
        leader = cluster.leader()
        assert leader is not None
        links = isolation(leader, cluster.nodes)
        await cluster.proxy.cut(links)
        assert await cluster._watch.until(lambda: cluster.term() > term, PATIENCE)
        assert cluster.leader() not in {leader, None}
        await cluster.proxy.heal(dict.fromkeys(links, Fate.RESET))
        await cluster.ready(within=PATIENCE)


async def test_a_node_that_ends_by_itself_is_told_with_its_last_lines(tmp_path: Path) -> None:
    async with Cluster.start(stand_ins(), tmp_path) as cluster:
        os.killpg(cluster.nodes["n2"].pid, signal.SIGABRT)
        await cluster.nodes["n2"].gone()
        (end,) = cluster.unexpected_ends
        assert (end.node, end.returncode) == ("n2", -signal.SIGABRT)
        assert "ended by itself" in end.why
        assert "ready id=n2" in end.last_lines
        with pytest.raises(ClusterNotReady, match=r"n2 is down"):
            await cluster.ready(within=0.1)


async def test_a_node_that_does_not_start_is_told_with_its_last_lines(tmp_path: Path) -> None:
    config = stand_ins(1, "--die=the disk is on fire")
    with pytest.raises(
        NodeNotStarted, match=r"n1 ended with exit status 17.*\nthe disk is on fire"
    ):
        async with Cluster.start(config, tmp_path):
            pass
    assert [event.event for event in read_processes(tmp_path)] == [Life.STARTED, Life.ENDED]


async def test_a_node_that_never_says_ready_is_not_left_running(tmp_path: Path) -> None:
    config = ClusterConfig(
        size=1, program=("sh", "-c", "echo hello; exec sleep 60"), start_seconds=0.5
    )
    with pytest.raises(NodeNotStarted, match=r"n1 was not ready after 0.5 s.*\nhello"):
        async with Cluster.start(config, tmp_path):
            pass
    (started, ended) = read_processes(tmp_path)
    assert ended.by_harness
    assert is_gone(started.pid)


async def test_the_run_folder_tells_of_every_process_and_every_poll(tmp_path: Path) -> None:
    async with Cluster.start(stand_ins(2), tmp_path) as cluster:
        await cluster.ready(within=PATIENCE)
        await cluster.kill(["n2"])
        await cluster.restart(["n2"])
        final = await cluster.final_statuses()
        samples = tuple(cluster.samples)
    assert [sample.status is not None and sample.status.hash for sample in final] == ["same"] * 2
    assert read_statuses(tmp_path)[: len(samples)] == samples
    of_n2 = [event for event in read_processes(tmp_path) if event.name == "n2"]
    assert [event.event for event in of_n2] == [
        *(Life.STARTED, Life.READY, Life.ENDED),
        *(Life.STARTED, Life.READY, Life.ENDED),
    ]
    assert [event.returncode for event in of_n2 if event.event is Life.ENDED] == [
        -signal.SIGKILL,
        0,
    ]
    assert all(event.by_harness for event in of_n2 if event.event is Life.ENDED)


async def test_the_peer_connections_that_nodes_see_are_those_the_proxy_made(
    tmp_path: Path,
) -> None:
    async with Cluster.start(stand_ins(), tmp_path) as cluster:
        links = links_between(cluster.nodes)
        async with asyncio.timeout(PATIENCE):
            while len((report := await cluster.proxy.report()).peer_connections) < len(links):
                pass
    assert {(peer.source, peer.target) for peer in report.peer_connections} == {
        (link.source, link.target) for link in links
    }
    assert {peer.boot for peer in report.peer_connections} == {1}


async def test_a_harness_that_is_killed_leaves_nodes_for_clean_and_no_proxy(
    tmp_path: Path,
) -> None:
    harness = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.jepsen_lite.cluster.doomed",
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
    )
    assert harness.stdout is not None
    proxy = int(await asyncio.wait_for(harness.stdout.readline(), PATIENCE))
    harness.kill()
    await harness.wait()
    left = {event.name: event.pid for event in left_behind(tmp_path)}
    assert left.keys() == {"n1", "n2"}
    assert {event.pid for event in clean(tmp_path)} == set(left.values())
    async with asyncio.timeout(PATIENCE):
        # They are no children of ours, so nothing tells us when they are gone.
        while not all(is_gone(pid) for pid in (proxy, *left.values())):  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert clean(tmp_path) == ()


async def test_what_still_runs_is_found_and_ended_and_what_ended_is_not(tmp_path: Path) -> None:
    async with Cluster.start(stand_ins(2), tmp_path) as cluster:
        await cluster.kill(["n2"])
        await cluster.pause(["n1"])
        # What the folder says at this moment is what a harness that is killed now leaves.
        (left,) = left_behind(tmp_path)
        assert left.pid == cluster.nodes["n1"].pid
        assert [event.pid for event in clean(tmp_path)] == [left.pid]
        await cluster.nodes["n1"].gone()
        assert left_behind(tmp_path) == ()


async def test_a_process_that_only_has_the_number_of_ours_is_left_alone(tmp_path: Path) -> None:
    own = os.getpid()
    birth = birth_of(own)
    assert birth is not None
    line = '{"time_ns":1,"name":"n1","event":"started","pid":%d,"birth":%d}\n'
    (tmp_path / "processes.jsonl").write_text(line % (own, birth - 1))
    assert left_behind(tmp_path) == ()
    (tmp_path / "processes.jsonl").write_text(line % (own, birth))
    assert [event.pid for event in left_behind(tmp_path)] == [own]


def test_a_configuration_that_cannot_work_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="a cluster of 0 nodes; expected 1 to 9"):
        ClusterConfig(size=0)
    with pytest.raises(ValueError, match="a heartbeat of 500 ms and elections after 400 to 800 ms"):
        ClusterConfig(heartbeat_ms=500)
    with pytest.raises(ValueError, match="a plant and a program"):
        ClusterConfig(plant="none", program=("true",))


def test_a_plant_stands_before_the_command_that_it_is_planted_in(tmp_path: Path) -> None:
    addresses = {"n1": "127.0.0.1:1", "n2": "127.0.0.1:2"}
    config = ClusterConfig(size=2, plant="stale-reads")
    command = config.command("n2", addresses["n2"], tmp_path, founding(addresses))
    assert command[1:6] == ("-m", "jepsen_lite.plants", "stale-reads", "--", "serve")
    assert "--advertise=127.0.0.1:2" in command
    assert "--bootstrap=n1=127.0.0.1:1,n2=127.0.0.1:2" in command
    assert {"--snapshot-entries=500", "--trailing-entries=50"} <= set(command)


@pytest.mark.parametrize("hash_every,asked_for", [(1, True), (None, False)])
async def test_polls_ask_for_the_hash_as_often_as_they_are_told(
    tmp_path: Path, hash_every: int | None, asked_for: bool
) -> None:
    config = dataclasses.replace(stand_ins(), hash_every=hash_every)
    async with Cluster.start(config, tmp_path) as cluster:
        await cluster.ready(within=PATIENCE)
        polls = [sample.status for sample in cluster.samples if sample.status is not None]
        assert polls
        assert {status.hash is not None for status in polls} == {asked_for}
        final = await cluster.final_statuses()
        assert {sample.status.hash for sample in final if sample.status} == {"same"}
