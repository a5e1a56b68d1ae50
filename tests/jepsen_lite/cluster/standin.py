"""A process that looks like a node from outside: `python -m tests.jepsen_lite.cluster.standin`.

It takes the command line of `serve`, says `ready`, calls its peers with the product's handshake,
sends them heartbeats, and answers `/v1/status`.  Whoever is the first by name among a majority that
hear each other leads, in a new term.  It keeps nothing but its boot number, and promises nothing:
it is here to be broken, so that the harness can be tested without what it is to judge.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path

from huffleraft.runtime.frames import MAGIC, FrameReader, framed
from huffleraft.runtime.handshake import VERSIONS, Hello, decode_hello, opening

HEARTBEAT = 0.03
SILENCE = 0.25


class StandIn:
    def __init__(self, options: dict[str, str]) -> None:
        self.node = options["id"]
        self.addresses = dict(pair.split("=") for pair in options["bootstrap"].split(","))
        self.boot = self._next_boot(Path(options["data-dir"]))
        self.term = 0
        self.leader: str | None = None
        self.heard: dict[str, float] = {}

    @staticmethod
    def _next_boot(data_dir: Path) -> int:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = data_dir / "boot"
        boot = int(file.read_text()) + 1 if file.exists() else 1
        file.write_text(str(boot))
        return boot

    def hearing(self) -> list[str]:
        """Who was heard of late; hearing alone makes a one-way cut invisible, as it should be."""
        now = asyncio.get_running_loop().time()
        return sorted(
            {self.node, *(node for node, when in self.heard.items() if now - when < SILENCE)}
        )

    def judge(self) -> None:
        hearing = self.hearing()
        if len(hearing) * 2 <= len(self.addresses):
            self.leader = None
        elif self.leader not in hearing and hearing[0] == self.node:
            self.term = self._own_term_above(self.term)
            self.leader = self.node

    def _own_term_above(self, term: int) -> int:
        """Terms go round by name, so that no two of us ever lead in one."""
        own, size = sorted(self.addresses).index(self.node), len(self.addresses)
        return next(more for more in range(term + 1, term + 1 + size) if more % size == own)

    def take(self, said: dict[str, object]) -> None:
        node, term, leader = said["node"], said["term"], said["leader"]
        assert isinstance(node, str)
        assert isinstance(term, int)
        self.heard[node] = asyncio.get_running_loop().time()
        if term > self.term or (term == self.term and leader is not None):
            self.term, self.leader = term, None if leader is None else str(leader)

    async def beat(self, peer: str) -> None:
        host, port = self.addresses[peer].split(":")
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(host, int(port))
                with contextlib.closing(writer):
                    writer.write(opening(Hello(VERSIONS, "standin", self.node, self.boot)))
                    while not writer.is_closing():
                        self.judge()
                        said = {"node": self.node, "term": self.term, "leader": self.leader}
                        writer.write(framed(json.dumps(said).encode()))
                        await writer.drain()
                        await asyncio.sleep(HEARTBEAT)
            await asyncio.sleep(HEARTBEAT)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            first = await reader.readexactly(len(MAGIC))
            if first == MAGIC:
                await self._listen(reader)
            else:
                while True:
                    request = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._status(with_hash=b"hash=true" in request))

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

    def _status(self, *, with_hash: bool) -> bytes:
        self.judge()
        body = json.dumps(
            {
                "id": self.node,
                "boot": self.boot,
                "role": "leader" if self.leader == self.node else "follower",
                "term": self.term,
                "leader": self.leader,
                "commit_index": self.term,
                "last_applied": self.term,
                "ready": self.leader is not None,
                "hash": "same" if with_hash else None,
                "hash_index": self.term if with_hash else None,
                "version": "a field that nobody judges",
            }
        ).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


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
    beats = [asyncio.create_task(node.beat(peer)) for peer in node.addresses if peer != node.node]
    await stopped.wait()
    for beat in beats:
        beat.cancel()


def main(arguments: list[str]) -> int:
    options = dict(argument.removeprefix("--").split("=", 1) for argument in arguments[1:])
    if "die" in options:
        sys.stderr.write(f"{options['die']}\n")
        return 17
    asyncio.run(serve(options))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
