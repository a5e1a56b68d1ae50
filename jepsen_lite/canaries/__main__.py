"""`make canaries`: all of them, one line each; what went wrong keeps its folder and its report."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from rich.console import Console

from jepsen_lite.canaries.schedules import SCHEDULES
from jepsen_lite.canaries.sing import fault_of, sing
from jepsen_lite.plants.catalogue import PLANTS
from jepsen_lite.report import write_report

TRACEBACK = "harness-traceback"


def one(name: str, seed: int, folder: Path) -> tuple[bool, str]:
    """Whether the canary called *name* did as it must, and what there is to say of it."""
    try:
        results = asyncio.run(sing(name, SCHEDULES[name], seed, folder))
    except Exception as failure:  # noqa: BLE001  # told in a sentence, and kept whole in a file
        (folder / TRACEBACK).write_text(traceback.format_exc())
        said = " ".join(str(failure).split())
        return False, f"the harness failed, a fault of its own: {type(failure).__name__}: {said}"
    fault = fault_of(name, results)
    if fault is not None:
        return False, f"WRONG: {fault}"
    check = PLANTS[name].check
    if check is None:
        return True, "not accused: every check is true"
    return True, f"caught by {check}: {results.check(check).message}"


def _kept(folder: Path) -> str:
    """Where to look; a harness that failed may have left nothing to draw."""
    if (folder / TRACEBACK).exists():
        return f"all of it is in {folder}"
    return f"report: {write_report(folder).as_uri()}"


def main() -> int:
    """Run the canaries; 0 if each bug was caught as it must be, and the control was not accused."""
    parser = argparse.ArgumentParser(
        prog="canaries",
        description="Each planted bug is caught, by the check that is there for it.",
    )
    parser.add_argument("--only", choices=list(SCHEDULES), default=None)
    parser.add_argument("--seed", type=int, default=None, help="printed, and drawn if absent")
    parser.add_argument("--keep", action="store_true", help="keep all folders, with their reports")
    arguments = parser.parse_args()
    seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
    console = Console(highlight=False, soft_wrap=True)
    names = list(SCHEDULES) if arguments.only is None else [arguments.only]
    wrong = 0
    for name in names:
        began = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix=f"huffleraft-canary-{name}-"))
        is_well, said = one(name, seed, folder)
        console.print(f"{name:15} {time.monotonic() - began:3.0f} s  {said}", markup=False)
        wrong += not is_well
        if is_well and not arguments.keep:
            shutil.rmtree(folder)
            continue
        again = f"make canaries ARGS='--only {name} --seed {seed}'"
        console.print(f"{'':15} once more: {again}; {_kept(folder)}", markup=False)
    console.print(f"seed {seed}: {wrong} of {len(names)} canaries did not do as they must")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
