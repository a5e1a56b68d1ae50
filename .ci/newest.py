"""The tests once more, with the newest Python that is here.

Run as `make newest`.  `make test` takes the Python that a user's `python3` is; what a newer one
deprecates or does otherwise would be found by users first.  So: of the commands `python3.N` on the
PATH and the versions that pyenv keeps, those that run, are final releases of CPython and can hold
huffleraft; the newest of them, if its minor version is above that of .venv; and with it the tests,
in a clone of the last commit, so that .venv and what the tools left beside it stay as they are.

Left out is what judges the tests and not the code, by planting bugs: it takes minutes, and a test
that sees a bug with one Python sees it with another.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
LEFT_OUT = ("tests/properties/test_canaries_of_the_core.py", "tests/core/test_patches.py")

PATIENCE = 20.0
"""Seconds until a Python must have told its version."""

TELL = """
import ensurepip, sqlite3, ssl, sys, sysconfig, venv
usual = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
if usual and sys.version_info.releaselevel == "final":
    print(*sys.version_info[:3])
"""
"""Other interpreters and early releases are passed over: few packages are ready-made for them."""


class Python(NamedTuple):
    """One that fits; the greater is the newer."""

    version: tuple[int, ...]
    command: str

    def __str__(self) -> str:
        return f"Python {'.'.join(map(str, self.version))}"


def main() -> None:
    """Find it, say so, and run the tests with it."""
    own = Python(tuple(sys.version_info[:3]), sys.executable)
    found = max((python for command in commands() for python in fitting(command)), default=own)
    if found.version[:2] <= own.version[:2]:
        print(f"newest: nothing to do, for no Python here is newer than {own} of .venv")
        return
    print(
        f"newest: {found} ({found.command}) is here, newer than {own} of .venv; "
        f"its tests leave out {' and '.join(LEFT_OUT)}",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="huffleraft-newest-") as folder:
        copy = Path(folder) / "huffleraft"
        must(f"clone {ROOT}", "git", "clone", "--quiet", ROOT, copy)
        arguments = " ".join(["-q", *(f"--ignore={path}" for path in LEFT_OUT)])
        pytest = ("make", "--no-print-directory", "-C", copy, "pytest", f"ARGS={arguments}")
        must(f"pass the tests with {found}", *pytest, f"PYTHON={found.command}")


def must(purpose: str, *command: str | Path) -> None:
    """Run *command*; where it fails, everything ends, with one sentence."""
    code = subprocess.run(command, check=False).returncode
    if code:
        sys.exit(f"newest: could not {purpose} (exit code {code}); its reason stands above")


def commands() -> Iterator[str]:
    """Each command that may be a Python 3."""
    for folder in os.get_exec_path():
        for path in Path(folder).glob("python3*"):
            if re.fullmatch(r"python3(\.\d+)?", path.name):
                yield str(path)
    for root in told("pyenv", "root").splitlines():
        for name in told("pyenv", "versions", "--bare").splitlines():
            yield str(Path(root) / "versions" / name.strip() / "bin" / "python")


def fitting(command: str) -> Iterator[Python]:
    """The Python that *command* is, if it runs and fits."""
    if version := told(command, "-c", TELL).split():
        yield Python(tuple(map(int, version)), command)


def told(*command: str) -> str:
    """What *command* says; nothing if it is not there, fails or hangs."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if run.returncode else run.stdout


if __name__ == "__main__":
    main()
