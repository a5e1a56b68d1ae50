"""The examples run, and tell what they say they do."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"

FIVE_NODES = """\
n1 is a cluster of its own.
  n1 reads a: 1
  n1 reads a: nothing
n2 and n3 join it. What was set before they existed, they hold as well.
  n3 reads b: 2
  n2 reads b: 2
100 sets through n3, whoever leads.
  n1 reads key-99: 99
  n2 reads key-99: 99
  n3 reads key-99: 99
  n1 reads key-99: nothing
  n2 reads key-99: nothing
  n3 reads key-99: nothing
n4 joins through n3, and n5 through n2.
  n4 reads key-42: 42
  n5 reads key-42: 42
All of them vote: n1 n2 n3 n4 n5
"""

COUNTER = """\
Three members add 1 to 10: 1 3 6 10 15 21 28 36 45 55
Their leader stops. The other two add 45: 100
It starts again, from its journal, and catches up: 100
"""

LOCKS = """\
The holder of the door, and who waits for it: anna ben cleo
The leader is gone, anna lets go: ben cleo
And ben: cleo
"""

BOARD = """\
All committed: True
  n1 shows all of them, in order: True
  n2 shows all of them, in order: True
  n3 shows all of them, in order: True
"""


@pytest.mark.parametrize(
    "name,told",
    [
        ("five_nodes", FIVE_NODES),
        ("counter_on_threads", COUNTER),
        ("locks_on_trio", LOCKS),
        ("core_in_a_running_loop", BOARD),
    ],
)
def test_an_example_tells_its_story_in_less_than_150_lines(name: str, told: str) -> None:
    file = EXAMPLES / f"{name}.py"
    assert len(file.read_text("utf-8").splitlines()) < 150

    run = subprocess.run(
        [sys.executable, file], capture_output=True, text=True, check=False, timeout=30
    )

    assert (run.returncode, run.stdout) == (0, told), run.stderr


def test_the_counter_rests_on_nothing_but_the_core_and_the_standard_library() -> None:
    modules = {"huffleraft", "huffleraft.core", "huffleraft.core.invariants"}
    modules |= {file.stem for file in EXAMPLES.glob("*.py")}

    for name in ("counter_on_threads", "ground", "words_as_json"):
        imported = set(_imports((EXAMPLES / f"{name}.py").read_text("utf-8")))
        assert {one for one in imported - modules if one not in sys.stdlib_module_names} == set()


def _imports(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module if node.module.startswith("huffleraft") else node.module.split(".")[0]
