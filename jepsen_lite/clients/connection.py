"""One HTTP/1.1 connection, kept: h11 parses, asyncio's streams carry.

Measured beside five nodes on two cores: a request costs the harness a fraction of what a full HTTP
client takes, and a harness that takes the nodes' time for itself measures itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import h11

from jepsen_lite.clients.answers import Asking, Response

BODY_BYTES_MAX: Final = 4 << 20
"""No answer of ours is longer."""

_READ_BYTES: Final = 64 << 10


class NoConnection(Exception):  # noqa: N818  # a fact is named for what happened
    """No connection could be made, so nothing was asked: definite."""


class Broken(Exception):  # noqa: N818  # a fact is named for what happened
    """The connection ended, or spoke something else, before the answer was whole: indefinite."""


class Connection:
    """An open connection to one address.  After `Broken`, or a cancelled exchange, close it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, address: str) -> Connection:
        """Connect to *address*, host:port.  Raises NoConnection."""
        host, _, port = address.rpartition(":")
        try:
            return cls(*await asyncio.open_connection(host.strip("[]"), int(port)))
        except (OSError, ValueError) as error:
            raise NoConnection(f"{type(error).__name__}: {error}") from error

    @property
    def usable(self) -> bool:
        """Whether another request may be sent: both sides keep it open, as far as we know."""
        return (
            self._http.our_state is h11.IDLE
            and not self._reader.at_eof()
            and not self._writer.is_closing()
        )

    async def exchange(self, asking: Asking, headers: Mapping[str, str]) -> Response:
        """Send one request and read its whole answer.  Raises Broken."""
        try:
            self._write(asking, headers)
            return await self._read()
        except (OSError, h11.RemoteProtocolError) as error:
            raise Broken(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """End it, both ways, at once."""
        self._writer.transport.abort()
        with suppress(OSError):
            await self._writer.wait_closed()

    def _write(self, asking: Asking, headers: Mapping[str, str]) -> None:
        http = self._http
        head = [("Host", "cluster"), ("Content-Length", str(len(asking.body))), *headers.items()]
        request = h11.Request(method=asking.method, target=asking.target, headers=head)
        parts = (
            http.send(request) or b"",
            (http.send(h11.Data(data=asking.body)) or b"") if asking.body else b"",
            http.send(h11.EndOfMessage()) or b"",
        )
        self._writer.write(b"".join(parts))

    async def _read(self) -> Response:
        status, headers, body = 0, {}, bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                received = await self._reader.read(_READ_BYTES)
                if not received:
                    raise Broken("the connection ended before the answer did")
                self._http.receive_data(received)
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > BODY_BYTES_MAX:
                    raise Broken(f"the answer has more than {BODY_BYTES_MAX} bytes")
            elif isinstance(event, h11.EndOfMessage):
                if self._http.their_state is h11.DONE and self._http.our_state is h11.DONE:
                    self._http.start_next_cycle()
                return Response(status, headers, bytes(body))
            elif isinstance(event, h11.ConnectionClosed):
                raise Broken("the connection ended before the answer began")
