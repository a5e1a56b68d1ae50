"""`huffleraft dev`: a whole cluster in one terminal, for trying things out.

Each node is a real process, started with the command line that a user would type, so what works
here works elsewhere.  This process only watches: it shows their logs as one stream, says what to
type, names a node that dies, and stops what it started.

Everything that happens, from a node's line to a Ctrl-C, arrives in one queue and is dealt with in
its order by one loop.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, assert_never

import anyio
from rich.console import Console
from rich.text import Text

from huffleraft.cli.child import Child, Ended, Happening, Ready, Wrote
from huffleraft.cli.layout import Layout, lay_out
from huffleraft.cli.log_lines import LogLine, parse_log_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

STOP_SECONDS = 8.0
"""How long stopped nodes may take before they are killed; each promises 5 s."""

LEADER_SECONDS = 20.0
"""How long to wait for a leader before the commands are shown in any case."""

_CHATTER = re.compile(
    r"hears \S+ in its boot .*|no link to .*: it cannot be reached|.*: SQLite [\d.]+, .*"
)
"""What every node tells of each other one at every start; shown with `--log-level debug`."""

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue")
_LEVELS = {"DEBUG": "dim", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}


@dataclass(frozen=True, slots=True)
class Signalled:
    """The user, or the system, wants an end."""

    signum: int


class Moment(Enum):
    """What comes without anybody doing it."""

    SERVING = auto()
    """A leader is known, so commands work."""
    NO_LEADER = auto()
    """No leader is known after a long while."""
    STOP_OVERDUE = auto()
    """Nodes that were asked to stop still run."""


Matter: TypeAlias = Happening | Signalled | Moment


def run(nodes: int | None, data_dir: Path | None, passed_on: Mapping[str, str | int]) -> int:
    """Run a cluster until it is stopped, and return the exit code.  Raises HuffleraftError.

    *passed_on* are options that each node is started with.
    """
    with ExitStack() as stack:
        if data_dir is None:
            temporary = tempfile.TemporaryDirectory(prefix="huffleraft-dev-")
            data_dir = Path(stack.enter_context(temporary))
        layout = lay_out(nodes, data_dir)
        return anyio.run(_Cluster(layout, passed_on).run)


def node_command(layout: Layout, node_id: str, *options: str) -> list[str]:
    """What runs the node *node_id*, for the first time and every time after."""
    return [
        *(sys.executable, "-m", "huffleraft", "serve"),
        *("--id", node_id, "--listen", layout.addresses[node_id]),
        *("--data-dir", str(layout.data_dir / node_id), "--bootstrap", layout.bootstrap),
        *options,
    ]


class _Cluster:
    """The nodes of one cluster, watched."""

    def __init__(self, layout: Layout, passed_on: Mapping[str, str | int]) -> None:
        self._layout = layout
        self._tell: MemoryObjectSendStream[Matter]
        self._matters: MemoryObjectReceiveStream[Matter]
        self._tell, self._matters = anyio.create_memory_object_stream[Matter](1024)
        options = [str(word) for option in passed_on.items() for word in option]
        self._children = {
            node_id: Child(node_id, node_command(layout, node_id, *options), self._tell)
            for node_id in layout.addresses
        }
        self._screen = _Screen(layout, chatty=passed_on["--log-level"] == "debug")
        self._ready: set[str] = set()
        self._running = set(self._children)
        self._stopping = False
        self._exit_code = 0

    async def run(self) -> int:
        """Run until every node has ended; the exit code."""
        wanted = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if os.name == "posix" else [])]
        self._screen.say_beginning()
        with self._tell, self._matters, anyio.open_signal_receiver(*wanted) as signals:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._pass_on, signals)
                for child in self._children.values():
                    tasks.start_soon(child.run)
                async for matter in self._matters:
                    self._deal_with(matter, tasks)
                    if not self._running:
                        break
                tasks.cancel_scope.cancel()
        self._screen.say("all nodes have stopped")
        return self._exit_code

    async def _pass_on(self, signals: AsyncIterator[signal.Signals]) -> None:
        async for signum in signals:
            await self._tell.send(Signalled(signum))

    def _deal_with(self, matter: Matter, tasks: anyio.abc.TaskGroup) -> None:
        match matter:
            case Wrote(node_id, line):
                self._screen.show(node_id, line)
            case Ready(node_id, pid):
                self._ready.add(node_id)
                where = self._layout.addresses[node_id]
                self._screen.say(f"{node_id} listens at {where}, process {pid}")
                if len(self._ready) == len(self._children):
                    tasks.start_soon(self._await_leader)
            case Moment.SERVING | Moment.NO_LEADER:
                if not self._stopping:
                    self._screen.say_commands(serving=matter is Moment.SERVING)
            case Ended():
                self._note_end(matter, tasks)
            case Signalled(signum):
                self._obey(signum, tasks)
            case Moment.STOP_OVERDUE:
                self._kill_all(f"still running after {STOP_SECONDS:g} s")
            case unreachable:
                assert_never(unreachable)

    def _note_end(self, ended: Ended, tasks: anyio.abc.TaskGroup) -> None:
        self._running.discard(ended.node_id)
        if self._stopping:
            return
        self._screen.say_death(ended, self._children[ended.node_id].command)
        if ended.node_id not in self._ready:  # it never began: the cluster is not what was asked
            self._exit_code = ended.status if ended.status > 0 else 1
            self._stop(tasks)
        elif not self._running:
            self._exit_code = 1

    def _obey(self, signum: int, tasks: anyio.abc.TaskGroup) -> None:
        if self._stopping:
            self._exit_code = 128 + signum
            self._kill_all("stopping at once")
        else:
            self._screen.say_leaving()
            self._stop(tasks)

    def _stop(self, tasks: anyio.abc.TaskGroup) -> None:
        self._stopping = True
        for child in self._children.values():
            child.terminate()
        tasks.start_soon(self._say_after, STOP_SECONDS, Moment.STOP_OVERDUE)

    def _kill_all(self, why: str) -> None:
        self._screen.say(f"{why}: killing {', '.join(sorted(self._running))}")
        for child in self._children.values():
            child.kill()

    async def _say_after(self, seconds: float, moment: Moment) -> None:
        await anyio.sleep(seconds)
        await self._tell.send(moment)

    async def _await_leader(self) -> None:
        """Ask a node whether it is ready to serve, until one is."""
        import httpx2  # noqa: PLC0415  # only now is it needed

        async with httpx2.AsyncClient(timeout=1.0, trust_env=False) as client:
            with anyio.move_on_after(LEADER_SECONDS):
                while True:
                    for address in self._layout.addresses.values():
                        try:
                            answer = await client.get(f"http://{address}/readyz")
                        except httpx2.HTTPError:
                            continue
                        if answer.status_code == 200:
                            await self._tell.send(Moment.SERVING)
                            return
                    await anyio.sleep(0.1)
        await self._tell.send(Moment.NO_LEADER)


class _Screen:
    """What the user sees: nodes' lines behind their coloured names, and words of our own."""

    def __init__(self, layout: Layout, *, chatty: bool) -> None:
        self._layout = layout
        self._chatty = chatty
        self._leaving = False
        self._console = Console(highlight=False, markup=False, soft_wrap=True)
        self._width = max(len(node_id) for node_id in layout.addresses)
        self._colours = {
            node_id: _COLOURS[number % len(_COLOURS)]
            for number, node_id in enumerate(layout.addresses)
        }

    def show(self, node_id: str, line: str) -> None:
        """One line of a node's log: its clock's time of day, the level if it matters, the words."""
        parts = parse_log_line(line)
        if parts is not None and parts.level == "INFO" and self._is_noise(parts.message):
            return
        name = Text(f"{node_id:<{self._width}} | ", style=self._colours[node_id])
        self._console.print(name + self._painted(line, parts))

    def _is_noise(self, message: str) -> bool:
        return not self._chatty and (self._leaving or _CHATTER.fullmatch(message) is not None)

    def _painted(self, line: str, parts: LogLine | None) -> Text:
        if parts is None:
            return Text(line)
        text = Text().append(parts.when.partition("T")[2].removesuffix("Z") + " ", style="dim")
        text.append(f"{parts.level} ", style=_LEVELS.get(parts.level, "default"))
        return text.append(parts.message, style="default")

    def say(self, words: str) -> None:
        """A line of our own."""
        self._console.print(Text(f"dev: {words}", style="bold"))

    def say_leaving(self) -> None:
        """That the cluster stops; from now on nodes are heard only if something is wrong."""
        self._leaving = True
        self.say("stopping; Ctrl-C again stops at once")

    def say_beginning(self) -> None:
        """What is being started, and where."""
        addresses = ", ".join(
            f"{node} at {where}" for node, where in self._layout.addresses.items()
        )
        self.say(f"starting {addresses}")
        self.say(f"the data is in {self._layout.data_dir}")

    def say_commands(self, *, serving: bool) -> None:
        """Commands that work when pasted as they stand, each to another node."""
        nodes = list(self._layout.addresses.values())
        key = "v1/kv/greeting"
        swap = '{"old": "aGVsbG8=", "new": "Z29vZGJ5ZQ=="}'  # hello, goodbye
        when = "the cluster serves" if serving else "once the cluster has a leader"
        self.say(f"{when}: try, in another terminal, on any node")
        for command in (
            f"curl -L -X PUT --data-binary hello http://{nodes[0]}/{key}",
            f"curl -L http://{nodes[1 % len(nodes)]}/{key}",
            f"curl -L -d '{swap}' http://{nodes[-1]}/v1/cas/greeting",
            f"curl -L -X DELETE http://{nodes[2 % len(nodes)]}/{key}",
            f"curl http://{nodes[-1]}/v1/status",
        ):
            self._console.print(f"  {command}")
        self.say("Ctrl-C stops the cluster")

    def say_death(self, ended: Ended, command: Sequence[str]) -> None:
        """Who died, how, its last words, and how to have it back."""
        self._console.print(Text(f"dev: {ended.node_id} died ({ended})", style="bold red"))
        if ended.last_lines:
            self.say("its last lines:")
            for line in ended.last_lines:
                self._console.print(Text("     ") + self._painted(line, parse_log_line(line)))
        self.say(f"to start it again: {shlex.join(command)}")
