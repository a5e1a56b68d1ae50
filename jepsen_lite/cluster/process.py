"""One node's process: started, killed, stopped and continued, and never lost sight of."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Final

from jepsen_lite.cluster.life import Life, ProcessEvent, UnexpectedEnd, birth_of, is_stopped

_READY = re.compile(r"ready id=(?P<id>\S+) listen=\S+:(?P<port>\d{1,5}) .*\bboot=(?P<boot>\d+)")

LEFT: Final = 19
"""The exit status of a node that found itself removed from its cluster."""

TAIL_BYTES: Final = 4_096
STOP_SECONDS: Final = 10.0
"""A node promises to stop within 5 s; a machine with other work gets as long again."""


class State(Enum):
    """What a process is doing, as far as the harness made it so."""

    DOWN = "down"
    UP = "up"
    PAUSED = "paused"


class NodeNotStarted(RuntimeError):  # noqa: N818  # a fact is named for what happened
    """A node ended, or said nothing, instead of saying that it is ready."""

    def __init__(self, node: str, why: str, last_lines: str) -> None:
        super().__init__(f"{node} {why}; its last lines:\n{last_lines or '(none)'}")
        self.node = node


class NodeProcess:
    """The process of *node*; *tell* hears of its life, *lost* of an end that nobody ordered."""

    def __init__(
        self,
        node: str,
        command: Callable[[Path], tuple[str, ...]],
        folder: Path,
        *,
        now: Callable[[], int],
        tell: Callable[[ProcessEvent], None],
        lost: Callable[[UnexpectedEnd], None],
    ) -> None:
        self.node = node
        self.log = folder / "log"
        self.data_dir = folder / "data"
        self.state = State.DOWN
        self.pid = 0
        self.boot = 0
        self.port = 0
        self.returncode: int | None = None
        self.may_leave = False
        """Set once its removal is asked for: then it may end by itself, with the status `LEFT`."""
        self.command = command
        """The command line that starts it with this directory for its data."""
        self._now = now
        self._tell = tell
        self._lost = lost
        self._ordered = False  # whether the next end is the harness's own doing
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def is_ending(self) -> bool:
        """Whether it still runs, and was told to end."""
        return self._ordered and self.state is not State.DOWN

    @property
    def has_left(self) -> bool:
        """Whether it ended because it is no member any more."""
        return self.state is State.DOWN and self.may_leave and self.returncode == LEFT

    async def start(self, within: float) -> None:
        """Start it and return when it listens.  Raises NodeNotStarted; nothing is left running."""
        assert self.state is State.DOWN, f"{self.node} runs already"
        self._ordered = False
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command(self.data_dir),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                process_group=0,  # Ctrl-C in the harness's terminal is not the node's
            )
        self.pid = self._process.pid
        self.state = State.UP
        self._event(Life.STARTED, birth=birth_of(self.pid))
        self._ready = asyncio.get_running_loop().create_future()
        self._watch = asyncio.create_task(self._live(self._process, self._ready))
        try:
            async with asyncio.timeout(within):
                await asyncio.shield(self._ready)
        except TimeoutError:
            await self.kill()
            raise NodeNotStarted(
                self.node, f"was not ready after {within:g} s", self.last_lines()
            ) from None
        except asyncio.CancelledError:
            self.signal_kill()
            raise

    async def kill(self) -> int | None:
        """SIGKILL; returns its exit status when it is gone, None if it was gone before."""
        if self.state is State.DOWN:
            return None
        self.signal_kill()
        await self.gone()
        return self.returncode

    def signal_kill(self) -> None:
        """SIGKILL, without waiting: `gone` waits."""
        self._ordered = True
        self._signal(signal.SIGKILL)

    async def gone(self) -> None:
        """Wait until the process is no more and its last words are in the log."""
        if self._watch is not None:
            await asyncio.shield(self._watch)

    async def pause(self) -> bool:
        """SIGSTOP; whether the kernel says that it stands still."""
        if self.state is not State.UP:
            return False
        self._signal(signal.SIGSTOP)
        self.state = State.PAUSED
        for _ in range(200):
            if is_stopped(self.pid) is not False:
                return True
            await asyncio.sleep(0.005)
        return False

    def resume(self) -> None:
        """SIGCONT, if it stands still by our order."""
        if self.state is State.PAUSED:
            self.state = State.UP
            self._signal(signal.SIGCONT)

    async def stop(self) -> None:
        """SIGTERM, and wait.  A node that will not end, or not well, is reported as lost."""
        if self.state is State.DOWN:
            return
        self.resume()
        self._ordered = True
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.gone()
        except TimeoutError:
            await self.kill()
            self._lose(f"had not stopped {STOP_SECONDS:g} s after SIGTERM")
            return
        if self.returncode != 0 and not self.has_left:
            self._lose(f"ended with exit status {self.returncode} after SIGTERM")

    def last_lines(self) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - TAIL_BYTES))
            return log.read(TAIL_BYTES).decode("utf-8", "replace").strip()
        return ""

    async def _live(self, process: asyncio.subprocess.Process, ready: asyncio.Future[None]) -> None:
        """Follow the process from its first line to its end."""
        assert process.stdout is not None
        with self.log.open("ab") as log:
            while line := await _next_line(process.stdout):
                log.write(line)
                found = _READY.match(line.decode("utf-8", "replace"))
                if found and found["id"] == self.node and not ready.done():
                    self.port, self.boot = int(found["port"]), int(found["boot"])
                    self._event(Life.READY)
                    ready.set_result(None)
        self.returncode = await process.wait()
        self.state = State.DOWN
        is_ours = self._ordered or self.has_left
        self._event(Life.ENDED, returncode=self.returncode, by_harness=is_ours)
        if not is_ours:
            self._lose(f"ended by itself with exit status {self.returncode}")
        if not ready.done():
            ready.set_exception(
                NodeNotStarted(
                    self.node, f"ended with exit status {self.returncode}", self.last_lines()
                )
            )
            ready.exception()  # seen, even if whoever waited has been cancelled

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def _lose(self, why: str) -> None:
        self._lost(UnexpectedEnd(self.node, self._now(), self.returncode, why, self.last_lines()))

    def _event(
        self,
        event: Life,
        *,
        birth: int | None = None,
        returncode: int | None = None,
        by_harness: bool | None = None,
    ) -> None:
        started = event is Life.STARTED
        self._tell(
            ProcessEvent(
                time_ns=self._now(),
                name=self.node,
                event=event,
                pid=self.pid,
                birth=birth,
                boot=None if started else self.boot,
                port=None if started else self.port,
                returncode=returncode,
                by_harness=by_harness,
            )
        )


async def _next_line(stdout: asyncio.StreamReader) -> bytes:
    """A line, however long: what does not fit is given in pieces."""
    try:
        return await stdout.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError as error:
        return await stdout.read(error.consumed)
