"""What a process asks next.

Values are unique (`<process>.<n>`), so that a read names the one write it saw.  A cas expects the
value that this process saw last, which is right often enough to succeed, and wrong often enough to
be refused; what a refused one saw counts as seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from jepsen_lite.clients import Outcome, Wish
from jepsen_lite.generators import mix
from jepsen_lite.history import EventType
from jepsen_lite.values import Value

HOT_KEYS: Final = tuple(f"hot/{number}" for number in range(1, 6))
"""Five: few enough that every key is always fought for."""

ONCE: Final = "once/"
"""How the name of a write-once key begins."""

_SHARES: Final = {"read": 35.0, "write": 30.0, "cas": 20.0, "delete": 5.0, "once": 10.0}
"""Of what a mixing process asks, in parts of a hundred."""


def is_once(key: object) -> bool:
    """Whether *key* is one that is written once."""
    return isinstance(key, str) and key.startswith(ONCE)


class Reader:
    """Reads the hot keys, one after another."""

    def __init__(self, rolls: Random) -> None:
        self._rolls = rolls

    def next(self, process: int) -> Wish:  # noqa: ARG002  # a read carries no name
        """The next read."""
        return Wish("read", self._rolls.choice(HOT_KEYS))

    def heard(self, wish: Wish, outcome: Outcome) -> None:
        """Whatever it saw changes nothing."""


class Mixer:
    """Reads, writes, compares and sets, deletes; and writes keys of its own once."""

    def __init__(self, rolls: Random) -> None:
        self._rolls = rolls
        self._kinds: Iterator[str] = mix(_SHARES, rolls)
        self._seen: dict[str, Value] = {}
        self._number = 0

    def next(self, process: int) -> Wish:
        """The next wish of the process that is now called *process*."""
        kind, key = next(self._kinds), self._rolls.choice(HOT_KEYS)
        self._number += 1
        value = f"{process}.{self._number}"
        match kind:
            case "once":
                return Wish("write", f"{ONCE}{process}/{self._number}", value)
            case "write":
                return Wish("write", key, value)
            case "cas":
                return Wish("cas", key, (self._seen.get(key), value))
            case _:
                return Wish(kind, key)

    def heard(self, wish: Wish, outcome: Outcome) -> None:
        """Remember the value of *wish*'s key, as far as *outcome* tells."""
        if is_once(wish.key):
            return
        if outcome.observed is not None:
            self._seen[wish.key] = outcome.observed.value
        if outcome.type is not EventType.OK:
            return
        match wish.f:
            case "read":
                self._seen[wish.key] = outcome.value
            case "write":
                assert isinstance(wish.value, str), "values are texts here"
                self._seen[wish.key] = wish.value
            case "cas":
                self._seen[wish.key] = wish.pair()[1]
            case _:
                self._seen[wish.key] = None
