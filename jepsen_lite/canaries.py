"""Canaries: four known bugs, each of which must be caught, and a control that must not be accused.

    python -m jepsen_lite.canaries [--only NAME] [--seed N]

Each canary is a short schedule of its own, made so that its bug shows every time.  The verdict that
is named beside the plant must be false; caught by another check is not caught.  The plant `none`
goes through all the schedules and must come out true.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console

from jepsen_lite.clients import PinnedClient, Wish
from jepsen_lite.cluster import Cluster
from jepsen_lite.generators import dice
from jepsen_lite.history import EventType, HistoryWriter
from jepsen_lite.last_act import ask_twice
from jepsen_lite.nemeses import Cut, Journal, Kill, heal_all, inflicted, isolation
from jepsen_lite.plants.catalogue import (
    EARLY_DURABLE,
    FORGOTTEN_VOTE,
    LOST_WRITE,
    NONE,
    PLANTS,
    STALE_READS,
)
from jepsen_lite.run import FINAL_READ_SECONDS, READY_SECONDS, Plan, write_config, write_ending
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts import Ending, Results, judge
from jepsen_lite.workload import HOT_KEYS, ONCE, Process, Reader, Recorder, final_reads, is_once

NODES: Final = 5
ROUNDS: Final = 3
LEADER_SECONDS: Final = 10.0


@dataclass(slots=True)
class Stage:
    """A running cluster with a reader and a writer pinned to each node."""

    cluster: Cluster
    recorder: Recorder
    journal: Journal
    seed: int
    readers: dict[str, Process] = field(default_factory=dict)
    writers: dict[str, Process] = field(default_factory=dict)
    number: int = 0

    async def leader(self) -> str:
        """Who leads now, after waiting for somebody to."""
        if not await self.cluster.has_leader(LEADER_SECONDS):
            raise RuntimeError(f"nobody led within {LEADER_SECONDS:g} s")
        await self.cluster.refresh()
        leader = self.cluster.leader()
        assert leader is not None, "somebody leads"
        return leader

    def value(self) -> str:
        """A value never used before."""
        self.number += 1
        return f"c{self.number}"

    async def write_all(self, nodes: Iterable[str]) -> None:
        """Write every hot key through some of *nodes*, again until one acknowledges."""
        writers = [self.writers[node] for node in nodes]
        for key in HOT_KEYS:
            for attempt in range(60):
                writer = writers[attempt % len(writers)]
                outcome = await writer.ask(Wish("write", key, self.value()))
                if outcome.type is EventType.OK:
                    break

    async def write_once(self, nodes: Iterable[str], seconds: float) -> None:
        """The writers of *nodes* write write-once keys for so many seconds."""
        end = time.monotonic() + seconds

        async def work(writer: Process) -> None:
            while time.monotonic() < end:
                value = self.value()
                await writer.ask(Wish("write", f"{ONCE}{writer.number}/{value}", value))

        async with asyncio.TaskGroup() as tasks:
            for node in nodes:
                tasks.create_task(work(self.writers[node]))


async def stale_reads(stage: Stage) -> None:
    """A leader is cut off while its reader goes on and the majority writes."""
    nodes = tuple(stage.cluster.nodes)
    for round_ in range(ROUNDS):
        await stage.write_all(nodes)
        leader = await stage.leader()
        reader, others = stage.readers[leader], [node for node in nodes if node != leader]
        await reader.ask(Wish("read", HOT_KEYS[0]))
        cut, rolls = Cut(isolation(leader, nodes)), dice(stage.seed, "stale", str(round_))
        async with inflicted(
            cut, stage.cluster, stage.journal, kind="isolate-leader", dice=rolls, target=[leader]
        ):
            writing = asyncio.create_task(stage.write_all(others))
            end = time.monotonic() + 3.0
            while time.monotonic() < end:
                await reader.ask(Wish("read", HOT_KEYS[reader.number % len(HOT_KEYS)]))
                await reader.ask(Wish("read", rolls.choice(HOT_KEYS)))
                await asyncio.sleep(0.01)
            await writing


async def lost_write(stage: Stage) -> None:
    """A leader is cut off, takes writes in, and dies before anybody else has them."""
    nodes = tuple(stage.cluster.nodes)
    for round_ in range(ROUNDS):
        leader = await stage.leader()
        cut, rolls = Cut(isolation(leader, nodes)), dice(stage.seed, "lost", str(round_))
        async with inflicted(
            cut, stage.cluster, stage.journal, kind="isolate-leader", dice=rolls, target=[leader]
        ):
            await stage.write_once([leader], 0.3)
            async with inflicted(
                Kill((leader,)), stage.cluster, stage.journal, kind="kill-leader", dice=rolls
            ):
                await stage.leader()
        await stage.cluster.ready(within=READY_SECONDS)


async def early_durable(stage: Stage) -> None:
    """Everybody dies at once, just after acknowledging."""
    nodes = tuple(stage.cluster.nodes)
    for round_ in range(ROUNDS):
        await stage.leader()
        rolls = dice(stage.seed, "early", str(round_))
        await stage.write_once(nodes, 1.0)
        async with inflicted(
            Kill(nodes), stage.cluster, stage.journal, kind="kill-all", dice=rolls
        ):
            pass
        await stage.cluster.ready(within=READY_SECONDS)


async def nothing(stage: Stage) -> None:
    """Some load; what is shown comes with the last act, which every canary ends with."""
    await stage.write_all(stage.cluster.nodes)
    await stage.write_once(stage.cluster.nodes, 0.3)


async def everything(stage: Stage) -> None:
    """All schedules, one after the other."""
    await stale_reads(stage)
    await lost_write(stage)
    await early_durable(stage)


SCHEDULES: Final[dict[str, Callable[[Stage], Awaitable[None]]]] = {
    STALE_READS.name: stale_reads,
    LOST_WRITE.name: lost_write,
    EARLY_DURABLE.name: early_durable,
    FORGOTTEN_VOTE.name: nothing,
    NONE.name: everything,
}


async def sing(name: str, seed: int, folder: Path) -> Results:
    """Run the canary called *name* in *folder*, and judge it."""
    plan = Plan(seed=seed, nodes=NODES, plant=name, faults_seconds=0)
    config = plan.config
    write_config(plan, folder)
    async with Cluster.start(config, folder) as cluster:
        await cluster.ready(within=READY_SECONDS)
        with HistoryWriter(folder / "history.jsonl") as history:
            recorder = Recorder(history, cluster.now, 2 * NODES)
            stage = Stage(cluster, recorder, Journal(folder / "faults.jsonl"), seed)
            for place, node in enumerate(cluster.addresses):
                for offset, cast in ((0, stage.readers), (NODES, stage.writers)):
                    rolls = dice(seed, "canary", node, str(offset))
                    client = PinnedClient(node, cluster.addresses, rolls=rolls)
                    cast[node] = Process(place + offset, client, Reader(rolls), recorder)
            begin = cluster.now()
            await SCHEDULES[name](stage)
            for process in (*stage.readers.values(), *stage.writers.values()):
                await process.client.close()
            await heal_all(cluster)
            healed = cluster.now()
            settled = await cluster.settled(within=20 * config.election_timeout)
            unread = await final_reads(
                recorder,
                cluster.addresses,
                tuple(recorder.keys),
                first_process=(recorder.retired + 2) * 2 * NODES,
                seed=seed,
                within=FINAL_READ_SECONDS,
            )
            await cluster.settled(within=20 * config.election_timeout)
            await cluster.final_statuses()
            stage.journal.close()
        ends = tuple(f"{end.node} {end.why}" for end in cluster.unexpected_ends)
    data = folder / "nodes" / config.nodes[0] / "data"
    second_vote, last_act = await ask_twice(config, cluster.addresses, data, folder / "act")
    ending = Ending(
        seed=seed,
        nodes=config.nodes,
        election_timeout=config.election_timeout,
        faults_seconds=0,
        load_begin_ns=begin,
        faults_begin_ns=begin,
        healed_ns=healed,
        settled_ns=settled,
        unread=tuple(key for key in unread if is_once(key)),
        unexpected_ends=ends,
        second_vote=second_vote,
        last_act=last_act,
        full=False,
    )
    write_ending(folder, ending)
    return judge(folder)


def fault_of(name: str, results: Results) -> str | None:
    """What is wrong with *results* of the canary called *name*; None if it did as it must."""
    plant = PLANTS[name]
    if plant.check is None:
        accused = [one for one in results.checks if one.valid is not Verdict.TRUE]
        return "; ".join(f"{one.name} {one.valid.value}: {one.message}" for one in accused) or None
    check = results.check(plant.check)
    if check.valid is Verdict.FALSE:
        return None
    return f"{plant.check} is {check.valid.value}, not false: {check.message}"


def main() -> int:
    """Run the canaries; 0 if each bug was caught as it must be, and the control was not accused."""
    parser = argparse.ArgumentParser(prog="canaries", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", choices=list(SCHEDULES), default=None)
    parser.add_argument("--seed", type=int, default=None, help="printed, and drawn if absent")
    arguments = parser.parse_args()
    seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
    console = Console()
    wrong = 0
    for name in SCHEDULES if arguments.only is None else [arguments.only]:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="huffleraft-canary-") as folder:
            results = asyncio.run(sing(name, seed, Path(folder)))
        fault = fault_of(name, results)
        wrong += fault is not None
        check = PLANTS[name].check
        said = fault or (results.check(check).message if check else "every check is true")
        verdict = "WRONG" if fault else f"caught by {check}" if check else "not accused"
        took = time.monotonic() - began
        console.print(f"{name:15} {verdict}, {took:.0f} s: {said}", highlight=False)
    console.print(f"seed {seed}: {wrong} of {len(SCHEDULES)} canaries did not do as they must")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
