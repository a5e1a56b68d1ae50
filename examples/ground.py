"""What the examples stand on: a file for a disk, and ports of this machine for addresses."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from pathlib import Path

from words_as_json import packed, unpacked

from huffleraft import core
from huffleraft.core.invariants import Image, replay


class Journal:
    """One member's file, a line a write, each durable before the next (O2).

    What it held when it was opened is `disk`; `boot` counts openings.
    """

    def __init__(self, path: Path, founders: core.Configuration) -> None:
        first = core.Entry(1, 1, founders)  # the same on every founder
        self.boot, self.disk = 1, Image(core.Vote(1), None, core.Log(entries=[first]))
        self._file = path.open("a+b")
        self._file.seek(0)
        whole = [line for line in self._file if line.endswith(b"\n")]  # the last may be torn
        self._file.truncate(sum(map(len, whole)))
        for write in map(unpacked, whole):
            if write == "boot":
                self.boot += 1
            else:
                self.disk = replay(write, self.disk)
        self.write("boot")  # durable before the core begins (O6)

    def write(self, *writes: core.Persist | str) -> None:
        """Make *writes* durable, in their order."""
        self._file.writelines(packed(write) + b"\n" for write in writes)
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def recover(self, name: core.NodeId) -> tuple[core.Server, tuple[core.Effect, ...]]:
        """The server whose disk this is; it applies its log from the beginning."""
        log, limits = self.disk.log, core.Limits(entries_per_append=16)
        entries = log.between(1, log.last_index)
        return core.recover(
            name, self.boot, limits, self.disk.vote, None, core.ORIGIN, entries, last_applied=0
        )


def founders(*names: core.NodeId) -> core.Configuration:
    """The first configuration of these members, each with a UDP port that nobody uses yet."""
    with ExitStack() as trying:
        sockets = [trying.enter_context(udp("0")) for _ in names]
        ports = [str(one.getsockname()[1]) for one in sockets]
    return core.Configuration.of(dict(zip(names, ports, strict=True)))


def udp(port: str) -> socket.socket:
    """A UDP socket at *port* of this machine."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", int(port)))
    return made
