"""A run: a real cluster, a schedule of clients and faults, the heal, and what is left to be judged.

    plan = Plan(seed=7)
    await perform(plan, folder, Progress())
    results = judge(folder)

Nothing here judges, and once the cluster was ready nothing that it does stops a run: a cluster that
does not come back, or a node that will not start, is what is to be judged.  A run that is stopped
undoes its faults and leaves what there is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from jepsen_lite.cluster import Cluster, ClusterNotReady
from jepsen_lite.history import HistoryWriter
from jepsen_lite.last_act import ask_twice
from jepsen_lite.nemeses import Journal, Roster, heal_all
from jepsen_lite.plan import Plan, write_plan
from jepsen_lite.schedule import Progress, Scene, Schedule, the_deck
from jepsen_lite.verdicts import Ending
from jepsen_lite.verdicts.evidence import ENDING
from jepsen_lite.workload import Recorder, final_reads, is_once

READY_SECONDS: Final = 30.0


async def perform(
    plan: Plan, folder: Path, progress: Progress, schedule: Schedule | None = None
) -> None:
    """Do the run of *plan* in *folder*, with the deck or else with *schedule*.

    Raises NodeNotStarted or ClusterNotReady if the cluster never came to be, and ProxyFailed.
    """
    chosen = schedule or the_deck(plan)
    write_plan(plan, folder, clients=chosen.processes, demands=chosen.demands)
    async with Cluster.start(plan.config, folder) as cluster:
        progress.leader = cluster.leader
        await cluster.ready(within=READY_SECONDS)
        with (
            HistoryWriter(folder / "history.jsonl") as history,
            Journal(folder / "faults.jsonl") as journal,
        ):
            recorder = Recorder(history, cluster.now, chosen.processes)
            progress.recorder, progress.journal = recorder, journal
            scene = Scene(
                plan, cluster, recorder, journal, progress, Roster(cluster), cluster.now()
            )
            ending = await _play(chosen, scene)
    progress.phase = "last act"
    lost = {end.node for end in cluster.unexpected_ends}
    second_vote, told = await ask_twice(cluster, folder, avoid=lost)
    ends = tuple(f"{end.node} {end.why}" for end in cluster.unexpected_ends)
    write_ending(
        folder,
        msgspec.structs.replace(
            ending, unexpected_ends=ends, second_vote=second_vote, last_act=told
        ),
    )


async def _play(schedule: Schedule, scene: Scene) -> Ending:
    """The schedule, the heal and the final reads; what is known then of how it ended."""
    plan, cluster, progress = scene.plan, scene.cluster, scene.progress
    try:
        await schedule.play(scene)
    except ClusterNotReady as failure:
        scene.cut_short = str(failure)
    progress.phase = "healing"
    await heal_all(cluster)
    completed, unfinished = await scene.roster.finish(plan.finish_seconds)
    healed = cluster.now()
    settled = await cluster.settled(within=plan.settle_seconds)
    progress.phase = "final reads"
    unread = await final_reads(
        scene.recorder, cluster.addresses, seed=plan.seed, within=plan.final_read_seconds
    )
    if settled is not None:  # else no time will bring all to one index
        await cluster.settled(within=plan.settle_seconds)
    await cluster.final_statuses()
    return Ending(
        seed=plan.seed,
        nodes=tuple(cluster.nodes),
        founders=plan.config.nodes,
        election_timeout=plan.config.election_timeout,
        faults_seconds=plan.faults_seconds,
        faults_begin_ns=scene.faults_begin_ns,
        healed_ns=healed,
        settled_ns=settled,
        unread=tuple(key for key in unread if is_once(key)),
        completed=completed,
        unfinished=unfinished,
        unbitten=scene.unbitten,
        cut_short=scene.cut_short,
        demands=schedule.demands,
    )


def write_ending(folder: Path, ending: Ending) -> None:
    """Leave what only the harness knows."""
    (folder / ENDING).write_bytes(msgspec.json.encode(ending))
