"""What may be asked without a log entry, and the answers.

A query is served by one node from its state as it stands; that this state is recent enough is
the protocol's business (reads), and has been settled before a query comes here.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec

from huffleraft.errors import FrameInvalid
from huffleraft.kv.format import Format, Index, Key, Positive, Record, Value, encode
from huffleraft.kv.limits import check_key, key_fault
from huffleraft.kv.results import Refused

PAGE_KEYS: Final = 100
"""Keys of one page where nobody says how many."""

PAGE_KEYS_MAX: Final = 1_000
"""The most keys of one page."""

PAGE_BYTES_MAX: Final = 1 << 20
"""Bytes of one page's keys and values; a page of one key may have more."""

PAGE_READ_BYTES_MAX: Final = 8 << 20
"""Bytes of the rows read for a page: those whose values nobody asked for count too, since
verifying a row means to read it whole."""


class Get(Record, frozen=True, tag=0):
    """The value of *key*."""

    key: Key


class StateHash(Record, frozen=True, tag=1):
    """A hash over the whole state and the index it stands for: equal on all nodes."""


class Scan(Record, frozen=True, tag=2):
    """A page of the keys that begin with *prefix*, in order, from behind *after* on.

    Either may be empty, and *after* need not be a key.
    """

    prefix: str
    after: str
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_KEYS_MAX)]
    values: bool
    """Whether the values are wanted too."""


Query: TypeAlias = Get | StateHash | Scan


class Found(Record, frozen=True, tag=0):
    """The key is there."""

    value: Value
    version: Positive
    """Changes since the key was made."""
    index: Positive
    """The log index of its last change; never used twice."""
    applied_index: Positive
    """The log index of the state that was read."""


class Missing(Record, frozen=True, tag=1):
    """The key is not there."""

    applied_index: Index
    """The log index of the state that was read."""


class Hashed(Record, frozen=True, tag=2):
    """The state's hash."""

    hash: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    """SHA-256, as `codec.digest` defines it."""
    hash_index: Index
    """The log index of the state that was hashed."""


class Listed(Record, frozen=True):
    """One key of a page."""

    key: Key
    version: Positive
    index: Positive
    """The log index of its last change."""
    value: Value | None
    """None where values were not asked for."""


class Page(Record, frozen=True, tag=3):
    """Keys in the order of their UTF-8, all from the state at one index.

    It may hold fewer than were asked for, even none, while *next* is there: a page ends where its
    bytes, or those of the rows read for it, reach their bound.
    """

    keys: tuple[Listed, ...]
    next: Key | None
    """What to give as `after` for the next page; None where no key follows."""
    applied_index: Index
    """The log index of the state that was read."""


Answer: TypeAlias = Found | Missing | Hashed | Page | Refused

_QUERIES: Format[Query] = Format("query", Query)
_ANSWERS: Format[Answer] = Format("answer", Answer)


def encode_query(query: Query) -> bytes:
    """*query* as bytes.

    Raises InvalidKey for a key that can never be one, and ValueError for a limit out of bounds.
    """
    match query:
        case Get(key):
            check_key(key)
        case Scan(prefix, after, limit):
            for part in filter(None, (prefix, after)):
                check_key(part)
            if not 1 <= limit <= PAGE_KEYS_MAX:
                raise ValueError(f"the limit is {limit}; 1 to {PAGE_KEYS_MAX} keys are expected")
        case StateHash():
            pass
    return encode(query)


def decode_query(data: bytes) -> Query:
    """The query in *data*; raises FrameInvalid with one sentence if there is none."""
    query = _QUERIES.decode(data)
    match query:
        case Get(key):
            _require_key(key)
        case Scan(prefix, after):
            for part in filter(None, (prefix, after)):
                _require_key(part)
        case StateHash():
            pass
    return query


def _require_key(key: str) -> None:
    fault = key_fault(key)
    if fault is not None:
        raise FrameInvalid(f"a query's key is not valid: {fault}")


def encode_answer(answer: Answer) -> bytes:
    """*answer* as bytes."""
    return encode(answer)


def decode_answer(data: bytes) -> Answer:
    """The answer in *data*; raises FrameInvalid with one sentence if there is none."""
    return _ANSWERS.decode(data)
