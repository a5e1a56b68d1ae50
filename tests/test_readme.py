"""Every snippet of the README runs, as it stands there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from huffleraft.cli.layout import lay_out
from tests.cli.nodes import FAST, alone, ask, knows_a_leader, stop
from tests.cli.processes import Running
from tests.raftstore.stores import free_addresses

README = (Path(__file__).parent.parent / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
KEYS, NODES, GROWTH, LOOKS, REPLACEMENT = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
"""Commands that ask for keys, run a cluster of three, let it grow and shrink, look at it, and
replace a node that is lost."""


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


def test_nodes_are_damaged_and_lost_as_the_readme_says(tmp_path: Path) -> None:
    serve = _serves(tmp_path)
    with ExitStack() as stack:
        nodes = {node: stack.enter_context(Running(*line)) for node, line in serve.items()}
        addresses = {node: running.ready()["listen"] for node, running in nodes.items()}
        at = {node: f"http://{address}/v1/kv/k" for node, address in addresses.items()}
        for running in nodes.values():
            running.line(knows_a_leader)
        assert ask("PUT", f"{at['n1']}?leader=forward", b"1")[0] == 200

        kill(nodes["n3"])  # it died
        with Running(*serve["n3"]) as again:
            again.line(knows_a_leader)
            assert ask("GET", f"{at['n3']}?leader=forward") == (200, b"1")
            kill(again)

        file = tmp_path / "n3" / "huffleraft.db"  # its data is damaged
        whole = file.read_bytes()
        file.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
        assert _refused(serve["n3"], by=11)
        with Running("inspect", "verify", str(tmp_path / "n3")) as verify:
            assert verify.end() == 11, verify.report()

        shutil.rmtree(tmp_path / "n3")  # its disk is gone
        assert "no older copy" in _refused(serve["n3"], by=17)

        kill(nodes["n2"])  # and with it a majority
        status, body = ask("PUT", f"{at['n1']}?leader=forward&timeout=0.5", b"2")
        assert (status, json.loads(body)["definite"]) in {(503, True), (504, False)}, body
        status, body = ask("GET", f"{at['n1']}?leader=forward&timeout=0.5")
        assert (status, json.loads(body)["definite"]) == (503, True), body
        assert ask("GET", f"{at['n1']}?consistency=stale") == (200, b"1")


def test_a_cluster_grows_and_shrinks_as_the_readme_says(tmp_path: Path) -> None:
    serve, there = _serves(tmp_path), _there(tmp_path)
    joins, *commands = GROWTH.splitlines()
    with ExitStack() as stack:
        nodes = {node: stack.enter_context(Running(*line)) for node, line in serve.items()}
        for running in nodes.values():
            running.line(knows_a_leader)
        newcomer = stack.enter_context(Running(*_words(there(joins)), *FAST))
        newcomer.ready()
        told = [_shell(there(line).partition("#")[0]) for line in commands]
        assert "n4" in told[1]
        assert newcomer.end() == 19, newcomer.report()


def test_a_lost_node_is_replaced_as_the_readme_says(tmp_path: Path) -> None:
    serve, there = _serves(tmp_path), _there(tmp_path)
    remove, wipe, joins, join = (line.strip() for line in REPLACEMENT.splitlines() if line.strip())
    with ExitStack() as stack:
        nodes = {node: stack.enter_context(Running(*line)) for node, line in serve.items()}
        at = {node: running.ready()["listen"] for node, running in nodes.items()}
        for running in nodes.values():
            running.line(knows_a_leader)
        _shell(f"huffleraft kv put k 1 --endpoints {at['n1']}")
        kill(nodes["n3"])

        _shell(there(remove))
        assert (tmp_path / "n3").exists()
        _shell(there(wipe))
        assert not (tmp_path / "n3").exists()
        exported = {"HUFFLERAFT_BOOTSTRAP": serve["n3"][-1 - len(FAST)]}  # in n3's terminal
        newcomer = stack.enter_context(Running(*_words(there(joins)), *FAST, env=exported))
        newcomer.ready()
        _shell(there(join))

        assert _shell(f"huffleraft kv get k --endpoints {at['n3']}") == "1"  # it is n5's now
        kill(nodes["n2"])  # a majority is left, with the newcomer's vote
        _shell(f"huffleraft kv put k 2 --endpoints {at['n1']},{at['n3']} --timeout 20")


def _there(directory: Path) -> Callable[[str], str]:
    """Puts the README's addresses and directories where this cluster has them."""
    (four,) = free_addresses(1)
    addresses = [*lay_out(3, directory).addresses.values(), four]

    def there(text: str) -> str:
        for number, address in enumerate(addresses, start=1):
            text = text.replace(f"127.0.0.1:720{number}", address)
        return text.replace("data/", f"{directory}/")

    return there


def _words(line: str) -> list[str]:
    """What follows the program's name."""
    return shlex.split(line, comments=True)[1:]


def _serves(directory: Path) -> dict[str, list[str]]:
    """The README's three `serve`, on free ports and under *directory*."""
    text = NODES
    for number, address in enumerate(lay_out(3, directory).addresses.values(), start=1):
        text = text.replace(f"127.0.0.1:720{number}", address)
    variable, *lines = (shlex.split(line, comments=True) for line in text.splitlines())
    founders = variable[1].partition("=")[2]
    return {
        line[3]: [*line[1:-1], str(directory / line[3]), "--bootstrap", founders, *FAST]
        for line in lines
    }


def _refused(line: list[str], *, by: int) -> str:
    """The sentence with which a node does not start, and ends by this exit code."""
    with Running(*line) as running:
        assert running.end() == by, running.report()
        return running.sentence()


def kill(running: Running) -> None:
    running.send(signal.SIGKILL)
    assert running.end() == -signal.SIGKILL


def test_the_loop_over_the_core_is_short_and_needs_nothing_installed() -> None:
    loop = next(snippet for snippet in SNIPPETS if "huffleraft.core" in snippet)
    root = str(Path(__file__).parent.parent)
    isolated = f"import sys; sys.path.insert(0, {root!r})\n{loop}"

    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", isolated], capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr
    assert len(loop.splitlines()) < 60
