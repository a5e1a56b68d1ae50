"""A history as the judges see it: per key, what was done or seen, and between which lines.

Linearizability is local (Herlihy and Wing 1990): a history is linearizable if and only if its part
on each key is. So a judge only ever sees the calls of one key.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from jepsen_lite.history import Operation
from jepsen_lite.models import Action
from jepsen_lite.values import Key


@dataclass(frozen=True, slots=True)
class Call:
    """One action that has to find its place, or may find one, after *invoked*.

    A definite call took effect before *returned*. A call with *returned* None is indefinite: it
    takes effect at any later time, once or never. Both are places in one total order of events,
    no two of them equal.
    """

    action: Action
    invoked: int
    returned: int | None


def calls_by_key(operations: Iterable[Operation]) -> dict[Key, list[tuple[Call, Operation]]]:
    """The calls on each key, in invoke order, with the operation that each one is.

    Operations that bind no order are left out; a key of which nothing else is known has no calls.
    """
    by_key: dict[Key, list[tuple[Call, Operation]]] = {}
    for operation in operations:
        calls = by_key.setdefault(operation.key, [])
        action = operation.action()
        if action is not None:
            returned = operation.completed_at if operation.definite else None
            calls.append((Call(action, operation.invoked_at, returned), operation))
    return by_key
