"""Real runs of three nodes, as short as they can be."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from huffleraft.runtime.handshake import VERSIONS, Hello, opening
from jepsen_lite.canaries.stage import Stage
from jepsen_lite.generators import dice
from jepsen_lite.history import read_history
from jepsen_lite.models import KV
from jepsen_lite.nemeses import Kill, inflicted, read_faults
from jepsen_lite.plan import Plan
from jepsen_lite.run import perform
from jepsen_lite.schedule import Progress, Scene, Schedule
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts import Results, judge

pytestmark = pytest.mark.anyio


def test_a_short_run_leaves_its_whole_folder_and_accuses_nobody(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    options = ("--nodes", "3", "--time-limit", "4", "--seed", "8", "--runs", str(runs), "--keep")
    command = [sys.executable, "-m", "jepsen_lite", "run", *options]

    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    told = f"{' '.join(command)}\n{ran.stdout}{ran.stderr}"
    folder = runs / "latest"
    results = json.loads((folder / "results.json").read_text())
    judged = {name: check["valid"] for name, check in results["checks"].items()}
    # A machine that is busy with other tests may be too slow for a load that means something.
    assert judged.pop("load") in {True, "unknown"}, told
    assert set(judged.values()) == {True}, told
    assert ran.returncode == {True: 0, "unknown": 2}[results["valid"]], told
    assert "report: file://" in ran.stdout
    assert set(judged) == {
        *("linearizable", "once", "leaders", "alive", "progress", "agreement", "members"),
        "proxied",
    }
    plan = tomllib.loads((folder / "run.toml").read_text())
    assert (plan["seed"], plan["nodes"], plan["clients"]) == (8, 3, 17)
    assert plan["demands"]["ok_a_second"] == 50.0
    assert len(read_history(folder / "history.jsonl", KV).operations) > 100
    faults = read_faults(folder / "faults.jsonl")
    assert faults
    assert all(fault.end_ns is not None for fault in faults)
    assert "<svg" in (folder / "report.html").read_text()
    members = json.loads((folder / "ending.json").read_text())["nodes"]
    assert len(members) == 3
    for node in {"n1", "n2", "n3", *members}:
        assert f"ready id={node} " in (folder / "nodes" / node / "log").read_text()
        assert (folder / "nodes" / node / "data").is_dir() == (node in members)
    (one,) = (path for path in runs.iterdir() if not path.is_symlink())
    assert folder.readlink() == Path(one.name)


def test_a_node_that_never_starts_is_told_with_its_own_words(tmp_path: Path) -> None:
    runs = tmp_path / ("a" * 250) / ("b" * 250)  # longer than SQLite opens
    command = [sys.executable, "-m", "jepsen_lite", "run", "--nodes", "1", "--runs", str(runs)]

    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ran.returncode == 2, ran.stderr
    assert ran.stderr.startswith(
        "jepsen-lite: no cluster came to be, so nothing was shown: n1 ended with exit status "
    )
    assert "huffleraft: " in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


async def test_a_run_that_is_stopped_undoes_its_faults_and_judges_what_there_is(
    tmp_path: Path,
) -> None:
    progress = Progress()
    running = asyncio.create_task(perform(Plan(seed=2, nodes=3), tmp_path, progress))
    async with asyncio.timeout(30):
        while progress.journal is None or not progress.journal.active:
            assert not running.done(), running
            await asyncio.wait((running,), timeout=0.02)
    progress.stop.set()
    await running

    faults = read_faults(tmp_path / "faults.jsonl")
    results = judge(tmp_path)
    assert faults
    assert all(fault.end_ns is not None for fault in faults)
    assert results.check("load").valid is Verdict.UNKNOWN
    assert results.check("load").message.startswith(
        "the schedule was cut short: the run was stopped"
    )
    sound = [check for check in results.checks if check.name != "load"]
    assert {check.valid for check in sound} == {Verdict.TRUE}, results.checks


async def _harm(scene: Scene) -> None:
    """One node is spoken to past the proxy, one is ruined, and then they are waited for."""
    cluster = scene.cluster
    async with Stage.of(scene) as stage:
        await stage.write_once(stage.nodes, 0.3)
        await _speak_past_the_proxy(scene)
        kill = Kill(("n1",))
        async with inflicted(kill, cluster, scene.journal, kind="kill-one", dice=dice(1)):
            (cluster.nodes["n1"].data_dir / "huffleraft.db").write_bytes(b"no database" * 1000)
        await cluster.ready(within=1.0)


async def _speak_past_the_proxy(scene: Scene) -> None:
    """Say to n3, at its own port, that we are n2."""
    n2, n3 = (scene.cluster.nodes[node] for node in ("n2", "n3"))
    cluster_id = json.loads((n2.data_dir / "identity.json").read_text())["cluster_id"]
    reader, writer = await asyncio.open_connection("127.0.0.1", n3.port)
    writer.write(opening(Hello(VERSIONS, cluster_id, "n2", n2.boot)))
    assert await reader.read(1), "n3 answers"
    writer.close()
    await writer.wait_closed()


@pytest.fixture(scope="module")
async def harmed(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The verdict on a run to which everything happened that may."""
    folder = tmp_path_factory.mktemp("harmed")
    plan = Plan(seed=4, nodes=3, settle_timeouts=3, final_read_seconds=8.0)
    await perform(plan, folder, Progress(), Schedule(6, _harm))
    return judge(folder)


async def test_a_node_that_will_not_start_again_is_accused_and_stops_no_run(
    harmed: Results,
) -> None:
    assert harmed.check("alive").valid is Verdict.FALSE
    assert "n1 ended by itself with exit status 11" in harmed.check("alive").message
    assert harmed.check("progress").valid is Verdict.FALSE
    assert harmed.check("load").valid is Verdict.UNKNOWN
    assert "cut short: after 1 s n1 is down" in harmed.check("load").message


async def test_what_the_nodes_that_serve_hold_is_read_and_judged(harmed: Results) -> None:
    for name in ("once", "linearizable"):
        assert harmed.check(name).valid is Verdict.TRUE, harmed.check(name)


async def test_the_last_act_is_played_by_a_node_that_did_not_end_by_itself(
    harmed: Results,
) -> None:
    assert harmed.check("leaders").valid is Verdict.TRUE, harmed.check("leaders")
    assert "; n2 voted for n3 in term " in harmed.check("leaders").message


async def test_a_peer_that_spoke_past_the_proxy_makes_the_run_void(harmed: Results) -> None:
    check = harmed.check("proxied")

    assert check.valid is Verdict.UNKNOWN
    assert check.message.startswith("void: n3 heard n2 (boot 1) from port ")
