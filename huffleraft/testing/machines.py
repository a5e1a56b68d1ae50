"""What a state machine owes a node: the same for the same entries, once each, also after a restart.

O1; `huffleraft.ports.StateMachine`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio
from hypothesis import given
from hypothesis import strategies as st

from huffleraft.core import Configuration, Entry, Payload
from huffleraft.ports import StateMachine
from huffleraft.testing.verdict import drawn, require

M = TypeVar("M", bound=StateMachine)

_MEMBERS = Configuration.of({"n1": "n1:1"})


def check_machine(
    new_machine: Callable[[], Awaitable[M]],
    restart: Callable[[M], Awaitable[M]],
    state: Callable[[M], Awaitable[object]],
    commands: st.SearchStrategy[bytes],
    *,
    examples: int = 50,
) -> None:
    """Raise NotConforming unless the machines that *new_machine* makes agree with each other.

    *restart* makes what is durable of a machine into another, as a node that starts again does;
    it may stand at an earlier entry, and is then given the rest again.  *state* is all that
    answers may depend on, sessions included, as a value that can be compared.
    """
    payloads = st.one_of(commands, commands, commands, st.none(), st.just(_MEMBERS))
    logs = st.lists(payloads, min_size=1, max_size=12)

    @drawn(examples)
    @given(logs, st.integers(0, 11))
    def agree(log: list[Payload], place: int) -> None:
        entries = tuple(Entry(1, index, payload) for index, payload in enumerate(log, start=1))

        async def compare() -> None:
            one = await new_machine()
            results = [result for entry in entries for result in await _apply(one, (entry,))]
            other = await new_machine()
            together = await _apply(other, entries)
            _same(list(together), results, "results do not depend on what is applied together")
            _same(await state(other), await state(one), "equal entries make equal states")
            third = await new_machine()
            await _apply(third, entries[: place % len(entries)])
            third = await restart(third)
            again = await _apply(third, entries[third.last_applied :])
            expected = results[len(results) - len(again) :]
            _same(list(again), expected, "a restart changes no later result")
            _same(await state(third), await state(one), "a restart loses and repeats nothing")

        anyio.run(compare)

    agree()


async def _apply(machine: StateMachine, entries: Sequence[Entry]) -> Sequence[bytes]:
    if not entries:
        return ()
    results = await machine.apply(entries)
    last = entries[-1].index
    require(len(results) == len(entries), "each entry has a result", f"{len(results)} of {entries}")
    require(
        machine.last_applied == last, "last_applied is the last entry's", f"{machine.last_applied}"
    )
    for entry, result in zip(entries, results, strict=True):
        if not isinstance(entry.payload, bytes):
            require(result == b"", "what is no command has the empty result", f"{result!r}")
    return results


def _same(found: object, expected: object, promise: str) -> None:
    require(found == expected, promise, f"{found!r}, not {expected!r}")
