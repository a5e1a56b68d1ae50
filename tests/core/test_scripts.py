"""Golden scripts: each story has exactly the consequences that its file tells.

`pytest tests/core/test_scripts.py --rewrite` tells them anew; commit a rewrite only if you can
explain every line of the difference.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.scenario import ScriptError, run_script

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.txt"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script(script: Path, request: pytest.FixtureRequest) -> None:
    text = script.read_text()

    told = run_script(text)

    if request.config.getoption("--rewrite"):
        script.write_text(told)
    assert told == script.read_text(), f"{script.name} is told otherwise; look at --rewrite"


def test_a_script_that_is_not_understood_says_what_is_expected() -> None:
    with pytest.raises(ScriptError, match="begins with a comment"):
        run_script("cluster n1\n")
    with pytest.raises(ScriptError, match="'jump' is no command; known are cluster, log"):
        run_script("# Shows nothing.\n\njump n1\n")
    with pytest.raises(ScriptError, match="no message is on its way from n1 to n2"):
        run_script("# Shows nothing.\n\ncluster n1 n2\ndeliver n1 -> n2\n")


def test_there_are_stories_enough() -> None:
    assert len(SCRIPTS) >= 12
