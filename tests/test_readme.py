"""Every snippet of the README runs, as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.nodes import alone, stop
from tests.cli.processes import Running

README = (Path(__file__).parent.parent / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
KEYS, LOOKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
"""Commands that ask for keys, and commands that look at a cluster."""


@pytest.mark.parametrize("snippet", SNIPPETS, ids=["a whole node", "a script", "the core alone"])
def test_a_snippet_of_the_readme_runs(snippet: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", snippet], capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr
    assert "hello" in run.stdout or "{'n1': [b'x = 1', b'x = 2'], 'n2'" in run.stdout


@pytest.mark.skipif(
    shutil.which("curl") is None and "HUFFLERAFT_CI" not in os.environ,
    reason="curl is not installed",
)
def test_the_commands_of_the_readme_run_as_they_stand_there(tmp_path: Path) -> None:
    """Against a cluster of one, in place of the address and the directory that are examples."""
    commands = [line.partition("#")[0].strip() for line in LOOKS.splitlines()]
    live = [line for line in commands if "DATA_DIR" not in line]
    stopped = [line for line in commands if "DATA_DIR" in line]
    assert live
    assert stopped

    with Running("dev", "-n", "1", "--data-dir", tmp_path) as cluster:
        address = cluster.line("n1 listens at ").split("n1 listens at ")[1].partition(",")[0]
        cluster.line("the cluster serves")
        for line in live:
            assert _shell(line.replace("127.0.0.1:7201", address)).strip(), line
        stop(cluster)
    for line in stopped:
        assert _shell(line.replace("DATA_DIR", str(tmp_path / "n1"))).strip(), line


def _shell(line: str) -> str:
    """What *line* writes, typed where the commands of this environment are found."""
    found = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        shlex.split(line),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": found},
    )
    assert run.returncode == 0, f"{line}: {run.stderr}"
    return run.stdout


def test_the_commands_of_the_readme_run_against_a_node(tmp_path: Path) -> None:
    commands = f"set -e\n{KEYS}".replace("huffleraft", f"{sys.executable} -m huffleraft")
    with alone(tmp_path) as (_, address):
        run = subprocess.run(
            ["sh", "-c", commands],
            env={**os.environ, "HUFFLERAFT_ENDPOINTS": address},
            capture_output=True,
            text=True,
            check=False,
        )

    assert (run.returncode, run.stderr) == (0, ""), run.stderr
    first, *listed = run.stdout.splitlines()  # get ends no line
    assert first.startswith("hello")
    assert first.endswith("KEY")
    assert [line.split()[-1] for line in listed] == ["greeting", "now"]


def test_the_loop_over_the_core_is_short_and_needs_nothing_installed() -> None:
    loop = next(snippet for snippet in SNIPPETS if "huffleraft.core" in snippet)
    root = str(Path(__file__).parent.parent)
    isolated = f"import sys; sys.path.insert(0, {root!r})\n{loop}"

    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", isolated], capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr
    assert len(loop.splitlines()) < 60
