"""Every snippet of the README runs, as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=["a whole node", "the core alone"])
def test_a_snippet_of_the_readme_runs(snippet: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", snippet], capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr
    assert "hello" in run.stdout or "{'n1': [b'x = 1', b'x = 2'], 'n2'" in run.stdout


def test_the_loop_over_the_core_is_short_and_needs_nothing_installed() -> None:
    loop = next(snippet for snippet in SNIPPETS if "huffleraft.core" in snippet)
    root = str(Path(__file__).parent.parent)
    isolated = f"import sys; sys.path.insert(0, {root!r})\n{loop}"

    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", isolated], capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr
    assert len(loop.splitlines()) < 60
