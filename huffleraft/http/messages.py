"""A whole request and a whole response, as values.

Both are small and complete: bodies are bounded, so there is nothing to stream.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, TypeAlias

import msgspec

from huffleraft.http.problems import PROBLEM_TYPE, Problem

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]


class Request(msgspec.Struct, frozen=True, gc=False):
    """One request, whole and within bounds.  A struct, since one is made for every operation."""

    method: str
    path: bytes
    """As it was sent: still percent-encoded."""
    query: bytes
    """What follows the first question mark; empty where there is none."""
    headers: Headers
    """Names in lower case, in the order sent."""
    body: bytes
    keep_alive: bool
    """Whether the client would send another on this connection."""
    http_1_1: bool = True

    @property
    def target(self) -> bytes:
        """Path and query, as they were sent."""
        return self.path + b"?" + self.query if self.query else self.path


class Response(msgspec.Struct, frozen=True, gc=False):
    """One response.  Its length and whether the connection stays are for the connection to say."""

    status: int
    headers: Headers
    body: bytes = b""


def problem_response(problem: Problem) -> Response:
    """*problem* as a response."""
    headers = [(b"Content-Type", PROBLEM_TYPE)]
    headers += [(name.encode(), value.encode()) for name, value in problem.headers.items()]
    return Response(problem.status, tuple(headers), problem.document())


_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}

_BODILESS: Final = frozenset({204, 304})


def render(response: Response, *, head: bool, keep_alive: bool, http_1_1: bool) -> bytes:
    """The bytes of *response*; after a HEAD request, all but the body.

    There is no `Date`: nothing a node says is to look as if a wall clock had decided it.
    """
    parts = [_STATUS_LINES[response.status]]
    for name, value in response.headers:
        parts += (name, b": ", value, b"\r\n")
    if response.status not in _BODILESS:
        parts.append(b"Content-Length: %d\r\n" % len(response.body))
    if not keep_alive:
        parts.append(b"Connection: close\r\n")
    elif not http_1_1:  # HTTP/1.0 closes unless told otherwise
        parts.append(b"Connection: keep-alive\r\n")
    parts.append(b"\r\n")
    if not head and response.status not in _BODILESS:
        parts.append(response.body)
    return b"".join(parts)
