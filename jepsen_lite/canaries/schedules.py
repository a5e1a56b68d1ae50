"""The schedules of the canaries: each gives its bug the moment it needs, most three times."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from jepsen_lite.canaries.stage import Stage
from jepsen_lite.clients import Wish
from jepsen_lite.generators import dice
from jepsen_lite.nemeses import Cut, Kill, halves, inflicted, isolation
from jepsen_lite.plants.catalogue import (
    EARLY_DURABLE,
    FORGOTTEN_CONFIGURATION,
    FORGOTTEN_VOTE,
    LOST_WRITE,
    NONE,
    SNAPSHOT_WITHOUT_SESSIONS,
    STALE_READS,
)
from jepsen_lite.workload import HOT_KEYS

ROUNDS: Final = 3
READY_SECONDS: Final = 10.0
"""How long the cluster may take to come back; one that does not ends the schedule."""

QUIET_SECONDS: Final = 0.7
"""Twice as long, and more, as the planted store takes to write what it says is durable."""

NEWCOMERS: Final = 2

APART_SECONDS: Final = 3.0
"""Long enough for either side to elect a leader, if it may, and to acknowledge."""

MISSED_ENTRIES: Final = 650
"""More than a snapshot comes after (500) and than are kept behind it (50)."""


async def stale_reads(stage: Stage) -> None:
    """A leader is cut off while its reader goes on and the majority writes."""
    for round_ in range(ROUNDS):
        await stage.write_all(stage.nodes)
        leader = await stage.leader()
        reader, others = stage.readers[leader], [node for node in stage.nodes if node != leader]
        await reader.ask(Wish("read", HOT_KEYS[0]))
        cut, rolls = Cut(isolation(leader, stage.nodes)), dice(stage.seed, "stale", str(round_))
        async with (
            inflicted(
                cut,
                stage.cluster,
                stage.journal,
                kind="isolate-leader",
                dice=rolls,
                target=[leader],
            ),
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(stage.write_all(others))
            end = time.monotonic() + 3.0
            while time.monotonic() < end:
                await reader.ask(Wish("read", HOT_KEYS[reader.number % len(HOT_KEYS)]))
                await reader.ask(Wish("read", rolls.choice(HOT_KEYS)))
                await asyncio.sleep(0.01)


async def lost_write(stage: Stage) -> None:
    """A leader is cut off, takes writes in, and dies before anybody else has them."""
    for round_ in range(ROUNDS):
        leader = await stage.leader()
        cut, rolls = Cut(isolation(leader, stage.nodes)), dice(stage.seed, "lost", str(round_))
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
    """Everybody dies at once, just after acknowledging.

    Under load a write may have to wait for the one before it, and is then on some disks when it is
    acknowledged.  So the last one is written in quiet: it is acknowledged at once, on no disk yet.
    """
    for round_ in range(ROUNDS):
        rolls = dice(stage.seed, "early", str(round_))
        await stage.write_once(stage.nodes, 1.0)
        await asyncio.sleep(QUIET_SECONDS)
        await stage.write_one(await stage.leader())
        async with inflicted(
            Kill(stage.nodes), stage.cluster, stage.journal, kind="kill-all", dice=rolls
        ):
            pass
        await stage.cluster.ready(within=READY_SECONDS)


async def snapshot_without_sessions(stage: Stage) -> None:
    """A node misses a client's session, and so many entries that it comes back by a snapshot."""
    leader = await stage.leader()
    away = next(node for node in stage.nodes if node != leader)
    others = [node for node in stage.nodes if node != away]
    rolls = dice(stage.seed, "sessions")
    async with inflicted(Kill((away,)), stage.cluster, stage.journal, kind="kill-one", dice=rolls):
        await stage.open_session(others)
        await stage.grow(others, MISSED_ENTRIES)
    await stage.cluster.ready(within=READY_SECONDS)


async def forgotten_configuration(stage: Stage) -> None:
    """Two nodes more join; then a majority of the first five start again, cut off from the rest.

    It takes two newcomers: majorities of five and of six always meet, and so do those of a joint
    configuration whose two halves differ by one node, whichever of them is forgotten.  Three of
    five and four of seven need not meet.  Who of the three knows of the seven serves nobody.
    """
    founders = stage.nodes
    for _ in range(NEWCOMERS):
        await stage.roster.admit()
        await stage.roster.reach()
    stage.roster.size = len(stage.nodes)
    few, rolls = founders[:3], dice(stage.seed, "configuration")
    others = [node for node in founders if node not in few]
    cut = Cut(halves(few, stage.nodes))
    async with inflicted(cut, stage.cluster, stage.journal, kind="halves", dice=rolls, target=few):
        async with inflicted(
            Kill(few), stage.cluster, stage.journal, kind="kill-minority", dice=rolls
        ):
            pass
        await stage.write_once((*few, *others), APART_SECONDS)


async def nothing(stage: Stage) -> None:
    """Some load; what is shown comes with the last act, which every run ends with."""
    await stage.write_all(stage.nodes)
    await stage.write_once(stage.nodes, 0.3)


async def everything(stage: Stage) -> None:
    """All schedules, one after the other."""
    await stale_reads(stage)
    await lost_write(stage)
    await early_durable(stage)
    await snapshot_without_sessions(stage)
    await forgotten_configuration(stage)


SCHEDULES: Final[dict[str, Callable[[Stage], Awaitable[None]]]] = {
    STALE_READS.name: stale_reads,
    LOST_WRITE.name: lost_write,
    EARLY_DURABLE.name: early_durable,
    FORGOTTEN_VOTE.name: nothing,
    SNAPSHOT_WITHOUT_SESSIONS.name: snapshot_without_sessions,
    FORGOTTEN_CONFIGURATION.name: forgotten_configuration,
    NONE.name: everything,
}
