"""Whom the clients of a run ask while nodes come and go; nobody is asked for real."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jepsen_lite.clients import Client, Outcome, Wish
from jepsen_lite.generators import dice
from jepsen_lite.history import EventType, HistoryWriter, read_history
from jepsen_lite.models import KV
from jepsen_lite.workload import Crowd, Pace, Reader, Recorder, Seat, crowd_size, seats_for
from jepsen_lite.workload.seats import PinnedSeat, Places, RoamingSeat

pytestmark = pytest.mark.anyio

PATIENCE = 10.0


def addresses(*nodes: str) -> dict[str, str]:
    return {node: f"127.0.0.1:{number}" for number, node in enumerate(nodes, 1)}


def test_each_node_has_a_place_and_a_newcomer_takes_the_first_that_is_free() -> None:
    known = addresses("n1", "n2", "n3")
    places = Places(known, 4)
    assert [places.node_at(place) for place in range(4)] == ["n1", "n2", "n3", None]
    known["n4"] = "127.0.0.1:4"
    assert places.node_at(3) == "n4"
    del known["n2"]
    assert [places.node_at(place) for place in range(4)] == ["n1", None, "n3", "n4"]
    known["n5"] = "127.0.0.1:5"
    known["n6"] = "127.0.0.1:6"  # one more than there are places for
    assert [places.node_at(place) for place in range(4)] == ["n1", "n5", "n3", "n4"]


def test_a_pinned_seat_keeps_its_client_until_its_node_leaves() -> None:
    known = addresses("n1")
    seat = PinnedSeat(Places(known, 1), 0, dice(1))
    first = seat.look()
    assert first is not None
    assert first.node == "n1"
    assert seat.look() is first
    del known["n1"]
    assert seat.look() is None
    known["n2"] = "127.0.0.1:2"
    second = seat.look()
    assert second is not None
    assert second.node == "n2"


def test_a_roaming_seat_begins_anew_when_a_node_that_it_knows_has_left() -> None:
    known = addresses("n1", "n2")
    seat = RoamingSeat(known, dice(1))
    first = seat.look()
    known["n3"] = "127.0.0.1:3"
    assert seat.look() is first  # it finds the newcomer by itself, if it must
    del known["n1"]
    assert seat.look() is not first
    assert seat.known == {"n2", "n3"}


def test_every_place_has_three_processes_and_five_roam() -> None:
    seats = seats_for(addresses("n1", "n2"), 7, places=3)
    assert len(seats) == crowd_size(3) == 14
    asked = Counter(
        client.node if (client := seat.where.look()) is not None else "vacant" for seat in seats
    )
    assert asked == {"n1": 3, "n2": 3, "vacant": 3, None: 5}


@dataclass
class Told:
    """A client that answers at once, and says whom it asks."""

    node: str | None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def perform(self, wish: Wish) -> Outcome:
        self.asked.set()
        return Outcome(type=EventType.OK, value=None)

    async def close(self) -> None:
        self.closed.set()


@dataclass
class Chair:
    """A seat whose client the test chooses."""

    client: Client | None

    def look(self) -> Client | None:
        return self.client


async def test_processes_end_with_their_node_and_begin_under_new_numbers_at_the_next(
    tmp_path: Path,
) -> None:
    first, second, other = Told("n1"), Told("n3"), Told("n2")
    moving = Chair(first)
    seats = [Seat(chair, Reader(dice(1))) for chair in (moving, Chair(other))]
    with HistoryWriter(tmp_path / "history.jsonl") as history:
        recorder = Recorder(history, lambda: 0, processes=2)
        async with asyncio.timeout(PATIENCE), Crowd(recorder, seats, Pace()).at_work():
            await first.asked.wait()
            await other.asked.wait()
            moving.client = None
            await first.closed.wait()
            moving.client = second
            await second.asked.wait()
    assert second.closed.is_set()
    assert other.closed.is_set()
    asked: dict[object, set[object]] = {}
    for one in read_history(tmp_path / "history.jsonl", KV).operations:
        assert one.completion is not None
        asked.setdefault(one.process, set()).add(one.completion.extra["node"])
    assert asked == {0: {"n1"}, 1: {"n2"}, 2: {"n3"}}
