"""An operation: the pair of lines that tells how it began and how it ended.

Two operations are ordered only if one had ended before the other began; by the order of lines, not
by clocks. Whoever judges asks an operation for its *action*: what it did or saw, in the model's
words, or nothing if it neither did nor saw anything that a judge could use.
"""

from dataclasses import dataclass
from typing import cast

from jepsen_lite.history.event import MISMATCH, Event, EventType, Process
from jepsen_lite.models import Action, Cas, Delete, Mismatch, Read, Write
from jepsen_lite.values import Key, Value


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of one client.

    *invoked_at* and *completed_at* are line numbers, counted from 1. An operation is *definite* if
    it ended `ok` or `fail`; otherwise it may still take effect at any time after its invocation.
    """

    invoke: Event
    invoked_at: int
    completion: Event | None = None
    completed_at: int | None = None

    @property
    def process(self) -> Process:
        """Who asked."""
        return self.invoke.process

    @property
    def f(self) -> str:
        """What was asked: read, write, cas or delete."""
        return self.invoke.f

    @property
    def key(self) -> Key:
        """Of which key; null where the model has no keys."""
        return self.invoke.key

    @property
    def definite(self) -> bool:
        """Whether it is known how this operation ended."""
        return self.completion is not None and self.completion.type is not EventType.INFO

    def action(self) -> Action | None:
        """What this operation did or saw, or may yet do; None if that binds no order.

        A refused operation had no effect and saw nothing, whatever its error, except a cas that
        was refused by a mismatch: that one did look. A read of unknown outcome saw nothing.
        """
        completion = self.completion
        if completion is None or completion.type is EventType.INFO:
            return self.wish()
        if completion.type is EventType.OK:
            return Read(cast("Value", completion.value)) if self.f == "read" else self.wish()
        if self.f == "cas" and completion.error == MISMATCH:
            old, _ = cast("tuple[Value, int | str]", self.invoke.value)
            return Mismatch(old, completion.observed)
        return None

    def wish(self) -> Action | None:
        """What this operation changes if it happens; None for a read."""
        match self.f:
            case "read":
                return None
            case "write":
                return Write(cast("int | str", self.invoke.value))
            case "delete":
                return Delete()
            case "cas":
                old, new = cast("tuple[Value, int | str]", self.invoke.value)
                return Cas(old, new)
            case _:
                raise AssertionError(f"the grammar let {self.f!r} through")
