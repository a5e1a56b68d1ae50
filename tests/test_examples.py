"""The examples run, and tell what they say they do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def test_one_node_becomes_five() -> None:
    run = subprocess.run(
        [sys.executable, EXAMPLES / "five_nodes.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (run.returncode, run.stdout) == (0, FIVE_NODES), run.stderr
