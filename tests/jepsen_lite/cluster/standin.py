"""A process that looks like a node from outside: `python -m tests.jepsen_lite.cluster.standin`.

It takes the command line of `serve`, says `ready`, calls its peers with the product's handshake,
sends them heartbeats, and answers `/v1/status`.  Whoever is the first by name among a majority that
hear each other leads, in a new term.  Its leader lets newcomers in and members out, whose list it
tells with each heartbeat.  It keeps nothing but that list, its term and its boot number, and
promises nothing: it is here to be broken, so that the harness can be tested without what it is to
judge.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

from huffleraft.runtime.frames import MAGIC, FrameReader, framed
from huffleraft.runtime.handshake import VERSIONS, Hello, decode_hello, opening

HEARTBEAT = 0.03
SILENCE = 0.25
KEPT = 40
"""What the log keeps; who is further behind installs a snapshot."""

REMOVED = 19


class StandIn:
    def __init__(self, options: dict[str, str]) -> None:
        self.node, self.advertise = options["id"], options["advertise"]
        self.data = Path(options["data-dir"])
        self.data.mkdir(parents=True, exist_ok=True)
        self.boot = int(self._kept("boot", "0")) + 1
        self._keep("boot", str(self.boot))
        founders = options.get("bootstrap", "")
        members = dict(pair.split("=") for pair in founders.split(",") if pair)
        self.seeds = [seed for seed in options.get("join", "").split(",") if seed]
        kept = json.loads(self._kept("members", "null")) or [int(bool(members)), members]
        self.version: int = kept[0]
        self.members: dict[str, str] = kept[1]
        self.term = int(self._kept("term", "0"))
        self.last_index = self.installs = 0
        self.leader: str | None = None
        self.heard: dict[str, float] = {}
        self.beats: dict[str, asyncio.Task[None]] = {}

    def _kept(self, name: str, otherwise: str) -> str:
        file = self.data / name
        return file.read_text() if file.exists() else otherwise

    def _keep(self, name: str, text: str) -> None:
        """All of it or nothing: whoever writes may be killed."""
        half = self.data / f"{name}.half"
        half.write_text(text)
        half.replace(self.data / name)

    def hearing(self) -> list[str]:
        """Who was heard of late; hearing alone makes a one-way cut invisible, as it should be."""
        now = asyncio.get_running_loop().time()
        heard = {node for node, when in self.heard.items() if now - when < SILENCE}
        return sorted((heard | {self.node}) & self.members.keys(), key=_number)

    def judge(self) -> None:
        hearing = self.hearing()
        if self.node not in self.members or len(hearing) * 2 <= len(self.members):
            self.leader = None
        elif self.leader not in hearing and hearing[0] == self.node:
            own = _number(self.node)  # so that no two of us ever lead in one term
            above = range(self.term + 1, self.term + 102)
            self.enter(next(term for term in above if term % 101 == own), self.node)
        if self.leader == self.node:
            self._grow(int(asyncio.get_running_loop().time() * 100))

    def enter(self, term: int, leader: str | None) -> None:
        if term != self.term:
            self._keep("term", str(term))
        self.term, self.leader = term, leader

    def _grow(self, last_index: int) -> None:
        if last_index > self.last_index + KEPT and self.leader != self.node:
            self.installs += 1
        self.last_index = max(self.last_index, last_index)

    def said(self) -> dict[str, object]:
        self.judge()
        return {
            "node": self.node, "term": self.term, "leader": self.leader, "last": self.last_index,
            "version": self.version, "members": self.members,
        }  # fmt: skip

    def take(self, said: dict[str, Any]) -> None:
        self.heard[said["node"]] = asyncio.get_running_loop().time()
        term, leader = said["term"], said["leader"]
        if term > self.term or (term == self.term and leader is not None):
            self.enter(term, leader)
        if leader is not None:
            self._grow(said["last"])
        self.adopt(said["version"], said["members"])

    def adopt(self, version: int, members: dict[str, str]) -> None:
        if version <= self.version:
            return
        was_member = self.node in self.members
        self.version, self.members = version, members
        self._keep("members", json.dumps([version, members]))
        if was_member and self.node not in members:
            asyncio.get_running_loop().call_later(3 * HEARTBEAT, os._exit, REMOVED)

    def change(self, members: dict[str, str]) -> tuple[int, object]:
        """What was asked of the leader."""
        self.judge()
        if self.leader != self.node:
            return 503, {}
        self.adopt(self.version + (members != self.members), members)
        return 200, {"version": self.version, "members": self.members}

    async def call(self) -> None:
        """Call whoever is a member, and as a newcomer ask to be one."""
        while True:
            for peer in self.members:
                if peer != self.node and peer not in self.beats:
                    self.beats[peer] = asyncio.create_task(self.beat(peer))
            if self.node not in self.members and self.seeds:
                for seed in self.seeds:
                    await self.ask(seed)
            await asyncio.sleep(HEARTBEAT)

    async def ask(self, seed: str) -> None:
        host, port = seed.split(":")
        body = json.dumps({"id": self.node, "address": self.advertise}).encode()
        head = f"POST /v1/members HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(host, int(port))
            with contextlib.closing(writer):
                writer.write(head + body)
                said = await reader.readuntil(b"\r\n\r\n")
                found = json.loads(await reader.readexactly(_length(said)))
                if found:
                    self.adopt(found["version"], found["members"])

    async def beat(self, peer: str) -> None:
        host, port = self.members[peer].split(":")
        while peer in self.members or self.leader == self.node:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(host, int(port))
                with contextlib.closing(writer):
                    writer.write(opening(Hello(VERSIONS, "standin", self.node, self.boot)))
                    while not writer.is_closing():
                        writer.write(framed(json.dumps(self.said()).encode()))
                        await writer.drain()
                        await asyncio.sleep(HEARTBEAT)
            await asyncio.sleep(HEARTBEAT)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            first = await reader.readexactly(len(MAGIC))
            if first == MAGIC:
                await self._listen(reader)
                return
            while True:
                request = first + await reader.readuntil(b"\r\n\r\n")
                first = b""
                writer.write(_response(*self._respond(request, await _body(reader, request))))

    def _respond(self, request: bytes, body: bytes) -> tuple[int, object]:
        if request.startswith(b"POST"):
            wish = json.loads(body)
            return self.change({**self.members, wish["id"]: wish["address"]})
        if request.startswith(b"DELETE"):
            gone = request.split()[1].rpartition(b"/")[2].decode()
            if gone not in self.members:
                return 404, {}
            return self.change({one: at for one, at in self.members.items() if one != gone})
        return 200, self._status(with_hash=b"hash=true" in request)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        frames = FrameReader()
        is_first = True
        while data := await reader.read(65_536):
            for body in frames.feed(data):
                if is_first:
                    decode_hello(body)
                    is_first = False
                else:
                    self.take(json.loads(body))

    def _status(self, *, with_hash: bool) -> dict[str, object]:
        self.judge()
        return {
            "id": self.node,
            "boot": self.boot,
            "role": "leader" if self.leader == self.node else "follower",
            "term": self.term,
            "leader": self.leader,
            "commit_index": self.term,
            "last_applied": self.term,
            "first_index": max(self.last_index - KEPT, 1),
            "last_index": self.last_index,
            "installs": self.installs,
            "configuration": {"voters": sorted(self.members), "addresses": self.members},
            "ready": self.leader is not None,
            "hash": "same" if with_hash else None,
            "hash_index": self.term if with_hash else None,
            "version": "a field that nobody judges",
        }


def _number(node: str) -> int:
    return int(node.removeprefix("n"))


def _length(head: bytes) -> int:
    found = re.search(rb"content-length: (\d+)", head.lower())
    return int(found[1]) if found else 0


async def _body(reader: asyncio.StreamReader, request: bytes) -> bytes:
    return await reader.readexactly(_length(request))


def _response(status: int, said: object) -> bytes:
    body = json.dumps(said).encode()
    return b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


async def serve(options: dict[str, str]) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    node = StandIn(options)
    server = await asyncio.start_server(node.answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(
        f"ready id={node.node} listen=127.0.0.1:{port} advertise={options['advertise']} "
        f"boot={node.boot}\n"
    )
    sys.stdout.flush()
    calls = asyncio.create_task(node.call())
    await stopped.wait()
    for task in (calls, *node.beats.values()):
        task.cancel()


def main(arguments: list[str]) -> int:
    options = dict(argument.removeprefix("--").split("=", 1) for argument in arguments[1:])
    if "die" in options:
        sys.stderr.write(f"{options['die']}\n")
        return 17
    asyncio.run(serve(options))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
