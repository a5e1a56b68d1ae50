"""A schedule: what clients ask, and what is broken, between the first `ready` and the heal.

    schedule = the_deck(plan)
    await schedule.play(scene)

A run is a schedule with everything around it; see `run`.  A schedule ends its own clients and
undoes its own faults.  One that cannot go on, since the cluster did not come back, raises
ClusterNotReady: that is evidence, and the run goes on to its end without the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final

from jepsen_lite.cluster import Cluster
from jepsen_lite.history import EventType
from jepsen_lite.nemeses import DeckOutcome, Journal, Roster, run_deck
from jepsen_lite.plan import Plan
from jepsen_lite.verdicts import Demands
from jepsen_lite.workload import Crowd, Pace, Recorder, crowd_size, seats_for

WARM_UP_SECONDS: Final = 2.0
STOPPED: Final = "the run was stopped"


@dataclass(slots=True)
class Progress:
    """How far a run is, for a live line."""

    phase: str = "starting"
    recorder: Recorder | None = None
    journal: Journal | None = None
    leader: Callable[[], str | None] = field(default=lambda: None)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, it ends the faults early: they are undone, and what there is can be judged."""

    def line(self) -> str:
        """What is going on, in one line."""
        told = [self.phase]
        if self.recorder is not None:
            ok, info = self.recorder.ended(EventType.OK), self.recorder.ended(EventType.INFO)
            told.append(f"{self.recorder.total} operations, {ok} ok, {info} unknown")
        if self.journal is not None:
            faults = [f"{one.kind} of {', '.join(one.target)}" for one in self.journal.active]
            told.append("; ".join(faults) or "calm")
        told.append(f"leader {self.leader() or 'none'}")
        return " | ".join(told)


@dataclass(slots=True)
class Scene:
    """What a schedule has to play with, and what it leaves behind."""

    plan: Plan
    cluster: Cluster
    recorder: Recorder
    journal: Journal
    progress: Progress
    roster: Roster
    faults_begin_ns: int
    """When faults may begin; a schedule that asks first for a while says so."""
    unbitten: tuple[str, ...] = ()
    """Kinds of fault that were to bite and did not."""
    cut_short: str = ""
    """Why the schedule ended before its end, if it did."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """*play* needs *processes* numbers, from 0, for its clients, and has to achieve *demands*."""

    processes: int
    play: Callable[[Scene], Awaitable[None]]
    demands: Demands | None = None


def the_deck(plan: Plan) -> Schedule:
    """The crowd at work, and the deck of faults."""
    return Schedule(crowd_size(plan.nodes + 1), _deal_under_load, Demands.of(plan.faults_seconds))


async def _deal_under_load(scene: Scene) -> None:
    plan, cluster, progress = scene.plan, scene.cluster, scene.progress
    seats = seats_for(cluster.addresses, plan.seed, places=plan.nodes + 1)
    crowd = Crowd(scene.recorder, seats, Pace())
    async with crowd.at_work():
        progress.phase = "load"
        await asyncio.sleep(WARM_UP_SECONDS)
        scene.faults_begin_ns = cluster.now()
        progress.phase = "faults"
        dealing = run_deck(
            cluster,
            scene.journal,
            seed=plan.seed,
            time_limit=plan.faults_seconds,
            roster=scene.roster,
        )
        outcome = await unless_stopped(dealing, progress.stop)
        if outcome is None:
            scene.cut_short = STOPPED
        else:
            scene.unbitten = outcome.unbitten


async def unless_stopped(
    dealing: Coroutine[None, None, DeckOutcome], stop: asyncio.Event
) -> DeckOutcome | None:
    """What was dealt; None if *stop* came first.  In any case every fault has been undone."""
    try:
        async with asyncio.TaskGroup() as tasks:
            deck, stopped = tasks.create_task(dealing), tasks.create_task(stop.wait())
            await asyncio.wait((deck, stopped), return_when=asyncio.FIRST_COMPLETED)
            deck.cancel()
            stopped.cancel()
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return None if deck.cancelled() else deck.result()
