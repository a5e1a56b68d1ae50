"""Kill -9 again and again under load, and count: nothing acknowledged is lost, nothing runs twice.

    python -m jepsen_lite.kills --cycles 100

Three nodes.  In each cycle one at random is killed, in every fifth all three at once, and started
again.  Meanwhile each client sets its own key under its own session, one set after the other, and
repeats a set whose outcome is unknown under the same number until it is acknowledged.  A key counts
its changes; so at the end its version must be the number of acknowledged sets, plus at most the one
that was in doubt: less is a lost write, more is one that ran twice.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import track

from huffleraft.client import Client, OperationFailed, Patience
from jepsen_lite.cluster import Cluster, ClusterConfig, ClusterNotReady
from jepsen_lite.generators import dice
from jepsen_lite.plants.catalogue import PLANTS

CLIENTS: Final = 6
PATIENCE: Final = Patience(total=60.0, server=0.6, obey_retry_after=False)
READY_SECONDS: Final = 30.0
ALL_EVERY: Final = 5


@dataclass(slots=True)
class Tally:
    """What one client did to its key."""

    key: str
    acknowledged: int = 0
    in_doubt: int = 0
    refused: int = 0
    version: int | None = None
    """How often the key was changed; None if it could not be read in the end."""
    value: bytes | None = None

    @property
    def lost(self) -> int:
        """Acknowledged sets that are not there."""
        return 0 if self.version is None else max(self.acknowledged - self.version, 0)

    @property
    def repeated(self) -> int:
        """Sets that ran more than once."""
        if self.version is None:
            return 0
        return max(self.version - self.acknowledged - self.in_doubt, 0)

    @property
    def holds_another(self) -> bool:
        """Whether the key holds neither the last acknowledged value nor the one in doubt."""
        attempted = {self.acknowledged, self.acknowledged + self.in_doubt}
        values = {None if number == 0 else b"%d" % number for number in attempted}
        return self.version is not None and self.value not in values


@dataclass(slots=True)
class Outcome:
    """What a run of kills came to."""

    tallies: list[Tally]
    cycles: int = 0
    """Cycles that were completed."""
    stalled: str = ""
    """Why there were no more: the cluster did not come back, or would not be read."""

    @property
    def acknowledged(self) -> int:
        """Sets that were acknowledged, of all clients."""
        return sum(one.acknowledged for one in self.tallies)

    @property
    def holds(self) -> bool:
        """Whether the claim holds: nothing was lost, nothing ran twice, and that was seen."""
        return (
            not self.stalled
            and self.acknowledged >= self.cycles
            and not any(one.lost or one.repeated or one.holds_another for one in self.tallies)
        )

    def __str__(self) -> str:
        """The figures."""
        return (
            f"{self.cycles} cycles: {self.acknowledged} sets acknowledged, "
            f"{sum(one.in_doubt for one in self.tallies)} in doubt at the end, "
            f"{sum(one.lost for one in self.tallies)} lost, "
            f"{sum(one.repeated for one in self.tallies)} ran twice, "
            f"{sum(one.holds_another for one in self.tallies)} keys with a wrong value"
        )


async def set_for_ever(client: Client, tally: Tally) -> None:
    """One set after the other, until cancelled or in doubt: after a doubt nobody could count."""
    while True:
        tally.in_doubt = 1
        try:
            await client.set(tally.key, b"%d" % (tally.acknowledged + 1))
        except OperationFailed as failed:
            if not failed.definite:
                return
            tally.refused += 1
        else:
            tally.acknowledged += 1
        tally.in_doubt = 0


async def run(cycles: int, seed: int, folder: Path, console: Console, plant: str | None) -> Outcome:
    """Run *cycles* cycles in *folder*; what each client did, and what became of it.

    Raises NodeNotStarted or ClusterNotReady if the cluster never came to be, and ProxyFailed.
    """
    outcome = Outcome([Tally(f"tally/{number}") for number in range(CLIENTS)])
    async with Cluster.start(ClusterConfig(size=3, plant=plant), folder) as cluster:
        await cluster.ready(within=READY_SECONDS)
        async with _setting(cluster, outcome.tallies, seed) as at_work:
            rolls = dice(seed, "kills")
            for cycle in track(range(1, cycles + 1), "killing", console=console, transient=True):
                nodes = list(cluster.nodes)
                victims = nodes if cycle % ALL_EVERY == 0 else [rolls.choice(nodes)]
                try:
                    await _reach(outcome, outcome.acknowledged + 3 * CLIENTS, at_work)
                    await cluster.kill(victims)
                    await cluster.restart(victims)
                    await cluster.ready(within=READY_SECONDS)
                except ClusterNotReady as failure:
                    outcome.stalled = str(failure)
                    break
                outcome.cycles = cycle
        await _read_back(cluster, outcome)
    return outcome


@asynccontextmanager
async def _setting(
    cluster: Cluster, tallies: list[Tally], seed: int
) -> AsyncIterator[list[asyncio.Task[None]]]:
    """A client at work for each of *tallies* while the block lasts; a mistake of ours is raised."""
    endpoints = list(cluster.addresses.values())
    async with AsyncExitStack() as stack:
        at_work: list[asyncio.Task[None]] = []
        for tally in tallies:
            client = Client(endpoints, patience=PATIENCE, dice=dice(seed, tally.key).uniform)
            await stack.enter_async_context(client)
            at_work.append(asyncio.create_task(set_for_ever(client, tally)))
        try:
            yield at_work
        finally:
            for task in at_work:
                task.cancel()
            ends = await asyncio.gather(*at_work, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end


async def _reach(outcome: Outcome, goal: int, at_work: list[asyncio.Task[None]]) -> None:
    """Let the clients work until *goal* sets are acknowledged.  Raises ClusterNotReady."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            while outcome.acknowledged < goal:
                if all(task.done() for task in at_work):
                    raise ClusterNotReady("every client waited in vain for an answer")
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise ClusterNotReady(f"{goal} sets were not acknowledged in {READY_SECONDS:g} s") from None


async def _read_back(cluster: Cluster, outcome: Outcome) -> None:
    async with Client(list(cluster.addresses.values()), patience=PATIENCE) as reader:
        for tally in outcome.tallies:
            try:
                read = await reader.get(tally.key)
            except OperationFailed as failure:
                outcome.stalled = outcome.stalled or f"{tally.key} could not be read: {failure}"
                return  # nor could any other
            tally.version, tally.value = read.version or 0, read.value


def main() -> int:
    """Run, print the figures last; 0 if nothing was lost and nothing ran twice."""
    parser = argparse.ArgumentParser(prog="kills", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cycles", type=int, default=100, help="kills, every fifth of all nodes")
    parser.add_argument(
        "--seed", type=int, default=None, help="chance; printed, and drawn if absent"
    )
    parser.add_argument("--plant", choices=list(PLANTS), default=None, help="a bug, to see it fail")
    arguments = parser.parse_args()
    seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"seed {seed}: make kills CYCLES={arguments.cycles} ARGS='--seed {seed}'")
    folder = Path(tempfile.mkdtemp(prefix="huffleraft-kills-"))
    outcome = asyncio.run(run(arguments.cycles, seed, folder, console, arguments.plant))
    if outcome.holds:
        shutil.rmtree(folder)
    else:
        console.print(f"the claim does not hold; all of it is in {folder}")
    if outcome.stalled:
        console.print(f"after cycle {outcome.cycles}: {outcome.stalled}")
    console.print(str(outcome))
    return 0 if outcome.holds else 1


if __name__ == "__main__":
    sys.exit(main())
