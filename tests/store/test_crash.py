"""Real processes that end as processes end: killed, or told by the disk that it failed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from huffleraft.core.types import LogIndex
from huffleraft.store.directory import WAL
from tests.store.images import contents
from tests.store.stories import commands

SEED = int(os.environ.get("HUFFLERAFT_SEED", "1"))
"""HUFFLERAFT_SEED=n kills at other moments."""


def spawn(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    """A victim on *directory*."""
    command = [sys.executable, "-m", "tests.store.victim", str(directory), *arguments]
    root = Path(__file__).parents[2]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)


def require_all_of(directory: Path, acknowledged: LogIndex) -> None:
    """Every entry that was acknowledged is there, and nothing that nobody wrote."""
    recovered, _ = contents(directory)
    last = recovered.entries[-1].index
    assert last >= acknowledged, f"{acknowledged} was acknowledged, and {last} is the last; {SEED=}"
    assert recovered.entries[1:] == commands(2, last - 1)
    assert recovered.last_applied <= last


def test_what_was_acknowledged_survives_kill_9_again_and_again(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    acknowledged = 1
    for _ in range(5):
        with spawn(tmp_path) as victim:
            assert victim.stdout is not None
            for _ in range(dice.randrange(5, 150)):
                acknowledged = int(victim.stdout.readline())
            victim.kill()
            rest = victim.stdout.read().splitlines()
        assert victim.returncode == -signal.SIGKILL
        whole = [line for line in rest if line.isdigit()]
        # The last line may itself be cut short by the kill; all before it are whole.
        acknowledged = int(whole[-2]) if len(whole) > 1 else acknowledged
        require_all_of(tmp_path, acknowledged)


def test_after_an_io_error_the_store_fails_for_good_and_loses_nothing(tmp_path: Path) -> None:
    with spawn(tmp_path, "600000") as victim:
        assert victim.stdout is not None
        *numbers, first, second = victim.stdout.read().splitlines()
    assert victim.returncode == 0
    assert first.startswith("storage-failed the storage failed: disk I/O error (SQLITE_IOERR")
    assert second == first
    assert len(numbers) > 5
    assert (tmp_path / WAL).exists()
    require_all_of(tmp_path, int(numbers[-1]))
    with spawn(tmp_path) as victim:  # the same directory, on a sound disk
        assert victim.stdout is not None
        more = int(victim.stdout.readline())
        victim.kill()
    assert more > int(numbers[-1])
    require_all_of(tmp_path, more)
