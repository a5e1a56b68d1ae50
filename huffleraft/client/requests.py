"""What each operation asks, and what it makes of the answer; the same for both faces."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import msgspec

from huffleraft.client.asking import Ask, Heard, key_path
from huffleraft.client.contacts import Contacts
from huffleraft.client.operation import Operation, Steps
from huffleraft.client.outcomes import (
    CasOutcome,
    Deleted,
    Listed,
    Mismatch,
    Page,
    Read,
    Written,
)
from huffleraft.kv.limits import check_key, check_value

_KV: Final = "/v1/kv/"
_PAGES: Final = "/v1/kv"
_CAS: Final = "/v1/cas/"
_STALE: Final = "consistency=stale"

PAGE_KEYS: Final = 100
"""Keys of a page where nobody says how many."""

PAGE_KEYS_MAX: Final = 1_000
"""The most keys of one page."""


class _Listed(msgspec.Struct, frozen=True):
    """A key in a page's document; msgspec reads bytes from base64."""

    key: str
    version: int
    index: int
    value: bytes | None = None


class _Page(msgspec.Struct, frozen=True):
    """A page's document."""

    index: int
    next: str | None
    keys: tuple[_Listed, ...]


class _Mismatch(msgspec.Struct, frozen=True):
    """What a mismatch tells beside its being one."""

    current: bytes | None
    version: int | None


_PAGE: Final = msgspec.json.Decoder(_Page)
_MISMATCH: Final = msgspec.json.Decoder(_Mismatch)


def get(contacts: Contacts, key: str, *, stale: bool) -> Steps[Read]:
    """Read *key*."""
    check_key(key)
    operation = Operation(f"get {key!r}", contacts)
    what = Ask("GET", key_path(_KV, key), _STALE if stale else "")
    heard = yield from operation.read(what, ("key-not-found",), stale=stale)
    if heard.attempt.code is not None:
        return Read(value=None, version=None, index=None, attempts=operation.attempts)
    index, version = operation.understood(heard, _last_change, harmless=True)
    return Read(value=heard.body, version=version, index=index, attempts=operation.attempts)


def page(
    contacts: Contacts, prefix: str, after: str, *, limit: int, values: bool, stale: bool
) -> Steps[Page]:
    """Read a page of keys."""
    for part in filter(None, (prefix, after)):
        check_key(part)
    if not 1 <= limit <= PAGE_KEYS_MAX:
        raise ValueError(f"the limit is {limit}; 1 to {PAGE_KEYS_MAX} keys are expected")
    query = [f"prefix={quote(prefix, safe='')}", f"after={quote(after, safe='')}"]
    query += [f"limit={limit}", f"values={str(values).lower()}"]
    query += [_STALE] if stale else []
    operation = Operation(f"list {prefix!r}", contacts)
    heard = yield from operation.read(Ask("GET", _PAGES, "&".join(query)), stale=stale)
    told = operation.understood(heard, lambda heard: _PAGE.decode(heard.body), harmless=True)
    keys = tuple(
        Listed(key=one.key, version=one.version, index=one.index, value=one.value)
        for one in told.keys
    )
    return Page(keys=keys, next=told.next, index=told.index, attempts=operation.attempts)


def put(contacts: Contacts, key: str, value: bytes) -> Steps[Written]:
    """Give *key* the value *value*."""
    check_key(key)
    check_value(value)
    operation = Operation(f"set {key!r}", contacts)
    heard = yield from operation.write(Ask("PUT", key_path(_KV, key), body=value))
    return _written(heard, operation)


def delete(contacts: Contacts, key: str) -> Steps[Deleted]:
    """Remove *key*."""
    check_key(key)
    operation = Operation(f"delete {key!r}", contacts)
    heard = yield from operation.write(Ask("DELETE", key_path(_KV, key)))
    return Deleted(replayed=heard.replayed, attempts=operation.attempts)


def cas(contacts: Contacts, key: str, old: bytes | None, new: bytes) -> Steps[CasOutcome]:
    """Give *key* the value *new* if it has *old*."""
    check_key(key)
    check_value(new)
    operation = Operation(f"cas {key!r}", contacts)
    body = msgspec.json.encode({"old": old, "new": new})
    what = Ask("POST", key_path(_CAS, key), body=body)
    heard = yield from operation.write(what, ("cas-mismatch",))
    if heard.attempt.code is None:
        return _written(heard, operation)
    found = operation.understood(heard, lambda heard: _MISMATCH.decode(heard.body))
    return Mismatch(
        current=found.current,
        version=found.version,
        replayed=heard.replayed,
        attempts=operation.attempts,
    )


def register(contacts: Contacts) -> Steps[int]:
    """Begin a session and keep it for a write to come."""
    session = yield from Operation("register", contacts).registered()
    contacts.give_back(session)
    return session.id


def _last_change(heard: Heard) -> tuple[int, int]:
    """The index and version of the key's last change."""
    return int(heard.headers["ETag"].strip('"')), int(heard.headers["Huffleraft-Version"])


def _written(heard: Heard, operation: Operation) -> Written:
    index, version = operation.understood(heard, _last_change)
    return Written(
        index=index, version=version, replayed=heard.replayed, attempts=operation.attempts
    )
