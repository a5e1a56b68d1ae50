"""What a request says beside its key and value: the query's options, and the session's stamp.

Whatever is not known is refused and not passed over: a misspelt `consistency` would otherwise
give another consistency than the one asked for, and nobody would be told.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from huffleraft.errors import BadRequest, InvalidKey
from huffleraft.http.messages import Headers
from huffleraft.kv.commands import SessionStamp
from huffleraft.kv.limits import INTEGER_MAX
from huffleraft.kv.queries import PAGE_KEYS, PAGE_KEYS_MAX

TIMEOUT_MAX: Final = 300.0
"""Seconds a request may ask for."""

SESSION: Final = b"huffleraft-session"
SEQUENCE: Final = b"huffleraft-sequence"

_NOT_OBEYED: Final = {
    b"if-match": "a write cannot be made conditional by If-Match yet; use POST /v1/cas/KEY",
    b"if-none-match": "a write cannot be made conditional by If-None-Match; use POST /v1/cas/KEY",
    b"if-unmodified-since": "a write cannot be made conditional by a time; use POST /v1/cas/KEY",
    b"content-range": "a value is written whole; send it without Content-Range",
}
"""Headers that would change what a write means, were they obeyed."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the query asks for."""

    timeout: float | None = None
    """Seconds; None where it names none."""
    stale: bool = False
    forward: bool = False
    """Whether a node that does not lead hands the operation to the leader, or says who leads."""
    hash: bool = False
    force: bool = False
    # A page of keys.
    prefix: str = ""
    after: str = ""
    limit: int = PAGE_KEYS
    values: bool = False


_NONE: Final = Options()


def options_of(query: bytes, known: Collection[str]) -> Options:
    """The options in *query*, of which this route knows *known*.  Raises BadRequest."""
    if not query:
        return _NONE
    chosen: dict[str, str] = {}
    for pair in query.split(b"&"):
        if not pair:
            continue
        name, _mark, value = pair.decode("ascii").partition("=")
        if name not in known:
            raise BadRequest(
                f"there is no option {name[:40]!r} here; "
                + (f"{' and '.join(sorted(known))} are known" if known else "there are none")
            )
        if name in chosen:
            raise BadRequest(f"the option {name} is given twice; give it once")
        chosen[name] = value
    return Options(
        timeout=_seconds(chosen["timeout"]) if "timeout" in chosen else None,
        stale=_one_of(chosen, "consistency", no="linearizable", yes="stale"),
        forward=_one_of(chosen, "leader", no="redirect", yes="forward"),
        hash=_one_of(chosen, "hash", no="false", yes="true"),
        force=_one_of(chosen, "force", no="false", yes="true"),
        prefix=_text(chosen, "prefix"),
        after=_text(chosen, "after"),
        limit=_limit(chosen["limit"]) if "limit" in chosen else PAGE_KEYS,
        values=_one_of(chosen, "values", no="false", yes="true"),
    )


def _text(chosen: dict[str, str], name: str) -> str:
    """A key or the beginning of one; percent-decoded once, so that a plus sign is one."""
    raw = chosen.get(name, "").encode()
    return _decoded(raw) if raw else ""


def _limit(text: str) -> int:
    limit = int(text) if text.isdigit() and len(text) <= 9 else 0
    if not 1 <= limit <= PAGE_KEYS_MAX:
        raise BadRequest(
            f"the limit is {text[:40]!r}; a number of keys from 1 to {PAGE_KEYS_MAX} is expected"
        )
    return limit


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= TIMEOUT_MAX:
        raise BadRequest(
            f"the timeout is {text[:40]!r}; a number of seconds above 0, at most "
            f"{TIMEOUT_MAX:g}, is expected, as in timeout=0.6"
        )
    return seconds


def _one_of(chosen: dict[str, str], name: str, *, no: str, yes: str) -> bool:
    value = chosen.get(name, no)
    if value not in (no, yes):
        raise BadRequest(f"{name} is {value[:40]!r}; {no} or {yes} is expected")
    return value == yes


_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def key_of(raw: bytes) -> str:
    """The key in *raw*, percent-decoded once: slashes, dots and `%2F` are data.

    Raises InvalidKey; a key's length is for the store to judge.
    """
    key = _decoded(raw)
    if not key:
        raise InvalidKey("it is empty; name one after the last slash of the route")
    return key


def _decoded(raw: bytes) -> str:
    """The text in *raw*, percent-decoded once.  Raises InvalidKey."""
    if b"%" in raw:
        if _BAD_ESCAPE.search(raw):
            raise InvalidKey(
                "it has a percent sign that two hexadecimal digits do not follow; write it %25"
            )
        raw = unquote_to_bytes(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidKey("it is no UTF-8; percent-encode the bytes of UTF-8 text") from None


def stamp_of(headers: Headers) -> SessionStamp | None:
    """The session under which a write is made, if one is named.  Raises BadRequest.

    Also refuses what would make the write conditional or partial: it would not be obeyed.
    """
    session = sequence = None
    for name, value in headers:
        if name == SESSION:
            session = _number(value, "Huffleraft-Session", session)
        elif name == SEQUENCE:
            sequence = _number(value, "Huffleraft-Sequence", sequence)
        elif name in _NOT_OBEYED:
            raise BadRequest(_NOT_OBEYED[name])
    if session is None and sequence is None:
        return None
    if session is None or sequence is None:
        raise BadRequest("Huffleraft-Session and Huffleraft-Sequence belong together; send both")
    return SessionStamp(session, sequence)


def _number(value: bytes, name: str, given: int | None) -> int:
    if given is not None:
        raise BadRequest(f"{name} is given twice; give it once")
    number = int(value) if value.isdigit() and len(value) <= 19 else 0
    if not 1 <= number <= INTEGER_MAX:
        raise BadRequest(f"{name} is {value[:40]!r}; a whole number from 1 on is expected")
    return number
