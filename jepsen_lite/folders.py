"""Run folders: where a run writes, which one is the latest, and how many are kept."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Final

KEPT: Final = 20
"""Folders kept, the newest; older ones are removed."""

LATEST: Final = "latest"

_NAME: Final = re.compile(r"\d{8}T\d{6}Z-\d+")
"""What a run's folder is called.  Whatever else lies beside them is not ours to remove."""


def new_run_folder(runs: Path, seed: int) -> Path:
    """A folder for a run that begins now; `latest` in *runs* leads to it.  Raises OSError."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    folder = runs / f"{stamp}-{seed}"
    folder.mkdir(parents=True)
    link = runs / LATEST
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name)
    for path in _folders(runs)[:-KEPT]:
        shutil.rmtree(path)
    return folder


def _folders(runs: Path) -> list[Path]:
    """The folders of runs in *runs*, the oldest first."""
    found = (path for path in runs.iterdir() if _NAME.fullmatch(path.name))
    return sorted(path for path in found if path.is_dir() and not path.is_symlink())


def remove_data(folder: Path) -> None:
    """Remove the nodes' data from a run's *folder*: after a true verdict nobody asks for it."""
    for data in (*folder.glob("nodes/*/data"), *folder.glob("act/data")):
        shutil.rmtree(data)
