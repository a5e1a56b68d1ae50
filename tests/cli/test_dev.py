"""A whole cluster in one terminal: what it prints works, and nothing of it is left behind."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.processes import PATIENCE, Running

pytestmark = pytest.mark.timeout(120)


def pids_of(dev: Running, count: int) -> dict[str, int]:
    """The process of each node, as `dev` says it."""
    dev.line("Ctrl-C stops the cluster")
    found = [re.fullmatch(r"dev: (n\d) listens at \S+, process (\d+)", line) for line in dev.out]
    pids = {match[1]: int(match[2]) for match in found if match}
    assert len(pids) == count, dev.report()
    return pids


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def curl_lines(dev: Running) -> list[list[str]]:
    return [shlex.split(line) for line in dev.out if line.startswith("  curl ")]


def curl(*words: str) -> subprocess.CompletedProcess[str]:
    command = [words[0], "--silent", "--show-error", "--fail", "--max-time", "30", *words[1:]]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)


def test_the_commands_it_prints_work_and_a_dead_node_is_named() -> None:
    with Running("dev", "-n", "3") as dev:
        pids = pids_of(dev, 3)
        outcomes = [curl(*line) for line in curl_lines(dev)]
        assert [one.returncode for one in outcomes] == [0] * 5, (outcomes, dev.report())
        put, get, swap, delete, status = outcomes
        assert (get.stdout, delete.stdout) == ("hello", "")
        assert '"version":1' in put.stdout
        assert '"version":2' in swap.stdout
        assert '"leader"' in status.stdout
        assert curl(*curl_lines(dev)[1]).returncode == 22  # 404: it is deleted

        os.kill(pids["n2"], signal.SIGKILL)
        dev.line("n2 died (killed by SIGKILL)")
        dev.line("its last lines:")
        again = shlex.split(dev.line("to start it again:").partition("again:")[2])
        assert "n2" in again

        data = Path(dev.line("the data is in").rpartition(" ")[2])
        assert (data / "n2").is_dir()
        dev.send(signal.SIGINT)
        assert dev.end() == 0, dev.report()
        assert all(is_gone(pid) for pid in pids.values())
        assert not data.exists()
        noise = ("hears n", "no link to", "SQLite", "a second signal")
        logged = [line for line in dev.out if re.match(r"n\d \| ", line)]
        assert logged
        assert not [line for line in logged if any(word in line for word in noise)]


def test_kept_data_is_read_back_by_the_next_cluster(tmp_path: Path) -> None:
    said: list[str] = []
    for option, command in (("--data-dir", 0), ("--data", 1)):
        with Running("dev", "-n", "1", option, tmp_path) as dev:
            pids_of(dev, 1)
            outcome = curl(*curl_lines(dev)[command])
            assert outcome.returncode == 0, (outcome, dev.report())
            said.append(outcome.stdout)
            dev.send(signal.SIGTERM)
            assert dev.end() == 0, dev.report()
    assert said[1] == "hello"


def test_a_second_ctrl_c_kills_a_node_that_does_not_stop() -> None:
    with Running("dev", "-n", "1") as dev:
        pids = pids_of(dev, 1)
        os.kill(pids["n1"], signal.SIGSTOP)
        dev.send(signal.SIGINT)
        dev.line("stopping; Ctrl-C again stops at once")
        dev.send(signal.SIGINT)
        assert dev.end() == 130, dev.report()
        assert is_gone(pids["n1"])


def test_a_node_that_cannot_begin_ends_it_all_with_that_node_s_words(tmp_path: Path) -> None:
    (tmp_path / "n2").touch()
    with Running("dev", "-n", "2", "--data-dir", tmp_path) as dev:
        assert dev.end() == 14, dev.report()
        dev.line("n2 died (exit code 14)")
        dev.line("cannot be used as a data directory")
        dev.line("all nodes have stopped")
