"""A plant is put in exactly where its text stands, or not at all."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from jepsen_lite.plants.patching import Counter, Patch, PlantRefused, install


def test_a_patch_refuses_a_text_that_is_not_there_exactly_once() -> None:
    patch = Patch("some.module", "x = 1", "x = 2")

    assert patch.applied_to("a\nx = 1\n") == "a\nx = 2\n"
    with pytest.raises(PlantRefused, match="occurs 0 times"):
        patch.applied_to("nothing")
    with pytest.raises(PlantRefused, match="occurs 2 times"):
        patch.applied_to("x = 1; x = 1")


def test_a_module_that_is_imported_already_cannot_be_planted() -> None:
    with pytest.raises(PlantRefused, match="imported already"):
        install("late", [Patch("jepsen_lite.plants.patching", "a", "b")])


def test_the_counter_speaks_when_the_count_doubles() -> None:
    out = io.StringIO()
    planted = Counter("p", out)

    assert all(planted() for _ in range(5))
    assert out.getvalue().splitlines() == [f"plant p acted {n} times" for n in (1, 2, 4)]


def test_a_planted_module_runs_with_the_new_text_and_tells_that_it_acted(tmp_path: Path) -> None:
    (tmp_path / "pond.py").write_text("def depth():\n    return 1\n")
    program = (
        "from jepsen_lite.plants.patching import Patch, install\n"
        "install('deep', [Patch('pond', 'return 1', 'return planted() and 7')])\n"
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import pond; print(pond.depth())\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert (run.stdout, run.stderr) == ("7\n", "plant deep acted 1 times\n")
    assert not list(tmp_path.glob("__pycache__/*")), "patched code never reaches the cache"
