"""`serve --trace FILE`: every step a node takes, as one JSON object a line.

What a log says for people this says for programs, the validation of traces against the
specification above all: the event, the server after it, and the effects, in the order in which
the node took its steps.  From the entries that the writes carry, the whole log can be followed.

- An object that stands for a value of the core names its class under ``type``; its other fields
  are the value's own.
- Commands are told by their size alone, as everywhere outside the store.
- A restarted node goes on in the same file; ``boot`` tells its lives apart.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from huffleraft.core import Effect, Entry, Event, Log, Server
from huffleraft.errors import ConfigurationInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

LOGGER = logging.getLogger("huffleraft.trace")

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


class Trace:
    """Writes steps down as they are taken.  It only looks: a node runs the same without it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._steps = 0
        self._broken = False

    def observe(
        self, before: Server, event: Event, after: Server, effects: tuple[Effect, ...]
    ) -> None:
        """Write one step.  The first write that fails ends the trace, and not the node."""
        del before  # the line above it, or `recover`, has told
        if self._broken:
            return
        self._steps += 1
        line = {
            "node": after.id,
            "boot": after.boot,
            "step": self._steps,
            "event": plain(event),
            "effects": [plain(effect) for effect in effects],
            "server": _server(after),
        }
        try:
            self._stream.write(msgspec.json.encode(line).decode() + "\n")
        except OSError as error:
            self._broken = True
            LOGGER.warning("the trace ends here: %s", error.strerror or error)


@contextmanager
def tracing(file: Path) -> Iterator[Trace]:
    """Open *file* for a trace, behind what it holds already.

    Raises ConfigurationInvalid if it cannot be written.
    """
    try:
        stream = file.open("a", encoding="utf-8", buffering=1)  # a line outlives a kill at once
    except OSError as error:
        raise ConfigurationInvalid(
            f"--trace {file} cannot be written: {error.strerror}; name a file that can be"
        ) from None
    try:
        yield Trace(stream)
    finally:
        try:
            stream.close()
        except OSError as error:
            LOGGER.warning("the end of the trace is lost: %s", error.strerror or error)


def plain(value: object) -> Json:
    """A value of the core in the words of JSON."""
    match value:
        case None | bool() | int() | str():
            return value
        case bytes():
            return {"bytes": len(value)}
        case Enum():
            return str(value.value)
        case tuple():
            return [plain(one) for one in value]
        case frozenset():
            return [plain(one) for one in sorted(value)]
        case Log():
            return {"type": "Log", "base": plain(value.base), "last": plain(value.last_id)}
        case Entry():
            return {"term": value.term, "index": value.index, "payload": plain(value.payload)}
        case _ if is_dataclass(value) and not isinstance(value, type):
            told = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
            return {"type": type(value).__name__, **told}
        case _:
            raise TypeError(f"{type(value).__name__} has no place in a trace")


def _server(server: Server) -> Json:
    told = plain(server)
    assert isinstance(told, dict)
    for constant in ("type", "id", "boot", "limits"):  # the same in every line
        del told[constant]
    return told
