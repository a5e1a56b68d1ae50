"""One canary: a run with its plant and its schedule, and whether it was caught as it must be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from jepsen_lite.canaries.stage import PROCESSES_PER_NODE, Stage
from jepsen_lite.cluster import ClusterNotReady
from jepsen_lite.plan import Plan
from jepsen_lite.plants.catalogue import PLANTS
from jepsen_lite.run import perform
from jepsen_lite.schedule import Progress, Scene, Schedule
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts import Results, judge

NODES: Final = 5
SCHEDULE_SECONDS: Final = 70.0
"""A schedule that is not over by then is not finished: the cluster did not play its part."""

FINISH_SECONDS: Final = 8.0
FINAL_READ_SECONDS: Final = 8.0
SECONDS_MAX: Final = 100.0
"""How long a canary may take in all."""


async def sing(
    name: str, play: Callable[[Stage], Awaitable[None]], seed: int, folder: Path
) -> Results:
    """Run the canary called *name*, which plays so, in *folder*, and judge it.

    Raises TimeoutError if that takes longer than a canary may, and what `perform` and `judge` do.
    """
    plan = Plan(
        seed=seed,
        nodes=NODES,
        plant=name,
        faults_seconds=0,
        # A hash writes the rows at once.  Where the log is written late they would be ahead of it,
        # and such a node rightly refuses to start: with three of them nothing could be read.
        hash_every=None,
        finish_seconds=FINISH_SECONDS,
        final_read_seconds=FINAL_READ_SECONDS,
    )

    async def on_stage(scene: Scene) -> None:
        try:
            async with asyncio.timeout(SCHEDULE_SECONDS), Stage.of(scene) as stage:
                await play(stage)
        except TimeoutError:
            raise ClusterNotReady(
                f"the schedule was not at its end after {SCHEDULE_SECONDS:g} s"
            ) from None

    schedule = Schedule(PROCESSES_PER_NODE * NODES, on_stage)
    try:
        async with asyncio.timeout(SECONDS_MAX):
            await perform(plan, folder, Progress(), schedule)
    except TimeoutError:
        raise TimeoutError(f"the canary was not over after {SECONDS_MAX:g} s") from None
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
