"""A run: a real cluster, clients at work, faults, the heal, and what is left to be judged.

    plan = Plan(seed=7)
    await perform(plan, folder, tell=print)
    results = judge(folder)

Nothing here judges.  A run that is interrupted undoes its faults and leaves what there is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from jepsen_lite.cluster import Cluster, ClusterConfig
from jepsen_lite.history import EventType, HistoryWriter
from jepsen_lite.last_act import ask_twice
from jepsen_lite.nemeses import DeckOutcome, Journal, heal_all, run_deck
from jepsen_lite.verdicts import Ending
from jepsen_lite.verdicts.evidence import ENDING
from jepsen_lite.workload import Crowd, Pace, Recorder, clients_of, final_reads, is_once

READY_SECONDS: Final = 30.0
WARM_UP_SECONDS: Final = 2.0
FINAL_READ_SECONDS: Final = 30.0
STOPPED: Final = ("the rest of the deck, since the run was stopped",)
FULL_SECONDS: Final = 45.0
"""Faults for less time than this make no whole run: lack of bite is then to be expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything about a run that is decided before it begins."""

    seed: int
    nodes: int = 5
    faults_seconds: float = 60.0
    plant: str | None = None

    @property
    def config(self) -> ClusterConfig:
        """The cluster of this run."""
        return ClusterConfig(size=self.nodes, plant=self.plant)


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


async def perform(plan: Plan, folder: Path, progress: Progress) -> None:
    """Do the run of *plan* in *folder*; raises ClusterNotReady, NodeNotStarted, ProxyFailed."""
    config = plan.config
    write_config(plan, folder)
    async with Cluster.start(config, folder) as cluster:
        progress.leader = cluster.leader
        await cluster.ready(within=READY_SECONDS)
        members = clients_of(cluster.addresses, plan.seed)
        with HistoryWriter(folder / "history.jsonl") as history:
            recorder = Recorder(history, cluster.now, len(members))
            journal = Journal(folder / "faults.jsonl")
            progress.recorder, progress.journal = recorder, journal
            crowd = Crowd(recorder, members, Pace())
            load_begin = cluster.now()
            unbitten: tuple[str, ...] = ()
            async with crowd.at_work():
                progress.phase = "load"
                await asyncio.sleep(WARM_UP_SECONDS)
                faults_begin = cluster.now()
                progress.phase = "faults"
                dealing = run_deck(cluster, journal, seed=plan.seed, time_limit=plan.faults_seconds)
                outcome = await _unless_stopped(dealing, progress.stop)
                unbitten = STOPPED if outcome is None else outcome.unbitten
            progress.phase = "healing"
            await heal_all(cluster)
            healed = cluster.now()
            settled = await cluster.settled(within=20 * config.election_timeout)
            progress.phase = "final reads"
            unread = await final_reads(
                recorder,
                cluster.addresses,
                tuple(recorder.keys),
                first_process=(recorder.retired + 2) * len(members),
                seed=plan.seed,
                within=FINAL_READ_SECONDS,
            )
            await cluster.settled(within=20 * config.election_timeout)
            await cluster.final_statuses()
            journal.close()
        ends = tuple(f"{end.node} {end.why}" for end in cluster.unexpected_ends)
    progress.phase = "last act"
    second_vote, last_act = await ask_twice(
        config, cluster.addresses, folder / "nodes" / config.nodes[0] / "data", folder / "act"
    )
    ending = Ending(
        seed=plan.seed,
        nodes=config.nodes,
        election_timeout=config.election_timeout,
        faults_seconds=plan.faults_seconds,
        load_begin_ns=load_begin,
        faults_begin_ns=faults_begin,
        healed_ns=healed,
        settled_ns=settled,
        unread=tuple(key for key in unread if is_once(key)),
        unbitten=unbitten,
        unexpected_ends=ends,
        second_vote=second_vote,
        last_act=last_act,
        full=plan.faults_seconds >= FULL_SECONDS,
    )
    write_ending(folder, ending)


async def _unless_stopped(
    dealing: Coroutine[None, None, DeckOutcome], stop: asyncio.Event
) -> DeckOutcome | None:
    """What was dealt; None if *stop* came first, and then every fault has been undone."""
    deck, stopped = asyncio.create_task(dealing), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((deck, stopped), return_when=asyncio.FIRST_COMPLETED)
        if deck.done():
            return deck.result()
        deck.cancel()
        await asyncio.wait((deck,))
        return None
    finally:
        deck.cancel()
        stopped.cancel()


def write_ending(folder: Path, ending: Ending) -> None:
    """Leave what only the harness knows."""
    (folder / ENDING).write_bytes(msgspec.json.encode(ending))


def write_config(plan: Plan, folder: Path) -> None:
    """Leave everything that was decided, the seed first."""
    config = plan.config
    resolved = {
        "seed": plan.seed,
        "nodes": plan.nodes,
        "faults_seconds": plan.faults_seconds,
        "plant": plan.plant or "none",
        "heartbeat_ms": config.heartbeat_ms,
        "election_ms": list(config.election_ms),
        "request_timeout": config.request_timeout,
        "clients": len(clients_of(dict.fromkeys(config.nodes, "localhost:1"), plan.seed)),
    }
    # Texts, numbers and lists of them are written alike in JSON and in TOML.
    lines = (f"{name} = {json.dumps(value)}\n" for name, value in resolved.items())
    (folder / "run.toml").write_text("".join(lines))
