"""Every rule has a test that fails when the rule alone is broken, and a function that cites it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import huffleraft.core
from tests.core.patches import BREAKS

CORE = Path(huffleraft.core.__file__).parent
RULES = [
    *(f"RV.{line}" for line in (1, 2)),
    *(f"AE.{line}" for line in (1, 2, 3, 4, 5)),
    *(f"ALL.{line}" for line in (1, 2)),
    *(f"F.{line}" for line in (1, 2)),
    *(f"C.{line}" for line in (1, 2, 3, 4)),
    *(f"L.{line}" for line in (1, 2, 3, 4)),
    *(f"IS.{line}" for line in (1, 5, 6, 7, 8)),
    *(f"W{rule}" for rule in range(1, 16)),
]


def test_every_patch_is_killed_by_the_test_named_after_its_rule() -> None:
    command = [sys.executable, "-m", "tests.core.patches"]

    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 0, f"{' '.join(command)}\n{run.stdout}{run.stderr}"


@pytest.mark.parametrize(
    "old,new",
    [
        ("return last_log_id >= server.log.last_id", "return unheard_of"),
        ("return last_log_id >= server.log.last_id", "return ("),
        ("no such text", ""),
        ("return last_log_id >= server.log.last_id", "return server.log.last_id <= last_log_id"),
    ],
    ids=["breaks-the-program", "does-not-parse", "is-out-of-date", "breaks-nothing"],
)
def test_a_patch_that_breaks_no_rule_does_not_count(old: str, new: str) -> None:
    break_ = f"Break('RV.2', 'test_figure_3_1', 'rv_2', 'election', {old!r}, {new!r})"
    program = f"from tests.core.patches import *; print(len(survivors([{break_}])))"

    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert run.stdout.splitlines()[-1] == "1", run.stdout


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_cited_by_the_core_tested_and_broken(rule: str) -> None:
    cited = re.compile(rf"\b{re.escape(rule)}\b")
    sources = [path.read_text() for path in CORE.glob("*.py")]
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    name = rule.lower().replace(".", "_")

    assert any(cited.search(source) for source in sources), f"no file of the core cites {rule}"
    assert re.search(rf"def test_{name}_", tests), f"no test is named by {rule}"
    assert any(one.rule == rule for one in BREAKS), f"no patch breaks {rule}"
