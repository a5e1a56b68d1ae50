"""One request to one node, and what can be known from its answer.

Nothing is sent, followed or repeated here, and nothing is believed that does not bear a node's
name: a proxy's error page says nothing of what a node did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx2
import msgspec

from huffleraft.client.outcomes import Attempt

_NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be sent, to whichever node."""

    method: str
    path: str
    """Percent-encoded, as it goes on the wire."""
    query: str = ""
    """Likewise; empty where there is none."""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    timed: bool = True
    """Whether the node lets itself be told how long it may take; else it answers at once."""

    @property
    def target(self) -> bytes:
        """Path and query, as they go on the wire."""
        return (f"{self.path}?{self.query}" if self.query else self.path).encode("ascii")


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back: facts for everybody, and for who asked the answer itself."""

    attempt: Attempt
    headers: httpx2.Headers = field(default_factory=httpx2.Headers)
    body: bytes = b""
    problem: dict[str, Any] = field(default_factory=dict)

    @property
    def leader(self) -> str | None:
        """Where the node says that the leader is, HOST:PORT."""
        if self.attempt.status != 307:
            return None
        return urlsplit(self.headers.get("Location", "")).netloc or None

    @property
    def retry_after(self) -> float | None:
        """The pause that the node advises, in seconds."""
        advised = self.problem.get("retry_after_ms")
        return advised / 1000 if isinstance(advised, int) else None

    @property
    def replayed(self) -> bool:
        """Whether it is the kept answer to a write that was sent before."""
        return "Huffleraft-Replayed" in self.headers


def key_path(route: str, key: str) -> str:
    """The path of *key* on *route*: every byte of it is data."""
    return route + quote(key, safe="")


def heard_of(endpoint: str, response: httpx2.Response, body: bytes) -> Heard:
    """What *endpoint* said, whole: *response*, whose body is *body*."""
    headers, status = response.headers, response.status_code
    node = headers.get("Huffleraft-Node")
    problem: dict[str, Any] = {}
    if status >= 300:
        problem = _problem(headers, body)
    if node is None or (status >= 300 and not problem):
        return foreign(endpoint, f"an answer with status {status} that is none of ours")
    attempt = Attempt(
        endpoint=endpoint,
        code=problem.get("code"),
        definite=problem.get("definite") is not False,
        detail=str(problem.get("detail", "")),
        status=status,
        node=node,
        term=_number(headers.get("Huffleraft-Term")),
        index=_number(headers.get("Huffleraft-Index")),
    )
    return Heard(attempt, headers, body, problem)


def foreign(endpoint: str, detail: str) -> Heard:
    """An answer that no node of ours gives."""
    return _silence(endpoint, "foreign-answer", detail)


def overdue(endpoint: str, seconds: float) -> Heard:
    """No answer, or no whole one, within *seconds*."""
    return _silence(endpoint, "timed-out", f"no whole answer within {seconds:.3g} s")


def lost(endpoint: str, error: Exception, seconds: float) -> Heard:
    """What *error* of the connection says; whatever is no such error is raised again."""
    match error:
        case _ if isinstance(error, _NEVER_SENT):
            return _silence(endpoint, "unreachable", f"no connection: {error}", definite=True)
        case httpx2.InvalidURL():
            return _silence(endpoint, "unreachable", f"no address: {error}", definite=True)
        case TimeoutError() | httpx2.TimeoutException():
            return overdue(endpoint, seconds)
        case httpx2.TransportError() | httpx2.DecodingError():
            return _silence(endpoint, "connection-lost", str(error) or type(error).__name__)
        case _:
            raise error


def _silence(endpoint: str, code: str, detail: str, *, definite: bool = False) -> Heard:
    return Heard(Attempt(endpoint=endpoint, code=code, definite=definite, detail=detail))


def _problem(headers: httpx2.Headers, body: bytes) -> dict[str, Any]:
    """The problem document in *body*; empty where it is none of ours."""
    if headers.get("Content-Type") != "application/problem+json":
        return {}
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    whole = (
        isinstance(document, dict)
        and isinstance(document.get("code"), str)
        and isinstance(document.get("definite"), bool)
    )
    return document if whole else {}


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
