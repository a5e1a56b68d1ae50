"""Two small nodes behind a real proxy: listeners that show each connection as it is accepted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from huffleraft.runtime.handshake import VERSIONS, Hello, opening
from jepsen_lite.proxy import Proxy, ProxyReport

PATIENCE = 10.0


@dataclass(frozen=True)
class Line:
    """One end of a TCP connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def receive(self, count: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(count), PATIENCE)

    async def rest(self) -> bytes:
        """All until the end; ConnectionResetError if that is a reset."""
        return await asyncio.wait_for(self.reader.read(), PATIENCE)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await asyncio.wait_for(self.writer.drain(), PATIENCE)

    def has_received_nothing(self) -> bool:
        """Whether no byte lies in the reader: looked at after the proxy counted it as held."""
        return not self.reader._buffer  # type: ignore[attr-defined]

    @property
    def remote_port(self) -> int:
        port = self.writer.get_extra_info("peername")[1]
        assert isinstance(port, int)
        return port


class Node:
    """A listener that answers nothing by itself."""

    def __init__(self) -> None:
        self.accepted: asyncio.Queue[Line] = asyncio.Queue()
        self._lines: list[Line] = []
        self._servers: list[asyncio.Server] = []

    async def listen(self) -> int:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._servers.append(server)
        port = server.sockets[0].getsockname()[1]
        assert isinstance(port, int)
        return port

    async def met(self) -> Line:
        return await asyncio.wait_for(self.accepted.get(), PATIENCE)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer)
        self._lines.append(line)
        await self.accepted.put(line)

    def close(self) -> None:
        for server in self._servers:
            server.close()
        for line in self._lines:
            line.writer.close()


@dataclass(frozen=True)
class Network:
    """A proxy for n1, n2 and n3, of which n2 and n3 listen."""

    proxy: Proxy
    n2: Node
    n3: Node
    lines: list[Line]

    async def dial(self, node: str) -> Line:
        host, port = self.proxy.addresses[node].split(":")
        line = Line(*await asyncio.open_connection(host, int(port)))
        self.lines.append(line)
        return line

    async def until(self, true: Callable[[ProxyReport], bool]) -> ProxyReport:
        """The first report of the proxy that is *true*."""
        async with asyncio.timeout(PATIENCE):
            while not true(report := await self.proxy.report()):
                pass
        return report


def hello(node: str, boot: int = 1) -> bytes:
    return opening(Hello(VERSIONS, "test", node, boot))


@asynccontextmanager
async def network() -> AsyncIterator[Network]:
    n2, n3 = Node(), Node()
    lines: list[Line] = []
    async with Proxy.start(("n1", "n2", "n3")) as proxy:
        await proxy.point("n2", await n2.listen())
        await proxy.point("n3", await n3.listen())
        try:
            yield Network(proxy, n2, n3, lines)
        finally:
            for line in lines:
                line.writer.close()
            n2.close()
            n3.close()
