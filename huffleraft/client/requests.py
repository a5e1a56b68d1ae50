"""What each operation asks, and what it makes of the answer; the same for both faces."""

from __future__ import annotations

from base64 import b64decode
from typing import Final

import msgspec

from huffleraft.client.asking import Ask, Heard, key_path
from huffleraft.client.contacts import Contacts
from huffleraft.client.operation import Operation, Steps
from huffleraft.client.outcomes import CasOutcome, Deleted, Mismatch, Read, Written
from huffleraft.kv.limits import check_key, check_value

_KV: Final = "/v1/kv/"
_CAS: Final = "/v1/cas/"
_STALE: Final = "consistency=stale"


def get(contacts: Contacts, key: str, *, stale: bool) -> Steps[Read]:
    """Read *key*."""
    check_key(key)
    operation = Operation(f"get {key!r}", contacts)
    what = Ask("GET", key_path(_KV, key), _STALE if stale else "")
    heard = yield from operation.read(what, ("key-not-found",), stale=stale)
    if heard.attempt.code is not None:
        return Read(value=None, version=None, index=None, attempts=operation.attempts)
    index, version = _last_change(heard)
    return Read(value=heard.body, version=version, index=index, attempts=operation.attempts)


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
    current = heard.problem.get("current")
    return Mismatch(
        current=b64decode(current) if isinstance(current, str) else None,
        version=heard.problem.get("version"),
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
    index, version = _last_change(heard)
    return Written(
        index=index, version=version, replayed=heard.replayed, attempts=operation.attempts
    )
