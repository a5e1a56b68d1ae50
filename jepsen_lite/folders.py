"""Run folders: where a run writes, which one is the latest, and how many are kept."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Final

KEPT: Final = 20
"""Folders kept, the newest; older ones are removed."""

LATEST: Final = "latest"


def new_run_folder(runs: Path, seed: int) -> Path:
    """A folder for a run that begins now; `latest` in *runs* leads to it."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    folder = runs / f"{stamp}-{seed}"
    folder.mkdir(parents=True)
    link = runs / LATEST
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name)
    old = sorted(path for path in runs.iterdir() if path.is_dir() and not path.is_symlink())
    for path in old[:-KEPT]:
        shutil.rmtree(path)
    return folder
