"""The receiving end of a stream: whose bytes are staged, and when the core hears of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from huffleraft.core import (
    ORIGIN,
    Entry,
    InstallSnapshotRequest,
    Limits,
    Log,
    Server,
    Snapshot,
    Vote,
)
from huffleraft.core.recovery import recover
from huffleraft.ports import (
    Flush,
    PeerMessage,
    Row,
    SnapshotChunk,
    SnapshotCopy,
    SnapshotOffer,
    SnapshotWanted,
    Standing,
)
from huffleraft.runtime.transfer_frames import sealed_chunk
from huffleraft.runtime.transfers_in import Incoming
from huffleraft.store.memory import MemoryDisk, MemoryStore
from tests.runtime.parts import PATIENCE, founders

pytestmark = pytest.mark.anyio

THREE = founders("n1", "n2", "n3")
PIECE = 10_000


class Answers:
    """A network that keeps the answers, and lets a test wait for them."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, SnapshotWanted]] = []
        self._more = anyio.Event()

    def send(self, to: str, message: PeerMessage) -> bool:
        assert isinstance(message, SnapshotWanted)
        self.sent.append((to, message))
        self._more.set()
        return True

    def connect(self, addresses: object) -> None:
        pass

    def reaches(self, peer: str) -> bool:
        return True

    async def until(self, count: int) -> tuple[str, SnapshotWanted]:
        while len(self.sent) < count:
            self._more = anyio.Event()
            await self._more.wait()
        return self.sent[-1]


class GatedStore(MemoryStore):
    """A store that verifies what was staged when the test says so."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__(disk)
        self.gate = anyio.Event()
        self.asked = anyio.Event()

    async def finish_staged(self) -> None:
        self.asked.set()
        await self.gate.wait()
        await super().finish_staged()


def follower(*, term: int = 2) -> Server:
    """A server in *term* that knows of nothing committed."""
    server, _ = recover("n3", 1, Limits(), Vote(term), None, ORIGIN, (Entry(1, 1, THREE),), 0)
    assert server.log == Log(ORIGIN, (Entry(1, 1, THREE),))
    return server


class Receiver:
    """An `Incoming` over a disk in memory, and copies made elsewhere."""

    def __init__(self) -> None:
        self.disk = MemoryDisk()
        self.store = GatedStore(self.disk)
        self.answers = Answers()
        self.server = follower()
        self.rung = anyio.Event()
        self.incoming = Incoming(
            self.store, network=self.answers, server=lambda: self.server, ring=self._ring
        )

    def _ring(self) -> None:
        self.rung.set()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    with anyio.fail_after(PATIENCE):
        made = Receiver()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(made.incoming.run)
            yield made
            assert made.incoming.failure is None
            tasks.cancel_scope.cancel()


async def a_copy(index: int, value: bytes) -> tuple[SnapshotCopy, bytes]:
    """A copy of some rows at *index*, and its bytes."""
    store = MemoryStore(MemoryDisk())
    rows = {f"k{number}": Row(value, 1, index) for number in range(100)}
    await store.flush(Flush(index, rows, {}))
    copy = await store.copy_rows()
    return copy, await store.read_copy(copy, 0, copy.size)


def an_offer(source: str, number: int, copy: SnapshotCopy, *, term: int = 2) -> SnapshotOffer:
    snapshot = Snapshot(copy.index, 1, THREE)
    install = InstallSnapshotRequest(source, term, snapshot)
    return SnapshotOffer(number, install, copy.size, copy.digest)


async def offered(play: Receiver, offer: SnapshotOffer) -> tuple[str, SnapshotWanted]:
    """Offer it; whom the next answer goes to, and what it is."""
    before = len(play.answers.sent)
    play.incoming.offered(offer.install.source, offer)
    return await play.answers.until(before + 1)


async def taken(play: Receiver, source: str, chunk: SnapshotChunk) -> tuple[str, SnapshotWanted]:
    """Send it; whom the next answer goes to, and what it is."""
    before = len(play.answers.sent)
    play.incoming.take(source, chunk)
    return await play.answers.until(before + 1)


async def pour(play: Receiver, offer: SnapshotOffer, data: bytes, *, until: int) -> None:
    """Send *data* from its beginning up to *until*, a piece after each answer."""
    source = offer.install.source
    _, answer = await offered(play, offer)
    while answer.offset < until:
        assert answer.standing is Standing.MORE
        end = min(until, answer.offset + PIECE)
        chunk = sealed_chunk(offer.number, answer.offset, data[answer.offset : end])
        if end == offer.size:  # the next answer comes when it has been installed
            play.incoming.take(source, chunk)
            return
        _, answer = await taken(play, source, chunk)


async def test_is_4_the_core_hears_of_a_copy_only_once_it_is_verified_and_durable() -> None:
    async with receiver() as play:
        copy, data = await a_copy(5, bytes(500))
        await pour(play, an_offer("n1", 1, copy), data, until=copy.size)
        await play.store.asked.wait()
        assert play.incoming.next_delivery() is None

        play.store.gate.set()
        await play.rung.wait()
        delivery = play.incoming.next_delivery()
        assert delivery is not None
        assert delivery.install == an_offer("n1", 1, copy).install
        assert play.disk.staged is not None
        assert play.disk.staged.waits


async def test_is_3_bytes_of_a_stream_that_is_not_in_place_are_refused_and_never_staged() -> None:
    async with receiver() as play:
        old, old_data = await a_copy(5, b"a" * 500)
        new, new_data = await a_copy(7, b"b" * 500)
        await pour(play, an_offer("n1", 1, old, term=2), old_data, until=2 * PIECE)
        await pour(play, an_offer("n2", 1, new, term=3), new_data, until=PIECE)
        assert play.disk.staged is not None

        late = sealed_chunk(1, PIECE, old_data[PIECE : 2 * PIECE])
        to, answer = await taken(play, "n1", late)

        assert (to, answer.standing) == ("n1", Standing.REFUSED)
        assert bytes(play.disk.staged.data) == new_data[:PIECE]


async def test_is_2_another_leaders_copy_begins_at_its_beginning() -> None:
    async with receiver() as play:
        old, old_data = await a_copy(5, b"a" * 500)
        new, _ = await a_copy(5, b"b" * 500)
        await pour(play, an_offer("n1", 1, old, term=2), old_data, until=2 * PIECE)

        answer = await offered(play, an_offer("n2", 9, new, term=3))
        assert answer == ("n2", SnapshotWanted(9, 0, Standing.MORE))


async def test_the_same_copy_goes_on_whoever_offers_it() -> None:
    async with receiver() as play:
        copy, data = await a_copy(5, b"a" * 500)
        await pour(play, an_offer("n1", 1, copy, term=2), data, until=2 * PIECE)

        answer = await offered(play, an_offer("n2", 9, copy, term=3))
        assert answer == ("n2", SnapshotWanted(9, 2 * PIECE, Standing.MORE))


@pytest.mark.parametrize(
    "source,number,term",
    [("n1", 4, 3), ("n2", 1, 2), ("n2", 1, 1)],
    ids=["an earlier stream", "an earlier term's leader", "a term that is over"],
)
async def test_what_is_older_than_the_stream_in_place_is_refused(
    source: str, number: int, term: int
) -> None:
    async with receiver() as play:
        copy, data = await a_copy(5, b"a" * 500)
        await pour(play, an_offer("n1", 5, copy, term=3), data, until=PIECE)

        to, answer = await offered(play, an_offer(source, number, copy, term=term))
        assert (to, answer.number, answer.standing) == (source, number, Standing.REFUSED)


async def test_an_offer_that_is_repeated_is_told_how_far_it_is() -> None:
    async with receiver() as play:
        copy, data = await a_copy(5, b"a" * 500)
        offer = an_offer("n1", 5, copy)
        await pour(play, offer, data, until=2 * PIECE)

        answer = await offered(play, offer)
        assert answer == ("n1", SnapshotWanted(5, 2 * PIECE, Standing.MORE))


async def test_what_is_here_already_needs_no_bytes() -> None:
    async with receiver() as play:
        copy, _ = await a_copy(0, b"a")
        play.incoming.offered("n1", an_offer("n1", 1, copy))
        delivery = play.incoming.next_delivery()
        assert delivery is not None
        play.incoming.delivered(delivery, taken=False)

        assert play.answers.sent == [("n1", SnapshotWanted(1, copy.size, Standing.DONE))]
        assert play.disk.staged is None


async def test_a_copy_that_the_core_did_not_take_is_let_go() -> None:
    async with receiver() as play:
        copy, data = await a_copy(5, bytes(500))
        play.store.gate.set()
        await pour(play, an_offer("n1", 1, copy), data, until=copy.size)
        await play.rung.wait()
        delivery = play.incoming.next_delivery()
        assert delivery is not None
        play.incoming.delivered(delivery, taken=False)

        # The next one can be received, which it could not be while this one waited.
        other, other_data = await a_copy(6, bytes(400))
        await pour(play, an_offer("n1", 2, other), other_data, until=PIECE)
        assert play.disk.staged is not None
        assert play.disk.staged.copy == other


async def test_chunks_beyond_any_window_are_lost_and_memory_is_bounded() -> None:
    async with receiver() as play:
        copy, data = await a_copy(5, bytes(500))
        play.incoming.offered("n1", an_offer("n1", 1, copy))
        for _ in range(1_000):
            play.incoming.take("n1", sealed_chunk(1, 0, data[:PIECE]))
        await play.answers.until(9)
        await anyio.wait_all_tasks_blocked()
        assert len(play.answers.sent) == 9
