"""Two kept parsers behind one small protocol: httptools, and h11 as its plain twin.

httptools is llhttp, fast, and in C; h11 is Python, slower, and strict.  Neither is asked for
more than where a head, a body and their end are.  What a request may be is decided once, in
`connection`, so that the two agree on it; one test-suite runs over both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

import h11
import httptools


class Malformed(Exception):  # noqa: N818  # a fact is named for what happened
    """The bytes are no HTTP; the message is the end of a sentence."""


class Sink(Protocol):
    """What a parser tells, in the order of the bytes."""

    def on_message_begin(self) -> None:
        """The first byte of a request came."""
        ...

    def on_head(
        self, method: bytes, target: bytes, version: str, headers: list[tuple[bytes, bytes]]
    ) -> None:
        """A request's line and headers are whole.  Names may be in any case."""
        ...

    def on_body(self, body: bytes) -> None:
        """A piece of the body, with any transfer coding undone."""
        ...

    def on_message_complete(self) -> None:
        """The request is whole."""
        ...


class Parser(Protocol):
    """Bytes in, calls of a `Sink` out."""

    def feed(self, data: bytes) -> None:
        """Parse *data*.  Raises Malformed; the parser is then of no more use."""
        ...


MakeParser: TypeAlias = Callable[[Sink], Parser]


class HttptoolsParser:
    """llhttp, by way of httptools."""

    __slots__ = ("_headers", "_in_head", "_parser", "_sink", "_target", "on_body")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.on_body = sink.on_body
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._in_head = True
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> None:
        """Parse *data*; an offer to switch protocols is declined by going on."""
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as offered:
                data = data[offered.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
            except httptools.HttpParserCallbackError as error:
                # Our own mistake, not the client's: let it be seen as what it is.
                raise error.__context__ or error from None
            except httptools.HttpParserError as error:
                raise Malformed(str(error) or type(error).__name__) from None
            else:
                return

    # What httptools calls.

    def on_message_begin(self) -> None:
        """A new request begins."""
        self._target = b""
        self._headers = []
        self._in_head = True
        self._sink.on_message_begin()

    def on_url(self, piece: bytes) -> None:
        """A piece of the target."""
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; after the head these are trailers, which mean nothing here."""
        if self._in_head:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        parser = self._parser
        self._sink.on_head(
            parser.get_method(), self._target, parser.get_http_version(), self._headers
        )

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._sink.on_message_complete()


_H11_HEAD_MAX: Final = 16 << 10


class H11Parser:
    """h11, which minds both sides of a connection; of it only the client's side is used.

    It would wait for our answer before it looked at the next request.  The connection object
    keeps that order itself, so each request has an h11 connection of its own.
    """

    __slots__ = ("_begun", "_connection", "_sink")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._begun = False
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_H11_HEAD_MAX)

    def feed(self, data: bytes) -> None:
        """Parse *data*."""
        if not data:  # which to h11 would be the end of the stream
            return
        try:
            self._receive(data)
            while self._next():
                pass
        except h11.RemoteProtocolError as error:
            raise Malformed(str(error)) from None

    def _receive(self, data: bytes) -> None:
        if not self._begun:
            self._begun = True
            self._sink.on_message_begin()
        self._connection.receive_data(data)

    def _next(self) -> bool:
        match self._connection.next_event():
            case h11.Request() as request:
                self._sink.on_head(
                    request.method,
                    request.target,
                    request.http_version.decode("ascii"),
                    list(request.headers),
                )
            case h11.Data() as piece:
                self._sink.on_body(bytes(piece.data))
            case h11.EndOfMessage():
                self._sink.on_message_complete()
                rest, _ended = self._connection.trailing_data
                self._connection = h11.Connection(
                    h11.SERVER, max_incomplete_event_size=_H11_HEAD_MAX
                )
                self._begun = False
                if not rest:
                    return False
                self._receive(rest)
            case _:  # NEED_DATA; PAUSED cannot be, as no answer is ever awaited
                return False
        return True
