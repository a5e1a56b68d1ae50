"""One response, judged: what does it say of the attempt that it answers?

Only what is certainly our product's own word is believed.  A body of the wrong shape, a code that
is unknown, a redirect to nowhere: each may come from something that stands between, and says
nothing of what happened at the node.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import quote, urlsplit

import msgspec

from jepsen_lite.clients.wish import NODE_SECONDS, Wish
from jepsen_lite.values import Value

_MISMATCH: Final = "cas-mismatch"
_NO_KEY: Final = "key-not-found"


@dataclass(frozen=True, slots=True)
class Asking:
    """A request, before it is bytes."""

    method: str
    target: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """It happened; *value* is what a read saw."""

    value: Value = None


@dataclass(frozen=True, slots=True)
class Mismatched:
    """The cas ran and saw *observed*, another value than it expected."""

    observed: Value


@dataclass(frozen=True, slots=True)
class Redirected:
    """It did not happen here: ask *address* (host:port)."""

    address: str
    code: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It did not and will not happen."""

    code: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nothing is known; *code* is for people."""

    code: str


Said: TypeAlias = Done | Mismatched | Redirected | Refused | Unclear


class _Problem(msgspec.Struct):
    """The part of our problem documents that is read."""

    code: str
    definite: bool
    current: str | None = None


_decode_problem = msgspec.json.Decoder(_Problem).decode


def asking(wish: Wish) -> Asking:
    """The request for *wish*."""
    key, limit = quote(wish.key, safe="/"), f"timeout={NODE_SECONDS:g}"
    match wish.f:
        case "read":
            return Asking("GET", f"/v1/kv/{key}?{limit}")
        case "write":
            return Asking("PUT", f"/v1/kv/{key}?{limit}", _bytes(wish.value))
        case "delete":
            return Asking("DELETE", f"/v1/kv/{key}?{limit}")
        case "cas":
            old, new = wish.pair()
            expected = None if old is None else b64encode(_bytes(old)).decode()
            body = {"old": expected, "new": b64encode(_bytes(new)).decode()}
            return Asking("POST", f"/v1/cas/{key}?{limit}", msgspec.json.encode(body))
        case unknown:
            raise ValueError(f"no client knows the operation {unknown!r}")


def judged(wish: Wish, response: Response) -> Said:
    """What *response* says of *wish*."""
    if response.status in _SUCCESS[wish.f]:
        return _done(wish, response)
    try:
        problem = _decode_problem(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Unclear(f"foreign-body-{response.status}")
    if response.status == 404 and problem.code == _NO_KEY and wish.f == "read":
        return Done(None)
    if response.status == 409 and problem.code == _MISMATCH and wish.f == "cas":
        return _mismatched(problem)
    if not problem.definite:
        return Unclear(problem.code)
    if response.status == 307:
        address = urlsplit(response.headers.get("location", "")).netloc
        return Redirected(address, problem.code) if address else Refused(problem.code)
    return Refused(problem.code)


_SUCCESS: Final[Mapping[str, frozenset[int]]] = {
    "read": frozenset({200}),
    "write": frozenset({200}),
    "delete": frozenset({204}),
    "cas": frozenset({200}),
}


def _done(wish: Wish, response: Response) -> Said:
    """A success, if it carries our product's signature."""
    if "huffleraft-node" not in response.headers:
        return Unclear(f"foreign-success-{response.status}")
    if wish.f != "read":
        return Done()
    try:
        return Done(response.body.decode())
    except UnicodeDecodeError:
        return Done(repr(response.body))  # nobody wrote that, and the checker shall see it


def _mismatched(problem: _Problem) -> Said:
    if problem.current is None:
        return Mismatched(None)
    try:
        return Mismatched(b64decode(problem.current, validate=True).decode())
    except ValueError:
        return Unclear("foreign-current")


def _bytes(value: object) -> bytes:
    return str(value).encode()
