"""Schemathesis attacks a real node with all that its OpenAPI page allows, and all it does not.

No check is left out but two: a node may answer 503 and 504, which count as faults there (a 500
does not stand in the page, so it fails as an undocumented status); and it refuses half of a
session's stamp, which OpenAPI cannot say.
"""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.nodes import alone, ask, stop
from tests.http.documented import operations

SEED = int(os.environ.get("HUFFLERAFT_SEED") or secrets.randbits(32))
EXAMPLES = 150

CONFIG = """
[checks.negative_data_rejection]
expected-statuses = ["400", "413", "431"]
"""
"""How what the page forbids is refused; a key that is too long may make the head too large."""

pytestmark = [pytest.mark.deep, pytest.mark.timeout(300)]


def test_a_node_gives_no_answer_that_its_page_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "attack.toml").write_text(CONFIG)
    with alone(tmp_path / "data") as (running, address):
        attack = subprocess.run(
            [
                *(
                    Path(sys.executable).with_name("schemathesis"),
                    "--config-file",
                    "attack.toml",
                    "run",
                ),
                f"http://{address}/v1/openapi.json",
                *("--exclude-checks", "not_a_server_error,positive_data_acceptance"),
                *("--max-examples", str(EXAMPLES), "--seed", str(SEED), "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

        again = f"HUFFLERAFT_SEED={SEED} .venv/bin/python -m pytest -m deep {Path(__file__).name}"
        assert attack.returncode == 0, f"{attack.stdout}\n{attack.stderr}\nagain: {again}"
        attacked = len(operations()) - 1  # all but the page itself
        assert f"Tested: {attacked}" in attack.stdout, attack.stdout
        assert ask("PUT", f"http://{address}/v1/kv/a", b"1")[0] == 200
        stop(running)
    assert "Traceback" not in running.report()
