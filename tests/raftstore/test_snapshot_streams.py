"""Streams of snapshots under every accident: damage, silence, lost links, full disks, crashes.

The nodes are whole, the network is in memory, and the test sits on the wire.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import replace

import anyio
import pytest

from huffleraft.core import Effect, Leader, Limits, Restore
from huffleraft.ports import (
    PeerMessage,
    SnapshotAsk,
    SnapshotChunk,
    SnapshotWanted,
    Standing,
)
from huffleraft.runtime.transfer_frames import CHUNK_BYTES, sealed_chunk
from huffleraft.runtime.transfers_out import WINDOW_BYTES
from huffleraft.settings import NodeSettings
from huffleraft.store.memory import MemoryDisk
from tests.raftstore.stores import PATIENCE, SWIFT, Stores, stores
from tests.raftstore.test_snapshots import agreement, until_applied, write_keys
from tests.raftstore.wire import Orders, TappedHub

pytestmark = pytest.mark.anyio

SMALL = replace(
    SWIFT,
    snapshot_entries=100,
    limits=Limits(trailing_entries=10),
    link_idle=0.2,
    link_dead=0.5,
)
KEYS = 300
VALUE_BYTES = 2_000
"""Together some ten chunks."""


class Scene:
    """A cluster of which some nodes are down and need a snapshot to come back."""

    def __init__(self, cluster: Stores, hub: TappedHub, orders: Orders, down: list[str]) -> None:
        self.cluster = cluster
        self.hub = hub
        self.orders = orders
        self.down = down
        self.leader = cluster.leader().node_id

    async def caught_up(self) -> None:
        """Return once all agree, by one install for each node that was down."""
        for node_id in self.down:
            await until_applied(self.cluster.running[node_id], KEYS)
        assert len(await agreement(self.cluster)) == 1
        for node_id in self.down:
            await self.orders.settled(node_id)
        assert [self.installs(node_id) for node_id in self.down] == [1] * len(self.down)

    @property
    def ends(self) -> list[bool]:
        """How the orders for the first node that was down ended."""
        return self.orders.ends.get(self.down[0], []) if self.down[0] in self.orders._up else []

    def installs(self, node_id: str) -> int:
        return self.cluster.running[node_id]._node.installs

    def disk(self, node_id: str) -> MemoryDisk:
        disk = self.cluster.disk(node_id)
        assert isinstance(disk, MemoryDisk)
        return disk


@asynccontextmanager
async def scene(
    *, count: int = 3, down: int = 1, settings: NodeSettings = SMALL
) -> AsyncIterator[Scene]:
    """*down* of *count* nodes miss what the others' logs hold no more."""
    orders = Orders()
    hub = TappedHub(orders)
    async with stores(None, count, settings=settings, hub=hub, observe=orders.of) as cluster:
        missing = [store.node_id for store in cluster.followers()[:down]]
        for node_id in missing:
            await cluster.close(node_id)
        await write_keys(cluster.leader(), KEYS, size=VALUE_BYTES)
        yield Scene(cluster, hub, orders, missing)


async def test_a_chunk_that_is_damaged_is_asked_for_again() -> None:
    async with scene() as play:
        damaged: list[int] = []

        def meddle(_source: str, _to: str, message: PeerMessage) -> PeerMessage:
            if isinstance(message, SnapshotChunk) and message.offset and not damaged:
                damaged.append(message.offset)
                return replace(message, data=bytes(len(message.data)))
            return message

        play.hub.meddle = meddle
        await play.cluster.open(play.down[0])
        await play.caught_up()

        again = [chunk.offset for _, _, chunk in play.hub.chunks].count(damaged[0])
        assert again >= 2
        assert play.ends == [True]


async def test_a_copy_that_came_damaged_is_thrown_away_and_sent_again() -> None:
    async with scene() as play:
        damaged: list[int] = []

        def meddle(_source: str, _to: str, message: PeerMessage) -> PeerMessage:
            if isinstance(message, SnapshotChunk) and message.offset and not damaged:
                damaged.append(message.offset)
                return sealed_chunk(message.number, message.offset, bytes(len(message.data)))
            return message

        play.hub.meddle = meddle
        await play.cluster.open(play.down[0])
        await play.orders.until(lambda: play.ends == [False])
        assert play.disk(play.down[0]).staged is None
        assert play.installs(play.down[0]) == 0

        await play.caught_up()
        assert play.ends == [False, True]


async def test_a_stream_goes_on_where_a_lost_link_stopped_it() -> None:
    async with scene() as play:
        lost: list[int] = []

        def meddle(source: str, to: str, message: PeerMessage) -> PeerMessage:
            late = isinstance(message, SnapshotChunk) and message.offset >= 5 * CHUNK_BYTES
            if late and not lost:
                lost.append(1)
                play.hub.lose_link(source, to)
            return message

        play.hub.meddle = meddle
        await play.cluster.open(play.down[0])
        await play.caught_up()

        assert play.ends == [False, True]
        size = play.hub.offers[0][2].size
        assert size > 8 * CHUNK_BYTES
        assert play.hub.bytes_sent() <= size + WINDOW_BYTES


async def test_a_part_that_lies_there_from_a_boot_before_is_not_sent_again() -> None:
    async with scene() as play:
        reached = anyio.Event()

        def meddle(_source: str, _to: str, message: PeerMessage) -> PeerMessage | None:
            if isinstance(message, SnapshotChunk) and message.offset >= 5 * CHUNK_BYTES:
                reached.set()
                return None
            return message

        play.hub.meddle = meddle
        await play.cluster.open(play.down[0])
        await reached.wait()
        while not (staged := play.disk(play.down[0]).staged) or len(staged.data) < 5 * CHUNK_BYTES:
            await anyio.lowlevel.checkpoint()
        await play.cluster.close(play.down[0])
        play.hub.chunks.clear()
        play.hub.meddle = lambda _source, _to, message: message
        await play.cluster.open(play.down[0])
        await play.caught_up()

        assert min(chunk.offset for _, _, chunk in play.hub.chunks) == 5 * CHUNK_BYTES


async def test_a_peer_that_falls_silent_is_given_up_and_served_later() -> None:
    async with scene() as play:
        silent = True

        def meddle(_source: str, _to: str, message: PeerMessage) -> PeerMessage | None:
            wanted = isinstance(message, SnapshotWanted) and message.offset > 2 * CHUNK_BYTES
            return None if wanted and silent else message

        play.hub.meddle = meddle
        await play.cluster.open(play.down[0])
        await play.orders.until(lambda: play.ends[:1] == [False])
        silent = False
        await play.caught_up()


async def test_two_peers_receive_one_copy_at_once() -> None:
    async with scene(count=5, down=2) as play:
        await play.cluster.open(play.down[0])
        await play.cluster.open(play.down[1])
        await play.caught_up()

        assert {to for _, to, _ in play.hub.chunks} == set(play.down)
        assert len({offer.digest for _, _, offer in play.hub.offers}) == 1


async def test_writes_go_on_while_a_snapshot_is_sent() -> None:
    async with scene() as play:
        held: list[SnapshotWanted] = []
        holding = True
        reached = anyio.Event()

        def meddle(_source: str, _to: str, message: PeerMessage) -> PeerMessage | None:
            if holding and isinstance(message, SnapshotWanted) and message.offset > CHUNK_BYTES:
                held.append(message)
                reached.set()
                return replace(message, offset=CHUNK_BYTES, standing=Standing.MORE)
            return message

        play.hub.meddle = meddle
        await play.cluster.open(play.down[0])
        await reached.wait()
        leader = play.cluster.running[play.leader]
        taken = leader.server.snapshot
        await write_keys(leader, 150, first=KEYS)
        assert play.ends == []
        assert leader.server.snapshot is taken, "a snapshot now would leave the peer behind it"
        holding = False
        await play.caught_up()


async def test_an_isolated_leader_ends_its_streams_and_another_goes_on() -> None:
    patient = replace(SMALL, link_dead=PATIENCE)  # so that silence alone ends nothing here
    async with scene(count=5, settings=patient) as play:
        down, deposed = play.down[0], play.leader
        reached = anyio.Event()

        def meddle(source: str, _to: str, message: PeerMessage) -> PeerMessage | None:
            if (
                isinstance(message, SnapshotChunk)
                and message.offset >= 3 * CHUNK_BYTES
                and source == deposed
            ):
                reached.set()
                return None
            return message

        play.hub.meddle = meddle
        receiver = await play.cluster.open(down)
        await reached.wait()
        play.hub.isolate(deposed)
        await play.orders.until(lambda: receiver.server.leader not in {None, deposed})
        await until_applied(receiver, KEYS)
        former = play.cluster.running[deposed]
        await play.orders.until(lambda: not isinstance(former.server.role, Leader))
        await play.orders.until(lambda: not former._node._transfers.sending)
        play.hub.heal()
        await play.orders.until(lambda: former.server.leader not in {None, deposed})

        await play.caught_up()
        assert {offer.install.term for _, _, offer in play.hub.offers} != {
            play.hub.offers[0][2].install.term
        }


async def test_a_full_disk_ends_the_stream_with_one_line_and_leaves_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR, "huffleraft.node")
    async with scene() as play:
        disk = play.disk(play.down[0])

        def meddle(_source: str, to: str, message: PeerMessage) -> PeerMessage:
            if isinstance(message, SnapshotChunk) and message.offset >= 3 * CHUNK_BYTES:
                disk.full = to == play.down[0] and len(play.ends) < 2
            return message

        play.hub.meddle = meddle
        await play.cluster.open(play.down[0])
        await play.orders.until(lambda: len(play.ends) == 1)
        assert disk.staged is None
        await play.orders.until(lambda: len(play.ends) == 2)
        assert disk.staged is None
        disk.full = False
        await play.caught_up()

        assert play.ends == [False, False, True]
        lines = [r.message for r in caplog.records if "no snapshot can be received" in r.message]
        assert len(lines) == 1


async def test_a_sender_whose_disk_is_full_sends_nothing_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with scene() as play:
        disk = play.disk(play.leader)
        disk.full = True
        await play.cluster.open(play.down[0])
        await play.orders.until(lambda: len(play.ends) >= 2)
        assert not any(play.ends)
        assert play.hub.offers == []
        disk.full = False
        await play.caught_up()

        lines = [r.message for r in caplog.records if "no snapshot can be sent" in r.message]
        assert len(lines) == 1


async def test_a_copy_is_made_for_nobody_who_does_not_answer() -> None:
    async with scene() as play:

        def meddle(_source: str, to: str, message: PeerMessage) -> PeerMessage | None:
            return None if isinstance(message, SnapshotAsk) and to == play.down[0] else message

        play.hub.meddle = meddle
        await play.cluster.open(play.down[0])
        await play.orders.until(lambda: play.ends == [False])
        assert play.hub.offers == []
        play.hub.meddle = lambda _source, _to, message: message
        await play.caught_up()


async def test_a_crash_right_after_the_install_is_mended_by_the_next_start() -> None:
    async with scene() as play:
        down = play.down[0]
        images: list[MemoryDisk] = []

        def watch(node_id: str, effects: tuple[Effect, ...]) -> None:
            if node_id == down and any(isinstance(effect, Restore) for effect in effects):
                images.append(deepcopy(play.disk(down)))

        play.orders.watch = watch
        await play.cluster.open(down)
        await until_applied(play.cluster.running[down], KEYS)
        await play.cluster.close(down)
        image = images[0]
        assert image.snapshot is not None
        assert image.last_applied < image.snapshot.last_included_index
        image.locked = False
        play.cluster._disks[down] = image
        play.hub.chunks.clear()

        await play.cluster.open(down)
        await play.caught_up()
        assert play.hub.chunks == []


async def test_an_order_that_takes_anothers_place_ends_with_it() -> None:
    async with scene() as play:
        orders = play.orders.ordered
        leader, down = play.cluster.running[play.leader], play.down[0]

        def meddle(_source: str, _to: str, message: PeerMessage) -> PeerMessage:
            late = isinstance(message, SnapshotChunk) and message.offset >= 3 * CHUNK_BYTES
            if late and len(orders[down]) == 1:
                orders[down].append(orders[down][0])
                leader._node._transfers.send(orders[down][0])
            return message

        play.hub.meddle = meddle
        await play.cluster.open(down)
        await play.caught_up()
        assert play.ends == [True, True]
        assert len(play.hub.offers) == 2
