"""A history from a file of JSON lines, or from events in memory.

The file is read as it may have been left: by a harness that was killed while it wrote. Only a last
line without its newline can be torn, so only that one is dropped, with a warning; anything else
that is not a line of the format is refused by its number. What was lost with a torn line is a
completion (that operation is then indefinite) or an invoke after which nothing happened.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from jepsen_lite.history.event import Event
from jepsen_lite.history.grammar import Grammar, MalformedHistory
from jepsen_lite.history.operation import Operation
from jepsen_lite.models import Model

LINE_BYTES_MAX: Final = 16 << 20
"""No line may be longer: two values of 1 MiB, escaped six-fold, leave room to spare."""


@dataclass(frozen=True, slots=True)
class History:
    """What the clients saw. *events* leaves out the nemesis; *operations* are in invoke order."""

    model: Model
    events: tuple[Event, ...]
    operations: tuple[Operation, ...]
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, events: Iterable[Event], model: Model) -> "History":
        """The history that *events* make; the n-th event counts as line n.

        Events of the nemesis are left out. Raises `MalformedHistory`.
        """
        grammar = Grammar(model)
        numbered = [
            (line, event)
            for line, given in enumerate(events, start=1)
            if (event := grammar.read(line, _as_record(given))) is not None
        ]
        return cls.paired(grammar, numbered)

    @classmethod
    def paired(
        cls, grammar: Grammar, numbered: list[tuple[int, Event]], *warnings: str
    ) -> "History":
        """What *grammar* made of the *numbered* events."""
        return cls(
            grammar.model,
            tuple(event for _, event in numbered),
            tuple(grammar.operations),
            (*warnings, *_falling_time(numbered)),
        )


def read_history(path: Path, model: Model) -> History:
    """The history in the file *path*, whole or up to a torn last line.

    Raises `MalformedHistory`, and OSError if the file cannot be read.
    """
    grammar = Grammar(model)
    numbered: list[tuple[int, Event]] = []
    warnings: list[str] = []
    with path.open("rb") as file:
        for line, text in _lines(file):
            if not text.endswith(b"\n"):
                warnings.append(f"line {line} has no newline: it was torn, and is dropped")
                break
            event = grammar.read(line, _parse(line, text))
            if event is not None:
                numbered.append((line, event))
    return History.paired(grammar, numbered, *warnings)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines of *file*, none of them read beyond the bound."""
    line = 0
    while text := file.readline(LINE_BYTES_MAX + 1):
        line += 1
        if len(text) > LINE_BYTES_MAX:
            raise MalformedHistory(line, f"longer than {LINE_BYTES_MAX} bytes, the most allowed")
        yield line, text


def _parse(line: int, text: bytes) -> object:
    """The JSON value of one line. A name that stands twice in an object has no one meaning."""
    try:
        return json.loads(text.decode(), object_pairs_hook=_distinct)
    except UnicodeDecodeError:
        raise MalformedHistory(line, "not UTF-8; a line is one JSON object in UTF-8") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise MalformedHistory(line, f"expected one JSON object: {reason}") from None


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a field stands twice")
    return record


def _as_record(event: Event) -> dict[str, object]:
    """*event* as its line would hold it, so that memory and file pass the same gate."""
    record = event.to_json()
    if isinstance(event.value, tuple):
        record["value"] = list(event.value)
    return record


def _falling_time(numbered: Iterable[tuple[int, Event]]) -> tuple[str, ...]:
    """A warning if a line's time lies before that of the line above it."""
    falls = []
    latest: int | None = None
    for line, event in numbered:
        if latest is not None and event.time < latest:
            falls.append(line)
        latest = event.time
    if not falls:
        return ()
    where = f"at line {falls[0]}" + (f" and {len(falls) - 1} more" if len(falls) > 1 else "")
    return (f"time falls {where}: the order of lines is what counts, drawings may mislead",)
