"""One line of a history: a client begins an operation, or learns how it ended.

The words are Jepsen's. An operation is *invoked*; it ends `ok` (it happened, and this is what was
seen), `fail` (it is certain that it did not happen), or `info` (nobody knows: it may take effect at
any later time, once or never). An operation that never completes is as good as `info`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from jepsen_lite.values import Key, Observed

Process: TypeAlias = int | str
"""One client thread: it has at most one operation open at a time."""

NEMESIS: Final = "nemesis"
"""The process whose lines tell of faults; a history of operations leaves them out."""

MISMATCH: Final = "mismatch"
"""The one `error` with a meaning: this cas ran, and saw a value other than the one it expected."""


class EventType(StrEnum):
    """What a line says of an operation."""

    INVOKE = "invoke"
    OK = "ok"
    FAIL = "fail"
    INFO = "info"


FIELDS: Final = frozenset(
    {"process", "type", "f", "key", "value", "time", "error", "observed"},
)
"""The names that the format gives a meaning; all others are extra."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line. Its place in the history, not its *time*, says what came before what.

    *time* is in nanoseconds of one clock, for drawing alone. *extra* is whatever else was known
    when the line was written (`node`, `served_by`, `term`, `index`, `attempts`, `session`,
    `code`): it tells the story of a violation and never takes part in the verdict.
    """

    process: Process
    type: EventType
    f: str
    value: object
    time: int
    key: Key = None
    error: str | None = None
    observed: Observed | None = None
    extra: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def to_json(self) -> dict[str, object]:
        """The object that the line holds. Raises ValueError if an extra field hides a named one."""
        hidden = FIELDS & self.extra.keys()
        if hidden:
            raise ValueError(f"extra fields may not be called {', '.join(sorted(hidden))}")
        line: dict[str, object] = {
            "process": self.process,
            "type": self.type.value,
            "f": self.f,
        }
        if self.key is not None:
            line["key"] = self.key
        line |= {"value": self.value, "time": self.time}
        if self.error is not None:
            line["error"] = self.error
        if self.observed is not None:
            line["observed"] = self.observed.value
        return line | dict(self.extra)
