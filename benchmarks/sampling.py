"""A node that tells where its CPU goes: `python -m benchmarks.sampling FOLDER -- serve ...`.

Each time the process has burnt a millisecond or two, the system sends it a signal, and what every
thread has burnt since the last one is put down to the place where that thread stands now.  So the
figures are seconds of CPU and not of waiting, they add up to what the system says that the
process used, and the program is slowed down by a few percent only: nothing is counted a call.

A place is the nearest frame of the stack that belongs to a part in `PARTS`: what the standard
library or MessagePack does is put down to whoever had it done.  C code has no frame, so it counts
for its caller; a system call is one, and its caller is the event loop.

SIGUSR1 writes what was seen since the last SIGUSR1 into FOLDER, and begins anew.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

_INTERVAL: Final = 0.002
"""Seconds of the process's CPU between two looks."""

PARTS: Final = (
    ("/huffleraft/http/", "HTTP"),
    ("/huffleraft/runtime/frames.py", "codec"),
    ("/huffleraft/runtime/transfer_frames.py", "codec"),
    ("/huffleraft/codec/", "codec"),
    ("/huffleraft/core/invariants/", "checks of each step"),
    ("/huffleraft/core/", "core step"),
    ("/huffleraft/kv/", "kv"),
    ("/huffleraft/store/", "store"),
    ("/huffleraft/runtime/", "runtime turn"),
    ("/huffleraft/raftstore/", "runtime turn"),
    ("/asyncio/", "event loop"),
    ("/selectors.py", "event loop"),
    ("/anyio/", "event loop"),
    ("/concurrent/", "event loop"),
    ("/threading.py", "event loop"),
)
"""What a path contains, and the part of the program that it belongs to."""

_CALLS: Final = {
    "select": "waiting for events",
    "_read_ready__data_received": "receiving",
    "write": "sending",
    "_write_send": "sending",
    "_write_sendmsg": "sending",
    "_write_to_self": "waking the loop",
}
"""Functions of the event loop that do little but one system call."""

ELSEWHERE: Final = "elsewhere"


class Sampler:
    """Counts the CPU of all threads by where they are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._main = threading.get_ident()
        self._seconds: defaultdict[tuple[str, str, str], float] = defaultdict(float)
        self._burnt: dict[int, float] = {}
        self._places: dict[CodeType, tuple[str, str] | None] = {}
        self._dumps = 0

    def start(self) -> None:
        """Look from now on, in the process's main thread."""
        signal.signal(signal.SIGPROF, self._look)
        signal.signal(signal.SIGUSR1, self._dump)
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)

    def _look(self, _signum: int, here: FrameType | None) -> None:
        frames = sys._current_frames()  # noqa: SLF001  # what else tells where other threads are?
        for thread, frame in frames.items():
            burnt = time.clock_gettime(time.pthread_getcpuclockid(thread))
            spent = burnt - self._burnt.get(thread, 0.0)
            if spent:
                self._burnt[thread] = burnt
                main = thread == self._main
                place = self._place(here if main else frame)
                self._seconds["main" if main else "others", *place] += spent
        for gone in self._burnt.keys() - frames.keys():
            del self._burnt[gone]  # another thread may get its number
        self._burnt[self._main] = time.thread_time()  # what the looking cost is nobody's

    def _place(self, frame: FrameType | None) -> tuple[str, str]:
        """The part, and the function, that a stack with *frame* on top is put down to."""
        while frame is not None:
            code = frame.f_code
            try:
                place = self._places[code]
            except KeyError:
                place = self._places[code] = _place_of(code)
            if place is not None:
                return place
            frame = frame.f_back
        return ELSEWHERE, ""

    def _dump(self, _signum: int, _frame: FrameType | None) -> None:
        rows = [[*where, seconds] for where, seconds in self._seconds.items()]
        self._seconds.clear()
        self._dumps += 1
        draft = self._folder / f"{os.getpid()}.draft"
        draft.write_text(json.dumps(rows), encoding="utf-8")
        draft.rename(dump_of(self._folder, os.getpid(), self._dumps))


def dump_of(folder: Path, pid: int, number: int) -> Path:
    """Where a process writes what it saw before its SIGUSR1 number *number*, from 1."""
    return folder / f"{pid}.{number}.json"


def _place_of(code: CodeType) -> tuple[str, str] | None:
    path = code.co_filename.replace(os.sep, "/")
    for within, part in PARTS:
        if within in path:
            where = f"{'/'.join(path.rsplit('/', 2)[-2:])}:{code.co_name}"
            if part == "event loop":
                return f"{part}: {_CALLS.get(code.co_name, 'tasks and callbacks')}", where
            return part, where
    return None


def main() -> None:
    """Run the product's command line with a sampler in it."""
    match sys.argv[1:]:
        case [folder, "--", *arguments]:
            Sampler(Path(folder)).start()
        case _:
            sys.exit("expected: python -m benchmarks.sampling FOLDER -- ARGUMENTS")
    from huffleraft.cli import main as huffleraft  # noqa: PLC0415  # its import is seen too

    sys.argv = ["huffleraft", *arguments]
    huffleraft()


if __name__ == "__main__":
    main()
