"""One request to one node, and what can be known from its answer.

Nothing is followed or repeated here, and nothing is believed that does not bear a node's name:
a proxy's error page says nothing of what a node did.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

import anyio
import httpx2
import msgspec

from huffleraft.http.outcomes import Attempt
from huffleraft.kv.limits import VALUE_BYTES_MAX

_ANSWER_BYTES_MAX: Final = 2 * VALUE_BYTES_MAX
"""The longest answer: a mismatch that shows a value in base64."""

_CONNECT_TIMEOUT: Final = 1.0

_NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be sent, to whichever node."""

    method: str
    path: str
    """Percent-encoded, as it goes on the wire."""
    query: str = ""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


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


def new_http() -> httpx2.AsyncClient:
    """A pool of connections: no redirect, repeat or proxy of its own."""
    return httpx2.AsyncClient(
        transport=httpx2.AsyncHTTPTransport(verify=False, trust_env=False),
        timeout=httpx2.Timeout(None, connect=_CONNECT_TIMEOUT),
        trust_env=False,
        follow_redirects=False,
    )


async def ask(http: httpx2.AsyncClient, endpoint: str, what: Ask, seconds: float) -> Heard:
    """Send *what* to *endpoint* and hear the answer out, for at most *seconds*."""
    try:
        with anyio.fail_after(seconds):
            return await _exchange(http, endpoint, what)
    except TimeoutError:
        return _silence(endpoint, "timed-out", f"no whole answer within {seconds:.3g} s")
    except _NEVER_SENT as error:
        return _silence(endpoint, "unreachable", f"no connection: {error}", definite=True)
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        return _silence(endpoint, "connection-lost", str(error) or type(error).__name__)
    except httpx2.InvalidURL as error:
        return _silence(endpoint, "unreachable", f"no address: {error}", definite=True)


def _silence(endpoint: str, code: str, detail: str, *, definite: bool = False) -> Heard:
    return Heard(Attempt(endpoint=endpoint, code=code, definite=definite, detail=detail))


async def _exchange(http: httpx2.AsyncClient, endpoint: str, what: Ask) -> Heard:
    target = f"{what.path}?{what.query}" if what.query else what.path
    request = http.build_request(
        what.method,
        f"http://{endpoint}/",
        content=what.body or None,
        headers=what.headers,
        # The target goes out as it is: a URL library would tidy up a key like `..`.
        extensions={"target": target.encode("ascii")},
    )
    response = await http.send(request, stream=True)
    body = b""
    try:
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > _ANSWER_BYTES_MAX:
                return _silence(endpoint, "foreign-answer", "the answer has no end")
    finally:
        with anyio.CancelScope(shield=True):
            await response.aclose()
    return _read(endpoint, response, body)


def _read(endpoint: str, response: httpx2.Response, body: bytes) -> Heard:
    headers, status = response.headers, response.status_code
    node = headers.get("Huffleraft-Node")
    problem: dict[str, Any] = {}
    if status >= 300:
        problem = _problem(headers, body)
    if node is None or (status >= 300 and not problem):
        detail = f"an answer with status {status} that is none of ours"
        return _silence(endpoint, "foreign-answer", detail)
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


def _problem(headers: httpx2.Headers, body: bytes) -> dict[str, Any]:
    """The problem document in *body*; empty where it is none of ours."""
    if headers.get("Content-Type") != "application/problem+json":
        return {}
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    whole = (
        isinstance(document, dict)
        and isinstance(document.get("code"), str)
        and isinstance(document.get("definite"), bool)
    )
    return document if whole else {}


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
