"""Peers over real sockets on loopback: links, hellos, hostile callers, lost connections."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketListener, SocketStream, TaskGroup, TaskStatus

from huffleraft.core import Message, PreVoteRequest
from huffleraft.core.types import EntryId
from huffleraft.errors import FounderDiskGone
from huffleraft.ports import Forward, Kind, PeerMessage
from huffleraft.raftstore.door import bind, bound_address
from huffleraft.runtime.clock import BoottimeClock
from huffleraft.runtime.founding import ask_whether_known
from huffleraft.runtime.frames import FRAME_BYTES_MAX, KEEPALIVE, MAGIC, encode_peer_message, framed
from huffleraft.runtime.handshake import Hello, Member, Refusal, Welcome, decode_answer, opening
from huffleraft.runtime.network import PeerNetwork
from huffleraft.runtime.streams import read_opening
from huffleraft.settings import NodeSettings
from tests.runtime.parts import PATIENCE

pytestmark = pytest.mark.anyio

HASTY = NodeSettings(
    redial_min=0.005, redial_max=0.02, dial_timeout=0.5, link_idle=0.2, link_dead=0.6
)


class Mailbox:
    """An inbox that keeps what came, and lets a test wait for more."""

    def __init__(self) -> None:
        self.received: list[tuple[str, PeerMessage]] = []
        self.lost: list[str] = []
        self.left: set[str] = set()
        self.is_empty = False
        self.is_told_to_leave = False
        self._changed = anyio.Event()

    def has_left(self, node: str) -> bool:
        return node in self.left

    def told_to_leave(self) -> None:
        self.is_told_to_leave = True
        self._changed.set()

    def receive(self, source: str, message: PeerMessage) -> None:
        self.received.append((source, message))
        self._changed.set()

    def link_lost(self, peer: str) -> None:
        self.lost.append(peer)
        self._changed.set()

    async def change(self) -> None:
        self._changed = anyio.Event()
        await self._changed.wait()


class Peer:
    """One node's network, listening on a port of its own."""

    def __init__(
        self,
        node_id: str,
        *,
        boot: int = 1,
        cluster: str = "c1",
        settings: NodeSettings = HASTY,
    ) -> None:
        self.node_id = node_id
        self.settings = settings
        self.inbox = Mailbox()
        self.cluster, self.boot = cluster, boot
        self.address = ""
        self._life = anyio.CancelScope()

    async def live(self, *, task_status: TaskStatus[None]) -> None:
        listener = await a_listener()
        self.address = address_of(listener)
        me = Member(self.cluster, self.node_id, self.boot, self.address)
        self.network = PeerNetwork(
            me,
            settings=self.settings,
            clock=BoottimeClock(),
            dice=lambda low, high: (low + high) / 2,
        )
        with self._life:
            async with listener, anyio.create_task_group() as tasks:
                await tasks.start(self.network.run, self.inbox)
                tasks.start_soon(listener.serve, self.network.serve_peer)
                task_status.started()

    def die(self) -> None:
        self._life.cancel()

    async def dial(self) -> SocketStream:
        """A connection to its port, as a stranger makes it."""
        host, _, port = self.address.partition(":")
        return await anyio.connect_tcp(host, int(port))


@asynccontextmanager
async def living(*peers: Peer) -> AsyncIterator[TaskGroup]:
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            for peer in peers:
                await tasks.start(peer.live)
            yield tasks
            tasks.cancel_scope.cancel()


async def deliver(sender: Peer, to: Peer, message: PeerMessage) -> None:
    """Send until it has arrived: a network may lose."""
    seen = len(to.inbox.received)
    while (sender.node_id, message) not in to.inbox.received[seen:]:
        sender.network.send(to.node_id, message)
        with anyio.move_on_after(0.01):
            await to.inbox.change()


async def greeted(peer: Peer, hello: Hello) -> tuple[SocketStream, Welcome | Refusal]:
    stream = await peer.dial()
    await stream.send(opening(hello))
    body, _ = await read_opening(stream)
    return stream, decode_answer(body)


async def until_closed(stream: SocketStream) -> None:
    """Return once the other end has closed *stream*."""
    try:
        while True:
            await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        pass


async def a_listener() -> SocketListener:
    """A port of its own on loopback."""
    return await SocketListener.from_socket(bind("127.0.0.1:0"))


def address_of(listener: SocketListener) -> str:
    return bound_address(listener.extra(SocketAttribute.raw_socket))


class Log(logging.Handler):
    """The links' log, as something a test can wait on."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = anyio.Event()
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())
        self._changed.set()

    async def says(self, words: str) -> None:
        while not any(words in line for line in self._lines):
            self._changed = anyio.Event()
            await self._changed.wait()


@pytest.fixture
def log() -> Iterator[Log]:
    handler = Log()
    logging.getLogger("huffleraft.links").addHandler(handler)
    yield handler
    logging.getLogger("huffleraft.links").removeHandler(handler)


def a_message(source: str = "n1", term: int = 1) -> Message:
    return PreVoteRequest(source, term, EntryId(1, 1))


HELLO = Hello((1,), "c1", "n1", 1)


async def test_messages_travel_both_ways_each_on_its_own_connection() -> None:
    a, b = Peer("n1"), Peer("n2")
    async with living(a, b):
        a.network.connect({"n2": b.address})
        b.network.connect({"n1": a.address})

        await deliver(a, b, a_message("n1"))
        await deliver(b, a, a_message("n2"))
        await deliver(a, b, Forward(1, Kind.WRITE, bytes(2_000_000)))


async def test_nothing_is_queued_for_a_peer_that_cannot_be_reached() -> None:
    a = Peer("n1")
    async with living(a):
        a.network.connect({"n2": "127.0.0.1:1"})

        assert not a.network.send("n2", a_message())
        assert not a.network.send("n3", a_message())


async def test_a_link_comes_back_when_the_peer_does_and_both_losses_are_told() -> None:
    a, b = Peer("n1"), Peer("n2")
    async with living(a, b) as tasks:
        a.network.connect({"n2": b.address})
        await deliver(a, b, a_message())

        b.die()
        while "n2" not in a.inbox.lost:
            await a.inbox.change()
        again = Peer("n2", boot=2)
        await tasks.start(again.live)
        a.network.connect({"n2": again.address})

        await deliver(a, again, a_message())
        a.die()
        while "n1" not in again.inbox.lost:
            await again.inbox.change()


async def test_a_quiet_link_says_again_and_again_that_it_stands() -> None:
    a = Peer("n1")
    async with living(a), await a_listener() as listener:
        a.network.connect({"n2": address_of(listener)})
        async with await listener.accept() as stream:
            await read_opening(stream)
            await stream.send(opening(Welcome(1, "c1", "n2", 1, 0)))
            for _ in range(3):
                assert await stream.receive() == KEEPALIVE


async def test_a_connection_that_falls_silent_is_closed() -> None:
    peer = Peer("n2")
    async with living(peer):
        stream, said = await greeted(peer, HELLO)
        assert isinstance(said, Welcome)

        await until_closed(stream)

        assert peer.inbox.lost == ["n1"]
        await stream.aclose()


async def test_a_caller_that_nobody_knows_is_answered_where_it_says_that_it_is() -> None:
    newcomer, leader = Peer("n9"), Peer("n5")
    async with living(newcomer, leader):
        leader.network.connect({"n9": newcomer.address})  # n9 holds no configuration yet
        await deliver(leader, newcomer, a_message("n5"))
        await deliver(newcomer, leader, a_message("n9"))
        leader.die()
        while "n5" not in newcomer.inbox.lost:
            await newcomer.inbox.change()
    assert not newcomer.network.reaches("n5")


async def test_a_member_that_moved_is_answered_at_its_new_address() -> None:
    one, moved = Peer("n1"), Peer("n2")
    async with living(one, moved):
        one.network.connect({"n2": "127.0.0.1:1"})  # where it was
        moved.network.connect({"n1": one.address})
        await deliver(moved, one, a_message("n2"))
        await deliver(one, moved, a_message("n1"))


async def test_a_link_that_stands_is_kept_whatever_its_peer_says_of_itself() -> None:
    one, two = Peer("n1"), Peer("n2")
    async with living(one, two):
        two.network._me = replace(two.network._me, address="127.0.0.1:1")  # where nobody is
        one.network.connect({"n2": two.address})
        two.network.connect({"n1": one.address})
        await deliver(one, two, a_message("n1"))
        await deliver(two, one, a_message("n2"))

        await deliver(one, two, a_message("n1"))
        assert one.network.reaches("n2")


async def test_who_was_removed_hears_it_when_it_calls_also_if_it_was_connected() -> None:
    one, removed = Peer("n1"), Peer("n2")
    async with living(one, removed):
        removed.network.connect({"n1": one.address})
        await deliver(removed, one, a_message("n2"))
        one.inbox.left.add("n2")
        while not removed.inbox.is_told_to_leave:
            await removed.inbox.change()


async def test_a_newcomer_too_many_is_closed_and_a_member_still_heard() -> None:
    peer = Peer("n2", settings=NodeSettings(newcomers_heard=2))
    async with living(peer), AsyncExitStack() as heard:
        peer.network.connect({"n1": "127.0.0.1:1"})
        for newcomer in ("n7", "n8"):
            stream, _ = await greeted(peer, Hello((1,), "c1", newcomer, 1))
            await heard.enter_async_context(stream)
            await stream.send(framed(encode_peer_message(a_message(newcomer))))
            while (newcomer, a_message(newcomer)) not in peer.inbox.received:
                await peer.inbox.change()

        for one_too_many in ("n9", "n9"):
            refused, _ = await greeted(peer, Hello((1,), "c1", one_too_many, 1))
            await until_closed(refused)
            await refused.aclose()

        for known in ("n1", "n8"):  # a member, and one who calls again
            stream, _ = await greeted(peer, Hello((1,), "c1", known, 2))
            await heard.enter_async_context(stream)
            await stream.send(framed(encode_peer_message(a_message(known, term=7))))
            while (known, a_message(known, term=7)) not in peer.inbox.received:
                await peer.inbox.change()


async def test_a_half_said_hello_is_not_waited_for() -> None:
    peer = Peer("n2")
    async with living(peer):
        for beginning in (MAGIC[:2], MAGIC, opening(HELLO)[:-3]):
            stream = await peer.dial()
            await stream.send(beginning)
            await until_closed(stream)
            await stream.aclose()
        assert peer.inbox.received == []


@pytest.mark.parametrize(
    "hello, why",
    [
        (Hello((1,), "c2", "n1", 1), "n1 belongs to cluster c2 and n2 to c1"),
        (Hello((1,), "c1", "n2", 1), "n2 is this node's own id"),
        (Hello((9,), "c1", "n1", 1), "n2 speaks versions 1"),
        (Hello((1,), "c1", "n7", 1), "n7 was removed from this cluster"),
        (Hello((1,), "c1", "n1", 1), "n1 calls in its boot 1 and was met in boot 2 already"),
    ],
    ids=["cluster", "id", "version", "removed", "lower boot"],
)
async def test_who_does_not_belong_here_is_told_and_logged_once(
    hello: Hello, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    peer = Peer("n2")
    peer.inbox.left.add("n7")
    async with living(peer):
        peer.network.connect({"n1": "127.0.0.1:1"})
        met, _ = await greeted(peer, Hello((1,), "c1", "n1", 2))
        with caplog.at_level(logging.WARNING, "huffleraft.links"):
            for _ in range(2):
                stream, said = await greeted(peer, hello)
                assert isinstance(said, Refusal)
                assert why in said.why
                await until_closed(stream)
                await stream.aclose()
        await met.aclose()

    assert sum(why in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize(
    "sent, why",
    [
        ((FRAME_BYTES_MAX + 1).to_bytes(4, "big"), "announces 8388609 bytes"),
        (framed(b"\xc1garbage"), "a frame from n1: "),
        (framed(encode_peer_message(a_message("n3"))), "n1 sent a message that names n3"),
    ],
    ids=["too long", "no message", "another's message"],
)
async def test_a_peer_that_sends_what_no_peer_sends_is_cut_off_and_named(
    sent: bytes, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    peer = Peer("n2")
    async with living(peer):
        stream, _ = await greeted(peer, HELLO)
        with caplog.at_level(logging.WARNING, "huffleraft.links"):
            await stream.send(framed(encode_peer_message(a_message())) + sent)
            await until_closed(stream)
        await stream.aclose()

        assert set(peer.inbox.received) <= {("n1", a_message())}
    assert [record for record in caplog.records if why in record.getMessage()]


@pytest.mark.parametrize(
    "first",
    [b"GET / HTTP/1.1\r\n\r\n", MAGIC + b"\xff\xff\xff\xff", MAGIC + framed(b"\xc0")],
    ids=["HTTP", "too long a hello", "no hello"],
)
async def test_what_does_not_begin_like_a_peer_is_closed(first: bytes) -> None:
    peer = Peer("n2")
    async with living(peer):
        stream = await peer.dial()
        await stream.send(first)
        await until_closed(stream)
        await stream.aclose()
        assert peer.inbox.received == []


async def test_a_second_connection_of_a_peer_ends_the_first() -> None:
    peer = Peer("n2")
    async with living(peer):
        first, _ = await greeted(peer, HELLO)
        second, _ = await greeted(peer, Hello((1,), "c1", "n1", 2))

        await until_closed(first)
        await second.send(framed(encode_peer_message(a_message())))
        while not peer.inbox.received:
            await peer.inbox.change()

        await first.aclose()
        await second.aclose()


async def test_the_caller_refuses_an_address_where_another_node_answers(log: Log) -> None:
    a, b = Peer("n1"), Peer("n3")
    async with living(a, b):
        a.network.connect({"n2": b.address})
        await log.says("at the address of n2 answers n3")

        assert not a.network.send("n2", a_message())


async def test_a_founder_whose_id_was_met_before_does_not_start() -> None:
    a, b = Peer("n1"), Peer("n2", boot=4)
    async with living(a, b):
        b.network.connect({"n1": a.address})
        await deliver(b, a, a_message("n2"))

        with pytest.raises(FounderDiskGone) as error:
            await ask_whether_known("n2", "c1", {"n1": a.address, "n3": "127.0.0.1:1"}, 5.0)
        assert error.value.boot == 4


async def test_a_founder_that_nobody_met_or_answers_may_start() -> None:
    a = Peer("n1")
    silent = await a_listener()
    async with silent, living(a):
        others = {"n1": a.address, "n3": "127.0.0.1:1", "n4": address_of(silent)}
        await ask_whether_known("n2", "c1", others, 0.2)
