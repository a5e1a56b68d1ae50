"""A harness to be killed: starts two stand-ins, says which process is its proxy, and waits."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from jepsen_lite.cluster import Cluster
from tests.jepsen_lite.cluster.three import stand_ins


async def main(run_folder: Path) -> None:
    async with Cluster.start(stand_ins(2), run_folder) as cluster:
        sys.stdout.write(f"{cluster.proxy.pid}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
