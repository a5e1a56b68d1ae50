"""A deck that is stopped ends at once, and has undone what was on."""

from __future__ import annotations

import asyncio

import pytest

from jepsen_lite.nemeses import DeckOutcome
from jepsen_lite.schedule import unless_stopped

pytestmark = pytest.mark.anyio

DEALT = DeckOutcome(faults=(), unbitten=("kill-all",))


async def test_a_deck_that_comes_to_its_end_is_told() -> None:
    async def dealing() -> DeckOutcome:
        return DEALT

    assert await unless_stopped(dealing(), asyncio.Event()) == DEALT


async def test_a_deck_that_is_stopped_has_undone_its_faults_when_it_is_let_go() -> None:
    stop, begun, undone = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def dealing() -> DeckOutcome:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(3):  # an undo takes a while
                await asyncio.sleep(0)
            undone.set()
        return DEALT

    running = asyncio.create_task(unless_stopped(dealing(), stop))
    await begun.wait()
    stop.set()

    assert await running is None
    assert undone.is_set()


async def test_a_deck_that_fails_is_not_taken_for_one_that_was_stopped() -> None:
    async def dealing() -> DeckOutcome:
        raise OSError("the proxy's process has ended")

    with pytest.raises(OSError, match="ended"):
        await unless_stopped(dealing(), asyncio.Event())


async def test_an_undo_that_fails_is_not_swallowed_by_the_stop() -> None:
    stop = asyncio.Event()
    begun = asyncio.Event()

    async def dealing() -> DeckOutcome:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("could not heal")

    running = asyncio.create_task(unless_stopped(dealing(), stop))
    await begun.wait()
    stop.set()

    with pytest.raises(OSError, match="heal"):
        await running
