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
from jepsen_lite.values import show

LINE_BYTES_MAX: Final = 16 << 20
"""No line may be longer: two values of 1 MiB, escaped six-fold, leave room to spare."""

NESTING_MAX: Final = 32
"""No line may nest deeper, so that whoever walks through it or writes it out again may recurse."""

DIGITS_MAX: Final = 4_000
"""No integer may be longer: Python itself reads and writes no more than 4,300 digits at a time."""


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
        record: object = json.loads(
            text.decode(),
            object_pairs_hook=_distinct,
            parse_int=_integer,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError:
        raise MalformedHistory(line, "not UTF-8; a line is one JSON object in UTF-8") from None
    except RecursionError:
        raise MalformedHistory(line, _TOO_DEEP) from None
    except json.JSONDecodeError as error:
        where = f"{error.msg} at character {error.pos + 1}"
        raise MalformedHistory(line, f"expected one JSON object: {where}") from None
    except ValueError as error:
        raise MalformedHistory(line, f"expected one JSON object: {error}") from None
    if text.count(b"[") + text.count(b"{") > NESTING_MAX and _is_deep(record):
        raise MalformedHistory(line, _TOO_DEEP)
    return record


_TOO_DEEP: Final = f"nested more than {NESTING_MAX} deep, the most allowed"


def _is_deep(thing: object) -> bool:
    """Whether *thing* nests deeper than the bound; looks level by level, without recursion."""
    level: list[object] = [thing]
    for _ in range(NESTING_MAX):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return any(isinstance(inner, dict | list) for inner in level)


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {show(twice)} stands twice")
    return record


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        raise ValueError(f"an integer of more than {DIGITS_MAX} digits")
    return int(digits)


def _no_constant(name: str) -> object:
    """Python's reader knows NaN and the infinities; JSON does not."""
    raise ValueError(f"{name} is no JSON")


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
