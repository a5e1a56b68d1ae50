"""The core's values as JSON, for the examples: messages on the wire, writes in a journal.

In earnest there is `huffleraft.codec`, which also bounds and verifies what arrives.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any, get_args

from huffleraft import core

WORDS = {word.__name__: word for word in get_args(core.Message)} | {
    "Persist": core.Persist,
    "EntryId": core.EntryId,
    "Entry": core.Entry,
    "Configuration": core.Configuration,
    "Snapshot": core.Snapshot,
    "Vote": core.Vote,
}


def packed(value: object) -> bytes:
    """*value*, which consists of the core's words, as bytes without a line's end."""
    return json.dumps(_plain(value)).encode()


def unpacked(data: bytes) -> Any:
    """What `packed` made, as it was; nothing but these words is ever made of what arrives."""
    return _word(json.loads(data))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        inside = {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        return {"word": type(value).__name__, **inside}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _word(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_word(one) for one in value)
    if not isinstance(value, dict):
        return value
    if "bytes" in value:
        return bytes.fromhex(value["bytes"])
    return WORDS[value.pop("word")](**{name: _word(one) for name, one in value.items()})
