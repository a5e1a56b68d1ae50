"""Every rule has a test that fails when the rule alone is broken."""

from __future__ import annotations

import subprocess
import sys

import pytest


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
