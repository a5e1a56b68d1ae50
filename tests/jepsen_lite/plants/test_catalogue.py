"""Every plant fits the source as it is now, and the product carries no trace of any."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import huffleraft
from jepsen_lite.plants.catalogue import PLANTS, Plant


@pytest.mark.parametrize("plant", PLANTS.values(), ids=lambda plant: plant.name)
def test_a_plant_fits_the_source_and_the_planted_product_still_starts(plant: Plant) -> None:
    modules = ", ".join(sorted({patch.module for patch in plant.patches} | {"huffleraft"}))
    program = (
        "from jepsen_lite.plants.catalogue import PLANTS\n"
        "from jepsen_lite.plants.patching import install\n"
        f"install({plant.name!r}, PLANTS[{plant.name!r}].patches)\n"
        f"import {modules}\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr


def test_a_planted_command_line_is_the_products_own() -> None:
    command = [sys.executable, "-m", "jepsen_lite.plants", "stale-reads", "--", "--version"]

    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    assert huffleraft.__version__ in run.stdout


def test_an_unknown_plant_is_refused_by_name() -> None:
    command = [sys.executable, "-m", "jepsen_lite.plants", "roses", "--", "serve"]

    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 254
    assert "NAME one of none, stale-reads, lost-write, early-durable, forgotten-vote" in run.stderr


def test_the_product_carries_no_switch() -> None:
    sources = Path(huffleraft.__file__).parent.rglob("*.py")

    assert not [path for path in sources if "planted" in path.read_text()]
