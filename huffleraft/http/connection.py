"""One client's HTTP/1.1 connection, without the socket: bytes in, whole requests and bytes out.

How bytes arrive may change without touching what they mean, so this object knows no stream, no
clock and no task.  Whoever drives it does three things:

1. `receive` what came in, then `take` until there is nothing;
2. answer each request taken, in its order, with the bytes of `respond`;
3. when `take` has nothing, send `interim()` and wait for more bytes, unless `closing`.

Bounds are looked at before memory is taken.  A head, a body and one slice of further requests
are the most that is ever held: the next slice is parsed when all requests of the last one have
been taken, and whoever drives it reads on only then, which is what bounds pipelining.

What breaks the rules is refused once, in one sentence, after the answers to what came before;
nothing that follows is looked at, since where it begins is no longer known.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Final

from huffleraft.http.limits import HEAD_BYTES_MAX, HEADERS_MAX, SLICE_BYTES, body_bytes_max
from huffleraft.http.messages import Request, Response, render
from huffleraft.http.parsers import HttptoolsParser, MakeParser, Malformed
from huffleraft.http.problems import (
    Problem,
    body_too_large,
    head_too_large,
    malformed,
    refused,
)

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Phase(Enum):
    """What the connection waits for, and so which deadline holds."""

    IDLE = "a request"
    HEAD = "the request's head"
    BODY = "the request's body"


class Connection:
    """The state of one connection between what arrives and what it means."""

    __slots__ = (
        "_body",
        "_body_bytes",
        "_body_max",
        "_continue_due",
        "_head",
        "_last",
        "_parser",
        "_refusal",
        "_requests",
        "_unmarked",
        "_unparsed",
        "closing",
        "phase",
    )

    def __init__(self, make_parser: MakeParser = HttptoolsParser) -> None:
        self.phase = Phase.IDLE
        self.closing = False
        """Whether the last response to be given has been: nothing more will be taken."""
        self._parser = make_parser(self)
        self._unparsed: bytes = b""
        self._requests: deque[Request] = deque()
        self._refusal: Problem | None = None
        self._last = False  # a request was the last that the client will send
        self._unmarked = 0  # bytes parsed since a head, a piece of a body, or an end came of them
        self._continue_due = False
        # The request that is coming in; its body is not in it yet.
        self._head: Request | None = None
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._body_max = 0

    # For whoever drives it.

    def receive(self, data: bytes) -> None:
        """Take what arrived.  Call it only when `take` has nothing left."""
        self._unparsed = self._unparsed + data if self._unparsed else data

    def take(self) -> Request | Problem | None:
        """The next whole request, or why there will be none; None if more bytes are needed.

        A Problem is to be answered like a request, and is the last there is.
        """
        while not self._requests:
            if self._refusal is not None:
                refusal, self._refusal = self._refusal, None
                self._last, self._unparsed = True, b""
                return refusal
            if self._last or not self._unparsed:
                return None
            self._parse_a_slice()
        return self._requests.popleft()

    def respond(self, request: Request, response: Response, *, keep_alive: bool = True) -> bytes:
        """The bytes of *response* to *request*.  Without *keep_alive* it is the last."""
        keep_alive = keep_alive and request.keep_alive
        if not keep_alive:
            self.closing = True
        return render(
            response,
            head=request.method == "HEAD",
            keep_alive=keep_alive,
            http_1_1=request.http_1_1,
        )

    def refuse(self, response: Response) -> bytes:
        """The bytes of *response* as the connection's last, to what was no request."""
        self.closing = True
        return render(response, head=False, keep_alive=False, http_1_1=True)

    def interim(self) -> bytes:
        """What is to be sent before more is awaited: leave to send the body, where it was asked."""
        if not self._continue_due:
            return b""
        self._continue_due = False
        return _CONTINUE

    # Parsing.

    def _parse_a_slice(self) -> None:
        unparsed = self._unparsed
        if len(unparsed) <= SLICE_BYTES:
            piece, self._unparsed = unparsed, b""
        else:
            piece, self._unparsed = unparsed[:SLICE_BYTES], unparsed[SLICE_BYTES:]
        self._unmarked += len(piece)
        try:
            self._parser.feed(piece)
        except Malformed as error:
            self._refuse(malformed(f"{error}; send HTTP/1.1"))
        if self._unmarked > HEAD_BYTES_MAX:
            self._refuse(head_too_large(HEAD_BYTES_MAX, "bytes"))

    def _refuse(self, problem: Problem) -> None:
        """Remember the first thing that was wrong, unless nothing more was to come anyway."""
        if self._refusal is None and not self._last:
            self._refusal = problem

    # What the parser tells.

    def on_message_begin(self) -> None:
        """The first byte of a request came."""
        self.phase = Phase.HEAD

    def on_head(
        self, method: bytes, target: bytes, version: str, headers: list[tuple[bytes, bytes]]
    ) -> None:
        """A head is whole: decide whether its body is wanted."""
        self._unmarked = 0
        if self._refusal is not None or self._last:
            return
        verdict = _judge_head(method, target, version, headers)
        if isinstance(verdict, Problem):
            self._refusal = verdict
            return
        self._head = verdict
        self.phase = Phase.BODY
        self._body_max = body_bytes_max(verdict.path)
        self._judge_framing(verdict)

    def _judge_framing(self, head: Request) -> None:
        """Look at what the head says of the body, before any of it is read."""
        length: int | None = None
        chunked = expects = False
        for name, value in head.headers:
            if name == b"content-length":
                # Both parsers refuse what is no number and two that differ.
                length = int(value)
            elif name == b"transfer-encoding":
                chunked = True
                if value.lower() != b"chunked":
                    self._refusal = refused(
                        501,
                        "transfer-coding-unknown",
                        "the body has a transfer coding other than chunked; send it chunked or "
                        "with its length",
                    )
            elif name == b"expect":
                expects = value.lower() == b"100-continue"
                if not expects:
                    self._refusal = refused(
                        417, "expectation-failed", "only 100-continue can be expected here"
                    )
        if chunked and (length is not None or not head.http_1_1):
            self._refusal = malformed("its body is chunked, and so can have no length beside it")
        if length is not None and length > self._body_max:
            self._refusal = body_too_large(length, self._body_max)
        self._continue_due = (
            expects and head.http_1_1 and (chunked or bool(length)) and self._refusal is None
        )

    def on_body(self, body: bytes) -> None:
        """A piece of the body came."""
        if self._head is None or self._refusal is not None:
            return
        self._unmarked = 0
        self._continue_due = False
        self._body_bytes += len(body)
        if self._body_bytes > self._body_max:
            self._body.clear()
            self._refusal = body_too_large(None, self._body_max)
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._unmarked = 0
        head, self._head = self._head, None
        if head is None or self._refusal is not None:
            return
        if self._body:
            pieces, self._body, self._body_bytes = self._body, [], 0
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            head = Request(
                head.method,
                head.path,
                head.query,
                head.headers,
                body,
                head.keep_alive,
                head.http_1_1,
            )
        self.phase = Phase.IDLE
        self._continue_due = False
        self._last = not head.keep_alive
        self._requests.append(head)


def _judge_head(
    method: bytes, target: bytes, version: str, headers: list[tuple[bytes, bytes]]
) -> Request | Problem:
    """The request that a head begins, or what is wrong with it."""
    if version not in ("1.1", "1.0"):
        return refused(
            505, "http-version-unknown", f"HTTP/{version[:8]} is not spoken here; send HTTP/1.1"
        )
    if len(headers) > HEADERS_MAX:
        return head_too_large(HEADERS_MAX, "headers")
    size = len(method) + len(target)
    hosts = 0
    connection = b""
    lowered = []
    for name, value in headers:
        size += len(name) + len(value) + 4
        low = name.lower()
        lowered.append((low, value))
        if low == b"host":
            hosts += 1
        elif low == b"connection":
            connection += b"," + value.lower()
    if size > HEAD_BYTES_MAX:
        return head_too_large(HEAD_BYTES_MAX, "bytes")
    http_1_1 = version == "1.1"
    if hosts > 1 or (http_1_1 and not hosts):
        return malformed("an HTTP/1.1 request has exactly one Host header; send one")
    path, _mark, query = _origin_form(target).partition(b"?")
    if not path.startswith(b"/"):
        return malformed("its target is no path; send METHOD /path HTTP/1.1")
    if not path.isascii() or not query.isascii() or b"#" in target:
        return malformed("its target holds bytes that must be percent-encoded; encode them")
    keep_alive = http_1_1
    if connection:
        tokens = {token.strip() for token in connection.split(b",")}
        keep_alive = b"close" not in tokens and (http_1_1 or b"keep-alive" in tokens)
    return Request(method.decode("ascii"), path, query, tuple(lowered), b"", keep_alive, http_1_1)


def _origin_form(target: bytes) -> bytes:
    """The path and query of *target*, which may come as a whole URL, as if to a proxy."""
    if target.startswith(b"/"):
        return target
    scheme, mark, rest = target.partition(b"://")
    if mark and scheme.lower() in (b"http", b"https"):
        slash = rest.find(b"/")
        return rest[slash:] if slash >= 0 else b"/"
    return target
