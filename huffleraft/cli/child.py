"""A node as a process of its own: started, listened to, stopped, and never left behind.

Its process group is its own as well, so a Ctrl-C at the terminal reaches only the one who started
it, and that one decides.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from anyio.abc import ByteReceiveStream, Process
    from anyio.streams.memory import MemoryObjectSendStream

LINE_BYTES_MAX = 16 << 10
"""A longer line is shown in pieces."""

LAST_LINES = 8
"""How many lines of a node are kept to be told when it dies."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The node listens; *words* is what it said of itself, as {name: word}."""

    node_id: str
    pid: int
    words: dict[str, str]


@dataclass(frozen=True, slots=True)
class Wrote:
    """The node wrote a line to standard error."""

    node_id: str
    line: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The node's process is gone, and all that it wrote has been read."""

    node_id: str
    status: int
    last_lines: tuple[str, ...]

    def __str__(self) -> str:
        """`killed by SIGKILL`, or `exit code 11`."""
        if self.status < 0:
            return f"killed by {signal.Signals(-self.status).name}"
        return f"exit code {self.status}"


Happening: TypeAlias = Ready | Wrote | Ended


class Child:
    """One node's process.  `run` carries it from its start to its end and tells what happens."""

    def __init__(
        self, node_id: str, command: Sequence[str], tell: MemoryObjectSendStream[Happening]
    ) -> None:
        self.node_id = node_id
        self.command = command
        self._tell = tell
        self._process: Process | None = None
        self._early: signal.Signals | None = None  # one that came before there was a process
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)

    async def run(self) -> None:
        """Start the process and stay until it has ended; if this is cancelled, it is killed."""
        self._process = await anyio.open_process(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=_plain_environment(),
        )
        try:
            if self._early is not None:
                self._signal(self._early)
            assert self._process.stdout is not None
            assert self._process.stderr is not None
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._read_announcement, self._process.stdout, self._process.pid)
                tasks.start_soon(self._read_log, self._process.stderr)
            status = await self._process.wait()
            await self._tell.send(Ended(self.node_id, status, tuple(self._last_lines)))
        finally:
            self.kill()
            with anyio.CancelScope(shield=True):
                await self._process.aclose()

    def terminate(self) -> None:
        """Ask it to stop, if it runs."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it now, if it runs."""
        self._signal(signal.SIGKILL)

    def _signal(self, signum: signal.Signals) -> None:
        if self._process is None:
            self._early = signum
        elif self._process.returncode is None:
            with suppress(ProcessLookupError):  # it ended in this very moment
                self._process.send_signal(signum)

    async def _read_announcement(self, stream: ByteReceiveStream, pid: int) -> None:
        async for line in lines(stream):
            name, *words = line.split()
            if name == "ready":
                told = dict(word.split("=", 1) for word in words if "=" in word)
                await self._tell.send(Ready(self.node_id, pid, told))

    async def _read_log(self, stream: ByteReceiveStream) -> None:
        async for line in lines(stream):
            self._last_lines.append(line)
            await self._tell.send(Wrote(self.node_id, line))


def _plain_environment() -> dict[str, str]:
    """Ours, without the variables that speak to `serve`: a child is what its command line says."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HUFFLERAFT_")}


async def lines(stream: ByteReceiveStream) -> AsyncIterator[str]:
    """The lines of *stream* that are not empty, without their ends, until it ends."""
    buffered = BufferedByteReceiveStream(stream)
    ended = False
    while not ended:
        try:
            line = await buffered.receive_until(b"\n", LINE_BYTES_MAX)
        except anyio.DelimiterNotFound:
            line = await buffered.receive(LINE_BYTES_MAX)
        except (anyio.IncompleteRead, anyio.EndOfStream, anyio.ClosedResourceError):
            line, ended = buffered.buffer, True
        if text := line.decode("utf-8", "replace").rstrip():
            yield text
