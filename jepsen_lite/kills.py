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
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import track

from huffleraft.http.client import Client, OperationFailed, Patience
from jepsen_lite.cluster import Cluster, ClusterConfig
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
    version: int = 0
    value: bytes | None = None

    @property
    def lost(self) -> int:
        """Acknowledged sets that are not there."""
        return max(self.acknowledged - self.version, 0)

    @property
    def repeated(self) -> int:
        """Sets that ran more than once."""
        return max(self.version - self.acknowledged - self.in_doubt, 0)

    @property
    def holds_the_last(self) -> bool:
        """Whether the key holds the last acknowledged value, or the one in doubt."""
        attempted = {self.acknowledged, self.acknowledged + self.in_doubt}
        return self.value in {None if number == 0 else b"%d" % number for number in attempted}


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


async def run(
    cycles: int, seed: int, folder: Path, console: Console, plant: str | None
) -> list[Tally]:
    """Run *cycles* cycles in *folder*; what each client did, and what became of it."""
    rolls = dice(seed, "kills")
    tallies = [Tally(f"tally/{number}") for number in range(CLIENTS)]
    async with Cluster.start(ClusterConfig(size=3, plant=plant), folder) as cluster:
        await cluster.ready(within=READY_SECONDS)
        endpoints = list(cluster.addresses.values())
        clients = [
            Client(endpoints, patience=PATIENCE, dice=dice(seed, tally.key).uniform)
            for tally in tallies
        ]
        at_work = [
            asyncio.create_task(set_for_ever(client, tally))
            for client, tally in zip(clients, tallies, strict=True)
        ]
        for cycle in track(range(1, cycles + 1), "killing", console=console, transient=True):
            await _reach(tallies, sum(one.acknowledged for one in tallies) + 3 * CLIENTS)
            nodes = list(cluster.nodes)
            victims = nodes if cycle % ALL_EVERY == 0 else [rolls.choice(nodes)]
            await cluster.kill(victims)
            await cluster.restart(victims)
            await cluster.ready(within=READY_SECONDS)
        for task in at_work:
            task.cancel()
        ended = await asyncio.gather(*at_work, return_exceptions=True)
        for end in ended:
            if isinstance(end, Exception):
                raise end
        async with Client(endpoints, patience=PATIENCE) as reader:
            for tally in tallies:
                read = await reader.get(tally.key)
                tally.version, tally.value = read.version or 0, read.value
        for client in clients:
            await client.aclose()
    return tallies


async def _reach(tallies: list[Tally], goal: int) -> None:
    """Let the clients work until *goal* sets are acknowledged, or nobody works any more."""
    async with asyncio.timeout(READY_SECONDS):
        while sum(one.acknowledged for one in tallies) < goal:
            if all(one.in_doubt and one.acknowledged == 0 for one in tallies):
                return
            await asyncio.sleep(0.01)


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
    console = Console()
    console.print(f"seed {seed}: make kills CYCLES={arguments.cycles} ARGS='--seed {seed}'")
    with tempfile.TemporaryDirectory(prefix="huffleraft-kills-") as folder:
        tallies = asyncio.run(run(arguments.cycles, seed, Path(folder), console, arguments.plant))
    acknowledged = sum(one.acknowledged for one in tallies)
    lost = sum(one.lost for one in tallies)
    repeated = sum(one.repeated for one in tallies)
    misplaced = [one.key for one in tallies if not one.holds_the_last]
    console.print(
        f"{arguments.cycles} cycles: {acknowledged} sets acknowledged, "
        f"{sum(one.in_doubt for one in tallies)} in doubt at the end, {lost} lost, "
        f"{repeated} ran twice, {len(misplaced)} keys with a wrong value"
    )
    return 1 if lost or repeated or misplaced or acknowledged < arguments.cycles else 0


if __name__ == "__main__":
    sys.exit(main())
