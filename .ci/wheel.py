"""What a stranger gets: builds the wheel, installs it where nothing else is, and uses it.

Run as `make wheel`.  The checkout is not on the way: everything happens in an empty folder, with
the Python of an empty environment that holds the wheel and what it asks for.  The tests of the
core come last, with the tools they need.  Whatever fails ends this with one sentence.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0
"""Seconds until a cluster of one must serve, and until it must have stopped."""

TEST_TOOLS = ("pytest", "hypothesis")


def main() -> None:
    """Everything, in order."""
    with tempfile.TemporaryDirectory(prefix="huffleraft-wheel-") as folder:
        there = Path(folder)
        wheel = built(there / "dist")
        bin_ = installed(wheel, there / "env")
        empty = there / "empty"
        empty.mkdir()
        version = said([bin_ / "huffleraft", "--version"], empty, "tell its version")
        if version.split() != ["huffleraft", wheel.name.split("-")[1]]:
            fail(f"{wheel.name} was built, and says that it is {version.strip()!r}")
        serves_a_key(bin_ / "huffleraft", empty)
        passes_the_tests_of_the_core(bin_, empty)
    print(f"wheel: {wheel.name} installs, serves a key and passes the tests of the core")


def fail(sentence: str) -> NoReturn:
    """End with *sentence*."""
    sys.exit(f"wheel: {sentence}")


def said(command: Sequence[str | Path], folder: Path, purpose: str) -> str:
    """What *command* writes to standard output, run in *folder*; it must end well."""
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if run.returncode:
        sys.stderr.write(run.stdout[-2000:] + run.stderr[-2000:])
        fail(f"could not {purpose} (exit code {run.returncode}); its last words stand above")
    return run.stdout


def built(dist: Path) -> Path:
    """The wheel, built from the checkout."""
    build = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", dist, ROOT)
    said(build, ROOT, "build the wheel")
    wheels = list(dist.glob("*.whl"))
    if len(wheels) != 1:
        fail(f"one wheel was expected, and {len(wheels)} were built")
    return wheels[0]


def installed(wheel: Path, env: Path) -> Path:
    """Where the commands are of an environment that holds *wheel* and what it needs."""
    venv.create(env, with_pip=True)
    pip(env / "bin", "install the wheel", wheel)
    return env / "bin"


def pip(bin_: Path, purpose: str, *what: str | Path) -> None:
    """Install *what*."""
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    said([bin_ / "python", "-m", "pip", "install", *quiet, *what], bin_, purpose)


def serves_a_key(huffleraft: Path, folder: Path) -> None:
    """`huffleraft dev -n 1` says what to type, keeps a key, and stops at Ctrl-C."""
    with subprocess.Popen(
        [huffleraft, "dev", "-n", "1"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as dev:
        watchdog = threading.Timer(PATIENCE, dev.kill)
        watchdog.start()
        told: list[str] = []
        try:
            assert dev.stdout is not None
            for line in dev.stdout:
                told.append(line)
                if "-X PUT" in line:
                    url = line.split()[-1]
                    ask("PUT", url, b"from a wheel")
                    if ask("GET", url) != b"from a wheel":
                        fail(f"{url} did not give back the value that it was given")
                    dev.send_signal(signal.SIGINT)
            if dev.wait() != 0 or not any("all nodes have stopped" in line for line in told):
                sys.stderr.writelines(told[-20:])
                fail(f"`huffleraft dev -n 1` ended with {dev.returncode}; its words stand above")
        finally:
            watchdog.cancel()
            dev.kill()


def ask(method: str, url: str, body: bytes | None = None) -> bytes:
    """The body of the answer, as curl would show it."""
    request = urllib.request.Request(url, body, method=method)  # noqa: S310  # http, on loopback
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
        found: bytes = answer.read()
        return found


def passes_the_tests_of_the_core(bin_: Path, folder: Path) -> None:
    """The core's own tests, beside nothing but the installed package."""
    pip(bin_, "install the tools of the tests", *TEST_TOOLS)
    tests = folder / "tests"
    shutil.copytree(ROOT / "tests" / "core", tests / "core")
    for name in ("__init__.py", "conftest.py"):
        shutil.copy(ROOT / "tests" / name, tests / name)
    pytest = (bin_ / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/core")
    summary = said(pytest, folder, "pass the tests of the core").splitlines()[-1]
    if " passed" not in summary:
        fail(f"the tests of the core ended with {summary!r}")
    where = said(
        [bin_ / "python", "-c", "import huffleraft; print(huffleraft.__file__)"],
        folder,
        "say where huffleraft was found",
    )
    if str(ROOT) in where:
        fail(f"the tests ran on the checkout, {where.strip()}, and not on the wheel")


if __name__ == "__main__":
    main()
