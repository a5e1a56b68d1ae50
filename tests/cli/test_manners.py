"""How the command line behaves in a terminal, a pipe and a hurry."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.nodes import alone
from tests.cli.processes import PATIENCE

SLOW_TO_IMPORT = (
    *("anyio", "asyncio", "h11", "httptools", "httpx2", "huffleraft.core", "huffleraft.http"),
    *("huffleraft.raftstore", "huffleraft.store", "msgspec", "prometheus_client", "rich"),
    *("sqlalchemy", "sqlite3", "starlette", "trio"),
)

HELP = [
    ["--help"],
    ["serve", "--help"],
    ["dev", "--help"],
    ["cluster", "status", "--help"],
    ["cluster", "join", "--help"],
    ["inspect", "log", "--help"],
    ["config", "show", "--help"],
    ["--version"],
]


def run(*args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env={**os.environ, **(env or {})},
    )


@pytest.mark.parametrize("args", HELP, ids=" ".join)
def test_help_waits_for_no_library_that_only_a_node_needs(args: list[str]) -> None:
    """What costs time is what is imported, and that can be counted on any machine."""
    program = (
        "import sys\n"
        "from huffleraft.cli import main\n"
        "try:\n"
        f"    main({args!r})\n"
        "except SystemExit as ended:\n"
        "    print('--', ended.code, *sorted(sys.modules))\n"
    )

    told = run("-c", program)

    words = told.stdout.rpartition("-- ")[2].split()
    assert words[0] == "0", told.stderr
    assert "typer" in words
    assert not set(words) & set(SLOW_TO_IMPORT)


@pytest.mark.parametrize("args", [["--help"], ["inspect", "verify", "no-such-place"]])
def test_a_pipe_sees_no_colours(args: list[str]) -> None:
    told = run("-m", "huffleraft", *args, env={"TERM": "xterm-256color", "FORCE_COLOR": ""})

    assert told.stdout + told.stderr
    assert "\x1b" not in told.stdout + told.stderr


@pytest.mark.parametrize("no_color", ["", "1"])
def test_no_color_is_obeyed_on_a_terminal(no_color: str, tmp_path: Path) -> None:
    """`dev` colours the names of its nodes, unless NO_COLOR says not to."""
    terminal, ours = pty.openpty()
    command = [sys.executable, "-m", "huffleraft", "dev", "-n", "1", "--data-dir", str(tmp_path)]
    env = {name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=ours,
        stderr=ours,
        env={**env, "TERM": "xterm-256color", "NO_COLOR": no_color},
        start_new_session=True,
    ) as process:
        os.close(ours)
        try:
            told = b""
            while b"Ctrl-C stops the cluster" not in told:
                told += os.read(terminal, 4096)
        finally:
            process.terminate()
            process.wait(PATIENCE)
            os.close(terminal)
    coloured = any(b"\x1b[3%d" % colour in told for colour in range(1, 8))
    assert coloured == (no_color == ""), told.decode("utf-8", "replace")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    told = run("-m", "huffleraft", "--show-completion", shell)

    assert told.returncode == 0, told.stderr
    assert "_HUFFLERAFT_COMPLETE" in told.stdout


def test_completion_knows_the_commands() -> None:
    """What the script of bash asks for when a user presses the tab key."""
    env = {
        "_HUFFLERAFT_COMPLETE": "complete_bash",
        "COMP_WORDS": "huffleraft in",
        "COMP_CWORD": "1",
    }
    told = run("-m", "huffleraft", env=env)

    assert told.stdout.split() == ["inspect"]


def test_a_table_in_a_pipe_is_plain(tmp_path: Path) -> None:
    with alone(tmp_path) as (_, address):
        told = run("-m", "huffleraft", "cluster", "status", "--endpoints", address)

    assert told.returncode == 0
    assert "\x1b" not in told.stdout
