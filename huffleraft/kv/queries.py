"""What may be asked without a log entry, and the answers.

A query is served by one node from its state as it stands; that this state is recent enough is
the protocol's business (reads), and has been settled before a query comes here.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from huffleraft.errors import FrameInvalid
from huffleraft.kv.format import Format, Index, Key, Positive, Record, Value, encode
from huffleraft.kv.limits import check_key, key_fault
from huffleraft.kv.results import Refused


class Get(Record, frozen=True, tag=0):
    """The value of *key*."""

    key: Key


class StateHash(Record, frozen=True, tag=1):
    """A hash over the whole state and the index it stands for: equal on all nodes."""


Query: TypeAlias = Get | StateHash


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


Answer: TypeAlias = Found | Missing | Hashed | Refused

_QUERIES: Format[Query] = Format("query", Query)
_ANSWERS: Format[Answer] = Format("answer", Answer)


def encode_query(query: Query) -> bytes:
    """*query* as bytes; raises InvalidKey for a key that can never be one."""
    if isinstance(query, Get):
        check_key(query.key)
    return encode(query)


def decode_query(data: bytes) -> Query:
    """The query in *data*; raises FrameInvalid with one sentence if there is none."""
    query = _QUERIES.decode(data)
    if isinstance(query, Get):
        fault = key_fault(query.key)
        if fault is not None:
            raise FrameInvalid(f"a query's key is not valid: {fault}")
    return query


def encode_answer(answer: Answer) -> bytes:
    """*answer* as bytes."""
    return encode(answer)


def decode_answer(data: bytes) -> Answer:
    """The answer in *data*; raises FrameInvalid with one sentence if there is none."""
    return _ANSWERS.decode(data)
