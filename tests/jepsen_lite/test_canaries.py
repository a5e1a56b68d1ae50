"""Caught for another reason is not caught, and a fault of the harness is told as one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jepsen_lite.canaries import SCHEDULES, fault_of
from jepsen_lite.canaries.__main__ import TRACEBACK, one
from jepsen_lite.plants.catalogue import PLANTS
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts import Check, Results

NAMES = ("linearizable", "once", "leaders", "alive", "agreement")


def results(**found: Verdict) -> Results:
    """All checks are true but those *found* otherwise."""
    checks = (Check(name, found.get(name, Verdict.TRUE), f"told of {name}") for name in NAMES)
    return Results(tuple(checks), None)


def test_every_plant_has_a_schedule() -> None:
    assert set(SCHEDULES) == set(PLANTS)


@pytest.mark.parametrize(
    "name,check",
    [
        ("stale-reads", "linearizable"),
        ("lost-write", "once"),
        ("early-durable", "once"),
        ("forgotten-vote", "leaders"),
        ("snapshot-without-sessions", "agreement"),
        ("forgotten-configuration", "once"),
    ],
)
def test_a_bug_is_caught_by_its_own_check_and_by_no_other(name: str, check: str) -> None:
    assert fault_of(name, results(**{check: Verdict.FALSE, "alive": Verdict.FALSE})) is None

    others = {each: Verdict.FALSE for each in NAMES if each != check}
    assert fault_of(name, results(**others)) == f"{check} is true, not false: told of {check}"
    unsure = results(**{check: Verdict.UNKNOWN})
    assert fault_of(name, unsure) == f"{check} is unknown, not false: told of {check}"


@pytest.mark.parametrize("verdict", [Verdict.FALSE, Verdict.UNKNOWN])
def test_the_control_must_be_true_by_every_check(verdict: Verdict) -> None:
    assert fault_of("none", results()) is None
    assert fault_of("none", results(alive=verdict)) == f"alive {verdict.value}: told of alive"


def test_a_fault_of_the_harness_is_a_sentence_and_its_traceback_a_file(tmp_path: Path) -> None:
    (tmp_path / "run.toml").mkdir()  # where the plan is to be written

    is_well, said = one("none", 1, tmp_path)

    assert not is_well
    assert said.startswith("the harness failed, a fault of its own: IsADirectoryError: ")
    assert "\n" not in said
    assert "IsADirectoryError" in (tmp_path / TRACEBACK).read_text()


def test_an_unknown_canary_is_refused_by_name() -> None:
    command = [sys.executable, "-m", "jepsen_lite.canaries", "--only", "robin"]

    refused = subprocess.run(command, capture_output=True, text=True, check=False)

    assert refused.returncode == 2
    assert "robin" in refused.stderr
    assert "Traceback" not in refused.stderr
