"""One node and clusters of nodes, in memory: turns, timers, waits for the disk, failures, ends."""

from __future__ import annotations

import logging
import random
from collections.abc import Collection, Mapping

import anyio
import pytest

from huffleraft.core import (
    ClientRequested,
    Entry,
    Leader,
    Persist,
    PreVoteRequest,
    Received,
    RequestVoteRequest,
    Send,
    Timer,
    TimerExpired,
    Vote,
)
from huffleraft.core import (
    StorageFailed as StorageFailedEvent,
)
from huffleraft.core.types import EntryId
from huffleraft.errors import (
    Halted,
    NoLeader,
    NotLeader,
    OutcomeUnknown,
    Overloaded,
    ReadTimedOut,
    Stopping,
    StorageFailed,
    StorageFull,
)
from huffleraft.kv.commands import Register, Set, encode_command
from huffleraft.kv.overlay import Bounds
from huffleraft.kv.queries import Found, Get, decode_answer, encode_query
from huffleraft.kv.replica import KvStateMachine
from huffleraft.kv.results import Changed, decode_result
from huffleraft.ports import Kind, PeerMessage, Row
from huffleraft.runtime.changes import Remove
from huffleraft.runtime.clock import BoottimeClock
from huffleraft.runtime.memory_network import MemoryHub
from huffleraft.runtime.node import Node
from huffleraft.runtime.requests import LocalRequest
from huffleraft.runtime.writer import Writer
from huffleraft.settings import NodeSettings
from huffleraft.store.memory import MemoryDisk, MemoryStore
from tests.kv.memory_rows import MemoryRows
from tests.runtime.parts import (
    PATIENCE,
    SWIFT,
    HandClock,
    HandDisk,
    KeptDisk,
    Steps,
    cluster,
    founders,
    node_over,
)

pytestmark = pytest.mark.anyio


def a_set(value: bytes, key: str = "k") -> bytes:
    return encode_command(Set(key, value))


async def value_of(node: Node, key: str = "k", *, forward: bool = False) -> bytes:
    answer = await node.read(encode_query(Get(key)), forward=forward)
    found = decode_answer(answer.payload)
    assert isinstance(found, Found)
    return found.value


def proposed(steps: Steps) -> list[bytes]:
    """The commands that the core was handed."""
    handed = [event for event in steps.events if isinstance(event, ClientRequested)]
    return [command for event in handed for _, command in event.requests]


class Wire:
    """A network that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, PeerMessage]] = []

    def send(self, to: str, message: PeerMessage) -> bool:
        self.sent.append((to, message))
        return True

    def connect(self, addresses: object) -> None:
        pass

    def reaches(self, peer: str) -> bool:
        return True


# Clusters.


async def test_three_nodes_elect_a_leader_that_commits_and_reads() -> None:
    async with cluster("n1", "n2", "n3") as nodes:
        leader = await nodes.leader()

        written = await leader.write(a_set(b"v"))

        assert decode_result(written.payload) == Changed(written.index, 1)
        assert await value_of(leader) == b"v"


async def test_followers_hand_operations_to_the_leader() -> None:
    async with cluster("n1", "n2", "n3") as nodes:
        leader = await nodes.leader()
        follower = nodes.others(leader)[0]
        await follower.leader_known()

        written = await follower.write(a_set(b"v"), forward=True)

        assert written.term == leader.server.current_term
        assert await value_of(follower, forward=True) == b"v"
        with pytest.raises(NotLeader) as refusal:
            await follower.write(a_set(b"w"))
        assert refusal.value.leader_id == leader.server.id
        assert refusal.value.address == f"{leader.server.id}.invalid:1"


async def test_the_rest_go_on_when_the_leader_is_killed_and_it_comes_back() -> None:
    async with cluster("n1", "n2", "n3") as nodes:
        first = await nodes.leader()
        await first.write(a_set(b"before"))
        lost = first.server.id

        nodes.kill(lost)
        second = await nodes.leader(besides=lost)
        assert await value_of(second) == b"before"
        after = await second.write(a_set(b"after"))
        again = await nodes.start(lost)
        await nodes.steps[lost].until(lambda server: server.last_applied >= after.index)

        assert second.server.current_term > first.server.current_term
        stale = await again.read(encode_query(Get("k")), stale=True)
        assert stale.index >= 1


async def test_a_lost_link_makes_a_forwarded_write_indefinite_and_a_read_retriable() -> None:
    async with cluster("n1", "n2", "n3") as nodes:
        leader = await nodes.leader()
        follower = nodes.others(leader)[0]
        await follower.leader_known()
        nodes.hub.cut(leader.server.id, follower.server.id)
        ended: list[Exception] = []

        async def ask_a_write() -> None:
            with pytest.raises(OutcomeUnknown) as error:
                await follower.write(a_set(b"v"), forward=True)
            ended.append(error.value)

        async def ask_a_read() -> None:
            with pytest.raises(NoLeader) as error:
                await follower.read(encode_query(Get("k")), forward=True)
            ended.append(error.value)

        async with anyio.create_task_group() as askers:
            askers.start_soon(ask_a_write)
            askers.start_soon(ask_a_read)
            await nodes.steps[leader.server.id].until(lambda server: server.commit_index >= 3)
            follower.link_lost(leader.server.id)

        assert len(ended) == 2


async def test_whoever_applies_its_own_removal_ends_and_the_asker_has_its_answer() -> None:
    async with cluster("n1", "n2", "n3") as nodes:
        leader = await nodes.leader()
        follower, other = nodes.others(leader)
        await leader.write(a_set(b"1"))  # what the leader of a new term has committed

        for gone in (follower.server.id, leader.server.id):
            answer = await leader.change(Remove(gone, force=True))
            assert answer.payload == b""
            await nodes.removed[gone].wait()

        assert other.server.configuration.voters == (other.server.id,)
        assert await nodes.leader(besides=leader.server.id) is other
        await other.write(a_set(b"2"))


async def test_an_isolated_leader_answers_no_read() -> None:
    async with cluster("n1", "n2", "n3") as nodes:
        leader = await nodes.leader()
        await leader.write(a_set(b"v"))
        nodes.hub.isolate(leader.server.id)

        with pytest.raises((ReadTimedOut, NoLeader)):
            await leader.read(encode_query(Get("k")), timeout=2.0)


async def test_an_isolated_leader_cannot_say_what_became_of_a_write() -> None:
    async with cluster("n1", "n2", "n3") as nodes:
        leader = await nodes.leader()
        nodes.hub.isolate(leader.server.id)

        with pytest.raises(OutcomeUnknown):
            await leader.write(a_set(b"v"), timeout=0.1)


async def test_commands_of_one_turn_are_one_event_and_writes_are_merged() -> None:
    async with cluster("n1", "n2", "n3") as nodes:
        leader = await nodes.leader()
        written = set()

        async def write(number: int) -> None:
            answer = await leader.write(a_set(b"v", f"k{number}"))
            written.add(answer.index)

        async with anyio.create_task_group() as clients:
            for number in range(100):
                clients.start_soon(write, number)

        events = nodes.steps[leader.server.id].events
        sizes = [len(event.requests) for event in events if isinstance(event, ClientRequested)]
        assert len(written) == 100
        assert sum(sizes) == 100
        assert len(sizes) <= 10


# One node: alone, and among peers that the test plays.


async def test_the_only_voter_leads_at_once() -> None:
    disk = KeptDisk(founders("n1"))
    patient = NodeSettings(election_min=60.0, election_max=120.0)
    node = node_over(disk.recovered("n1"), disk, MemoryHub().network("n1"), settings=patient)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            await tasks.start(node.run)
            await node.leader_known()
            await node.write(a_set(b"v"))

            assert await value_of(node) == b"v"
            await node.stop()


async def test_o4_timers_already_due_are_delivered_before_any_other_event() -> None:
    """As after a night's sleep: the message came first, and what is due goes before it."""
    disk, clock, steps = KeptDisk(founders("n1", "n2", "n3")), HandClock(), Steps()
    node = node_over(disk.recovered("n1"), disk, Wire(), clock=clock, observe=steps)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            await tasks.start(node.run)
            clock.time += 8 * 3600
            ask = PreVoteRequest("n2", 1, EntryId(1, 1))
            node.receive("n2", ask)
            await steps.until(lambda _: Received(ask) in steps.events)
            await node.stop()

    before = steps.events[: steps.events.index(Received(ask))]
    assert before == [TimerExpired(Timer.STICKINESS), TimerExpired(Timer.ELECTION)]


async def test_o3_no_message_leaves_before_its_write_is_durable() -> None:
    wire, disk, clock, steps = Wire(), HandDisk(), HandClock(), Steps()
    recovered = KeptDisk(founders("n1", "n2", "n3")).recovered("n1")
    node = node_over(recovered, disk, wire, clock=clock, observe=steps)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            await tasks.start(node.run)
            clock.time += SWIFT.stickiness
            node.receive("n2", RequestVoteRequest("n2", 7, EntryId(1, 1)))
            await disk.until_begun(1)
            for _ in range(20):  # however many turns pass, nothing may leave
                node.receive("n3", PreVoteRequest("n3", 1, EntryId(1, 1)))
                await steps.more()
            term_7 = [message for _, message in wire.sent if message.term == 7]  # type: ignore[union-attr]
            assert term_7 == []

            disk.finish()
            await steps.until(lambda server: server.disk.vote == Vote(7, "n2"))
            granted = [one for to, one in wire.sent if to == "n2" and one.term == 7]  # type: ignore[union-attr]
            assert len(granted) == 1
            tasks.cancel_scope.cancel()
    sends = [
        effect for *_, effects in steps.taken for effect in effects if isinstance(effect, Send)
    ]
    assert any(send.after is not None for send in sends)


async def test_a_full_disk_delays_writes_and_the_same_batch_is_written_when_there_is_room() -> None:
    disk, steps = HandDisk(), Steps()
    recovered = KeptDisk(founders("n1")).recovered("n1")
    quick = NodeSettings(storage_retry=0.001)
    node = node_over(recovered, disk, MemoryHub().network("n1"), settings=quick, observe=steps)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            await tasks.start(node.run)
            for attempt in range(3):
                await disk.until_begun(attempt + 1)
                disk.finish(StorageFull("the disk"))
            await disk.until_begun(4)
            assert disk.begun[0] == disk.begun[1] == disk.begun[2] == disk.begun[3]
            disk.finish()
            await steps.until(lambda server: server.disk.vote.voted_for is not None)
            tasks.cancel_scope.cancel()


async def test_a_failed_disk_answers_every_request_and_ends_the_node() -> None:
    disk, steps = HandDisk(), Steps()
    recovered = KeptDisk(founders("n1")).recovered("n1")
    node = node_over(recovered, disk, MemoryHub().network("n1"), observe=steps)
    outcomes: list[object] = []

    async def run() -> None:
        with pytest.raises(StorageFailed):
            await node.run()

    async def write() -> None:
        try:
            outcomes.append(await node.write(a_set(b"v")))
        except OutcomeUnknown as error:
            outcomes.append(error)

    async def read() -> None:
        try:
            outcomes.append(await node.read(encode_query(Get("k"))))
        except (Halted, ReadTimedOut) as error:
            outcomes.append(error)

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await disk.until_begun(1)
            disk.finish()
            await steps.until(lambda server: isinstance(server.role, Leader))
            tasks.start_soon(write)
            tasks.start_soon(read)
            await steps.until(
                lambda server: isinstance(server.role, Leader) and bool(server.role.proposals)
            )
            disk.finish(StorageFailed("the platter is cracked"))

    assert len(outcomes) == 2
    assert sum(isinstance(outcome, OutcomeUnknown) for outcome in outcomes) == 1
    assert any(isinstance(event, StorageFailedEvent) for event in steps.events)
    with pytest.raises(Halted, match="cracked"):
        await node.write(a_set(b"w"))


async def test_a_broken_invariant_ends_the_node(caplog: pytest.LogCaptureFixture) -> None:
    """The disk speaks of a write that nobody asked for: the core's assert ends it, once."""
    disk = KeptDisk(founders("n1", "n2", "n3"))
    node = node_over(disk.recovered("n1"), disk, Wire())
    node._writer.durable = 99
    with (
        anyio.fail_after(PATIENCE),
        caplog.at_level(logging.CRITICAL),
        pytest.raises(Halted, match="AssertionError"),
    ):
        await node.run()

    assert "halts" in caplog.text


async def test_beyond_its_bounds_a_node_refuses_definitely() -> None:
    disk = KeptDisk(founders("n1", "n2"))
    tight = NodeSettings(requests_outstanding=1, bytes_waiting=100)
    node = node_over(disk.recovered("n1"), disk, Wire(), settings=tight)

    with pytest.raises(Overloaded):
        await node.write(bytes(101))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(node.write, encode_command(Register()))
        while not len(node._requests):
            await anyio.lowlevel.checkpoint()
        with pytest.raises(Overloaded):
            await node.read(encode_query(Get("k")))
        tasks.cancel_scope.cancel()


async def test_a_stopping_node_refuses_what_is_new_and_finishes_what_it_holds() -> None:
    disk, steps = HandDisk(), Steps()
    recovered = KeptDisk(founders("n1")).recovered("n1")
    node = node_over(recovered, disk, MemoryHub().network("n1"), observe=steps)
    finished: list[object] = []

    async def write() -> None:
        finished.append(await node.write(a_set(b"v")))

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(node.run)
            await disk.until_begun(1)
            disk.finish()
            await steps.until(lambda server: isinstance(server.role, Leader))
            tasks.start_soon(write)
            await steps.until(
                lambda server: isinstance(server.role, Leader) and bool(server.role.proposals)
            )
            tasks.start_soon(node.stop)
            while node._requests.closed is None:
                await anyio.lowlevel.checkpoint()
            with pytest.raises(Stopping):
                await node.write(a_set(b"w"))
            disk.finish_all()

    assert len(finished) == 1


async def test_what_a_stop_cannot_finish_is_indefinite() -> None:
    disk, steps = HandDisk(), Steps()
    recovered = KeptDisk(founders("n1")).recovered("n1")
    hasty = NodeSettings(stop_timeout=0.05)
    node = node_over(recovered, disk, MemoryHub().network("n1"), observe=steps, settings=hasty)

    async def write() -> None:
        with pytest.raises(OutcomeUnknown):
            await node.write(a_set(b"v"))

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(node.run)
            await disk.until_begun(1)
            disk.finish()
            await steps.until(lambda server: isinstance(server.role, Leader))
            tasks.start_soon(write)
            await steps.until(
                lambda server: isinstance(server.role, Leader) and bool(server.role.proposals)
            )
            await node.stop()


async def test_a_command_withdrawn_before_its_turn_is_never_run() -> None:
    disk, steps = KeptDisk(founders("n1")), Steps()
    node = node_over(disk.recovered("n1"), disk, MemoryHub().network("n1"), observe=steps)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            await tasks.start(node.run)
            withdrawn = LocalRequest(a_set(b"v"), Kind.WRITE, deadline=node._deadline(None))
            node._intake.offer(withdrawn)
            node._requests.withdraw(withdrawn)
            await node.write(a_set(b"next"))
            tasks.cancel_scope.cancel()
    assert proposed(steps) == [a_set(b"next")]


async def test_a_write_that_is_late_before_its_turn_is_refused_definitely() -> None:
    disk, steps = KeptDisk(founders("n1")), Steps()
    node = node_over(disk.recovered("n1"), disk, MemoryHub().network("n1"), observe=steps)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            await tasks.start(node.run)
            with pytest.raises(Overloaded):
                await node.write(a_set(b"late"), -1.0)
            await node.write(a_set(b"next"))
            tasks.cancel_scope.cancel()
    assert proposed(steps) == [a_set(b"next")]


async def test_a_machine_that_must_be_flushed_is_while_writes_never_cease() -> None:
    rows = MemoryRows()
    machine = KvStateMachine(rows, 0, {}, Bounds(dirty_rows=1))
    disk = HandDisk()
    writer = Writer(disk, machine, SWIFT, tell=lambda: writer.gather(Persist(2)))

    with anyio.fail_after(PATIENCE):
        await machine.apply((Entry(1, 1, a_set(b"v")),))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(writer.run)
            writer.gather(Persist(1))
            writer.release()
            for batch in range(1, 6):  # each time, the next is gathered before it is done
                await disk.until_begun(batch)
                disk.finish()
            await disk.until_begun(6)
            tasks.cancel_scope.cancel()
    assert rows.last_applied == 1


async def test_the_log_goes_on_while_the_machine_is_busy_and_may_not_be_flushed() -> None:
    rows = MemoryRows()
    machine = KvStateMachine(rows, 0, {}, Bounds(dirty_rows=1))
    disk = HandDisk()
    disk.finish_all()
    flushed = anyio.Event()

    def tell() -> None:
        if rows.last_applied:
            flushed.set()

    writer = Writer(disk, machine, SWIFT, tell)
    with anyio.fail_after(PATIENCE):
        await machine.apply((Entry(1, 1, a_set(b"v")),))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(writer.run)
            with writer.without_flushes():
                for batch in range(1, 4):
                    writer.gather(Persist(batch))
                    writer.release()
                    await disk.until_begun(batch)
                writer.want_flush()
                await anyio.wait_all_tasks_blocked()
                assert rows.flushes_begun == 0
            await flushed.wait()
            tasks.cancel_scope.cancel()
    assert rows.last_applied == 1


async def test_what_waits_for_a_dead_disk_is_bounded() -> None:
    disk, wire = HandDisk(), Wire()
    tight = NodeSettings(sends_held=3)
    node = node_over(
        KeptDisk(founders("n1", "n2", "n3")).recovered("n1"), disk, wire, settings=tight
    )
    driver = node._driver
    driver.begin()
    driver.handle(TimerExpired(Timer.STICKINESS))
    for term in range(2, 12):
        driver.handle(Received(RequestVoteRequest("n2", term, EntryId(1, 1))))
    assert sum(map(len, driver._held.values())) <= 3


async def test_a_read_does_not_wait_for_a_disk_longer_than_it_may() -> None:
    class StuckRows(MemoryRows):
        async def fetch(self, keys: Collection[str]) -> Mapping[str, Row]:
            await anyio.sleep_forever()
            raise AssertionError

    disk = KeptDisk(founders("n1"))
    node = Node(
        disk.recovered("n1"),
        storage=disk,
        snapshots=MemoryStore(MemoryDisk()),
        machine=KvStateMachine(StuckRows(), 0, {}),
        network=MemoryHub().network("n1"),
        clock=BoottimeClock(),
        dice=random.Random(1).uniform,
        settings=SWIFT,
    )
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            await tasks.start(node.run)
            for stale in (False, True):
                with pytest.raises(ReadTimedOut):
                    await node.read(encode_query(Get("k")), 0.05, stale=stale)
            tasks.cancel_scope.cancel()
