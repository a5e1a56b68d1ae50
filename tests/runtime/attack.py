"""An attack on a running node: hostile openings and frames, and what it did with each of them.

The node is a process of its own, so what is measured of it is its own.  One connection follows
another; a connection ends with the first frame that no node can say, and the node has to close it
by itself.  One that it leaves open is a stuck task.
"""

from __future__ import annotations

import socket
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from huffleraft.runtime.frames import MAGIC, FrameReader
from huffleraft.runtime.handshake import HELLO_BYTES_MAX, Welcome, decode_answer, opening
from tests.cli.processes import PATIENCE
from tests.runtime.hostile import NOTHING, Forge
from tests.runtime.judge import Judge, is_believed, is_news

GROWTH_MAX = 64 << 20
"""Bytes that a node may grow by, at its highest, whatever is said to it."""

_FRAMES_A_CONNECTION = 50
_HALVES = 2
"""So often a frame's rest may be missing: it is then made of what follows, which is not judged."""
_OPENINGS = 10
"""One connection in so many has a hostile opening."""


@dataclass
class Tally:
    """What was sent, and what became of it."""

    frames: Counter[str] = field(default_factory=Counter)
    """By what was wrong with them."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Frames by what the node made of them."""
    openings: Counter[str] = field(default_factory=Counter)
    """Openings by what the node answered."""
    withheld: int = 0
    """News that Raft has to believe of a member: drawn, and not sent."""

    @property
    def spoilt(self) -> int:
        """How many frames had something wrong with them."""
        return self.frames.total() - self.frames[NOTHING]

    def report(self) -> str:
        """All of it, in lines for a person."""
        sent = f"{self.frames.total()} frames on the wire, {self.spoilt} of them spoilt"
        lines = [f"{sent}; {self.withheld} withheld as news"]
        for heading, counts in (
            ("sent, by what was wrong", self.frames),
            ("became, by what the node made of it", self.outcomes),
            ("openings, by what was answered", self.openings),
        ):
            lines.append(f"{heading}:")
            lines += [f"  {count:7} {what}" for what, count in counts.most_common()]
        return "\n".join(lines)


class Attack:
    """Hostile connections to the node at *address*, as *forge* draws them."""

    def __init__(self, address: str, forge: Forge, *, patience: float = PATIENCE) -> None:
        host, _, port = address.rpartition(":")
        self._where = (host, int(port))
        self._forge = forge
        self._patience = patience
        self.tally = Tally()

    def run(self, frames: int) -> None:
        """Send that many spoilt frames, and good ones between them."""
        connections, goal = 0, self.tally.spoilt + frames
        while self.tally.spoilt < goal:
            self._frames()
            connections += 1
            if connections % _OPENINGS == 0:
                self._opening()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._where, timeout=self._patience)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _frames(self) -> None:
        """One connection of a peer that is welcome, until what it says is refused."""
        judge = Judge(self._forge.hello.node_id)
        sent, refusal, halves = b"", None, 0
        for _ in range(_FRAMES_A_CONNECTION):
            drawn = self._forge.frame()
            trial = Judge(self._forge.hello.node_id) if not judge.waiting else None
            if trial is not None and any(map(is_news, trial.hear(drawn.sent)[0])):
                self.tally.withheld += 1
                continue
            messages, refusal = judge.hear(drawn.sent)
            if any(map(is_news, messages)):
                # It fits to the half frame before it, and cannot be taken back: end here.
                self.tally.withheld += 1
                break
            sent += drawn.sent
            self.tally.frames[drawn.wrong] += 1
            if refusal is not None:
                self.tally.outcomes[f"refused: {refusal}"] += 1
                break
            halves += judge.waiting
            self.tally.outcomes["the rest awaited" if judge.waiting else "taken"] += 1
            if halves == _HALVES:
                break
        with self._connect() as connection:
            connection.sendall(opening(self._forge.hello))
            self._welcome(connection)
            _send(connection, sent)
            if refusal is None:
                _say_no_more(connection)
            self._until_closed(connection, f"frames that end with {sent[-80:]!r}")

    def _welcome(self, connection: socket.socket) -> None:
        reader, heard = FrameReader(HELLO_BYTES_MAX), b""
        while len(heard) < len(MAGIC):
            heard += _received(connection)
        bodies = reader.feed(heard[len(MAGIC) :])
        while not bodies:
            bodies = reader.feed(_received(connection))
        said = decode_answer(bodies[0])
        assert isinstance(said, Welcome), f"a member was refused: {said}"

    def _opening(self) -> None:
        drawn = self._forge.opening()
        if is_believed(drawn.sent, self._forge.hello):
            self.tally.withheld += 1
            return
        with self._connect() as connection:
            _send(connection, drawn.sent)
            _say_no_more(connection)
            heard = self._until_closed(connection, f"the opening {drawn.sent[:80]!r}")
        self.tally.openings[f"{drawn.wrong}: {_told(heard)}"] += 1

    def _until_closed(self, connection: socket.socket, after: str) -> bytes:
        heard = b""
        try:
            while piece := connection.recv(65_536):
                heard += piece
        except ConnectionError:  # it closed before it had read all
            pass
        except TimeoutError:
            raise AssertionError(f"the node left a connection open after {after}") from None
        return heard


def _send(connection: socket.socket, sent: bytes) -> None:
    with suppress(ConnectionError):  # it may have heard enough already
        connection.sendall(sent)


def _say_no_more(connection: socket.socket) -> None:
    with suppress(OSError):  # it may have closed already, which there are many words for
        connection.shutdown(socket.SHUT_WR)


def _received(connection: socket.socket) -> bytes:
    received = connection.recv(4_096)
    assert received, "the node closed the connection of a member before it was welcomed"
    return received


def _told(heard: bytes) -> str:
    if not heard:
        return "closed"
    if heard.startswith(b"HTTP/1.1 "):
        return f"HTTP {heard[9:12].decode()}"
    assert heard.startswith(MAGIC), f"a node said {heard[:80]!r}"
    (body,) = FrameReader(HELLO_BYTES_MAX).feed(heard[len(MAGIC) :])
    return "welcomed" if isinstance(decode_answer(body), Welcome) else "refused by name"


# What the system says of the node's process.


class Resources:
    """How much a process holds, beyond what it held at first."""

    def __init__(self, pid: int) -> None:
        self._at = Path(f"/proc/{pid}")
        (self._at / "clear_refs").write_text("5")  # its peak is what it holds now
        self._resident = self._kib("VmRSS")
        self._descriptors = self._count("fd")
        self._threads = self._count("task")

    @property
    def growth(self) -> int:
        """Bytes: how much more it held at its peak."""
        return (self._kib("VmHWM") - self._resident) << 10

    def left_behind(self) -> tuple[int, int]:
        """Descriptors and threads that were not there before."""
        return self._count("fd") - self._descriptors, self._count("task") - self._threads

    def _kib(self, name: str) -> int:
        for line in (self._at / "status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
        raise AssertionError(f"the system does not tell {name}")

    def _count(self, kind: str) -> int:
        return len(list((self._at / kind).iterdir()))
