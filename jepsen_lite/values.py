"""The values that clients write and read, and how a sentence shows them.

A value is an integer, a text, or null (the key holds nothing). Booleans and fractions are no
values: Python holds `1`, `True` and `1.0` for equal, so a history that mixed them could not be
judged. An integer 1 and a text "1" are different values.
"""

import json
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = int | str | None
Key: TypeAlias = int | str | None
"""Null is the one key of a model that has no keys."""

_SHOWN_CHARACTERS_MAX = 60


@dataclass(frozen=True, slots=True)
class Observed:
    """A value that was seen. Its absence is not the same as having seen null."""

    value: Value


def is_value(thing: object) -> bool:
    """Whether *thing* is an integer, a text or null, and neither a boolean nor a fraction."""
    return thing is None or type(thing) is int or type(thing) is str


def show(thing: object) -> str:
    """*thing* as JSON in plain ASCII, cut where it is long: safe on any terminal, in any page."""
    text = json.dumps(thing, default=str)
    if len(text) <= _SHOWN_CHARACTERS_MAX:
        return text
    return f"{text[:_SHOWN_CHARACTERS_MAX]}... ({len(text)} characters)"
