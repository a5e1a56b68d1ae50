"""What an embedder owes the core (O1-O7), where no test of one part shows it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import anyio
import pytest

from huffleraft.core import (
    Apply,
    Committed,
    Entry,
    EntryId,
    Event,
    ReadReady,
    Received,
    Reply,
    RequestVoteRequest,
    StorageFailed,
    Timer,
    TimerExpired,
)
from huffleraft.kv.replica import KvStateMachine
from huffleraft.runtime.applier import Applier
from tests.kv.memory_rows import MemoryRows
from tests.runtime.parts import PATIENCE, SWIFT, HandDisk, KeptDisk, Steps, founders, node_over
from tests.runtime.test_node import Wire, a_set

pytestmark = pytest.mark.anyio


class SlowMachine(KvStateMachine):
    """A machine that lets everybody else go first, and notes when it has applied."""

    def __init__(self, told: list[str]) -> None:
        super().__init__(MemoryRows(), 0, {})
        self._told = told

    async def apply(self, entries: Sequence[Entry]) -> Sequence[bytes]:
        """Apply, late."""
        await anyio.wait_all_tasks_blocked()
        results = await super().apply(entries)
        self._told.append(f"applied up to {self.last_applied}")
        return results


async def test_o1_an_answer_is_given_behind_the_apply_that_stands_before_it() -> None:
    told: list[str] = []

    def answer(effect: Reply | ReadReady, _: bytes) -> None:
        told.append(f"{type(effect).__name__} {effect.ref}")

    applier = Applier(
        SlowMachine(told), SWIFT, answer=answer, tell=lambda: None, without_flushes=nullcontext
    )
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(applier.run)
            for index in (1, 2):
                applier.put(Apply((Entry(1, index, a_set(b"v")),)))
                applier.put(Reply(index, Committed(index, 1)))
                applier.put(ReadReady(10 + index))
            await applier.drained()
            tasks.cancel_scope.cancel()

    assert told == [
        "applied up to 1", "Reply 1", "ReadReady 11", "applied up to 2", "Reply 2", "ReadReady 12",
    ]  # fmt: skip


async def test_o7_after_a_halt_nothing_is_stepped_written_or_sent() -> None:
    wire, disk, steps = Wire(), HandDisk(), Steps()
    recovered = KeptDisk(founders("n1", "n2", "n3")).recovered("n1")
    driver = node_over(recovered, disk, wire, observe=steps)._driver
    driver.begin()
    driver.handle(TimerExpired(Timer.STICKINESS))
    driver.handle(Received(RequestVoteRequest("n2", 7, EntryId(1, 1))))
    driver.handle(StorageFailed("the platter is cracked"))
    assert driver.halted == "the platter is cracked"
    taken = len(steps.taken)

    later: list[Event] = [
        Received(RequestVoteRequest("n3", 9, EntryId(1, 1))),
        TimerExpired(Timer.ELECTION),
    ]
    for event in later:
        driver.handle(event)
    driver.persisted(1)  # and the vote that waited for this write is not cast any more

    assert len(steps.taken) == taken
    assert wire.sent == []
