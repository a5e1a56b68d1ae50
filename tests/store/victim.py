"""A process that writes until it is killed, or until its files may grow no further.

`python -m tests.store.victim DIRECTORY [FILE_BYTES_MAX]` prints the last index of each write once
it was acknowledged, then what it was raised, twice, and ends.
"""

from __future__ import annotations

import resource
import signal
import sys
from itertools import count
from pathlib import Path

import anyio

from huffleraft.core.effects import Persist
from huffleraft.core.types import Vote
from huffleraft.errors import HuffleraftError
from huffleraft.ports import Flush, Row
from huffleraft.store.sqlite import SqliteStore, open_sqlite
from tests.store.stories import FOUNDING, commands


async def write_on(store: SqliteStore, last: int) -> None:
    """Write, and say so, for ever."""
    for number in count(1):
        entries = commands(last + 1, number % 40 + 1)
        last = entries[-1].index
        vote = Vote(1 + number, "n2") if number % 7 == 0 else None
        await store.write((Persist(number, vote=vote, entries=entries),))
        print(last, flush=True)
        if number % 20 == 0:
            rows = {f"key {i}": Row(b"%d" % last, 1, last) for i in range(number % 50)}
            await store.flush(Flush(last, rows, {}))


async def main(directory: Path, file_bytes_max: int | None) -> None:
    """Open the directory and write on from what it holds."""
    store, recovered = await open_sqlite(directory, found=FOUNDING)
    if file_bytes_max is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes_max, resource.RLIM_INFINITY))
    last = recovered.base.index + len(recovered.entries)
    for _ in range(2):
        try:
            await write_on(store, last)
        except HuffleraftError as error:
            print(error.code, error, flush=True)
    await store.close()


if __name__ == "__main__":
    limit = int(sys.argv[2]) if len(sys.argv) > 2 else None
    anyio.run(main, Path(sys.argv[1]), limit)
