"""Peers over TCP: a link to each of them, and a door for theirs.

`PeerNetwork` is a `Network`.  It does not listen: one port serves peers and clients, so whoever
owns the listener looks at the first bytes of a connection and hands a peer's to `serve_peer`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import anyio
from anyio.abc import ByteStream, SocketAttribute, TaskGroup, TaskStatus

from huffleraft.core.types import NodeId
from huffleraft.errors import FrameInvalid
from huffleraft.ports import Clock, Dice, Inbox, PeerMessage
from huffleraft.runtime.arrivals import Arrival
from huffleraft.runtime.frames import FrameReader, encode_peer_message, framed
from huffleraft.runtime.handshake import (
    ASKING,
    Acquaintances,
    Hello,
    Member,
    Refusal,
    answer,
    decode_hello,
    opening,
)
from huffleraft.runtime.links import Link
from huffleraft.runtime.streams import LOST, prepare, read_opening
from huffleraft.settings import NodeSettings

_log = logging.getLogger("huffleraft.links")

_INSPECTIONS = 4
"""Looks at all connections in `link_idle`: one task's timer instead of one for each wait."""

_COMPLAINTS_KEPT = 256
"""Reasons of refusals remembered, so that each is logged once."""


class PeerNetwork:
    """Links to the peers of one node, and the connections from them."""

    def __init__(self, me: Member, *, settings: NodeSettings, clock: Clock, dice: Dice) -> None:
        self._me = me
        self._settings = settings
        self._clock = clock
        self._dice = dice
        self._acquaintances = Acquaintances()
        self._addresses: Mapping[NodeId, str] = {}
        self._callers: dict[NodeId, str] = {}
        self._links: dict[NodeId, Link] = {}
        self._arrivals: dict[NodeId, Arrival] = {}
        self._complaints: dict[str, None] = {}
        self._inbox: Inbox | None = None
        self._tasks: TaskGroup | None = None
        self.sent = 0
        """Messages queued on links since the start."""
        self.dropped = 0
        """Messages that met no link, or a full one."""

    async def run(
        self, inbox: Inbox, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Keep the links and hand what arrives to *inbox*, until cancelled."""
        self._inbox = inbox
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                self._relink()
                task_status.started()
                while True:
                    await anyio.sleep(self._settings.link_idle / _INSPECTIONS)
                    self._inspect()
            finally:
                self._tasks = None

    # Network.

    def send(self, to: NodeId, message: PeerMessage) -> bool:
        """Queue *message* on the link to *to*; False if it was dropped at once."""
        link = self._links.get(to)
        taken = link is not None and link.up and link.offer(framed(encode_peer_message(message)))
        self.sent += taken
        self.dropped += not taken
        return taken

    def reaches(self, peer: NodeId) -> bool:
        """Whether the link to *peer* stands."""
        link = self._links.get(peer)
        return link is not None and link.up

    def connect(self, addresses: Mapping[NodeId, str]) -> None:
        """Keep links to these peers; one whose address has changed is dialled anew.

        And to whoever is connected here and reached at no other address, at the one that the caller
        names: it may be a leader that is unknown here yet, or a member that has moved, and wants to
        be answered.
        """
        self._addresses = dict(addresses)
        self._relink()

    def _relink(self) -> None:
        if self._tasks is None:
            return
        addresses = {**self._addresses, **self._callers}
        for peer, link in list(self._links.items()):
            if addresses.get(peer) != link.address:
                self._links.pop(peer).close()
        for peer, address in addresses.items():
            if peer not in self._links:
                link = self._links[peer] = self._link(peer, address)
                self._tasks.start_soon(link.run, name=f"link to {peer}")

    def _link(self, peer: NodeId, address: str) -> Link:
        return Link(
            peer,
            address,
            me=self._me,
            acquaintances=self._acquaintances,
            settings=self._settings,
            clock=self._clock,
            dice=self._dice,
            lost=self._link_lost,
            told_to_leave=self._told_to_leave,
        )

    # The door.

    async def serve_peer(self, stream: ByteStream, received: bytes = b"") -> None:
        """Hear one peer's connection, of which *received* was read, until it ends; close it.

        Raises nothing for what the other end does: it is told, logged once, and cut off.
        """
        try:
            prepare(stream)
            try:
                with anyio.fail_after(self._settings.dial_timeout):
                    hello, reader = await self._greet(stream, received)
            except (*LOST, TimeoutError):
                return
            if hello is not None:
                await self._hear(stream, hello, reader)
        except FrameInvalid as error:
            self._complain(f"a peer connection was closed: {error}")
        finally:
            await anyio.aclose_forcefully(stream)

    async def _greet(self, stream: ByteStream, received: bytes) -> tuple[Hello | None, FrameReader]:
        """Exchange hellos; None for one who was refused, or only asked."""
        body, reader = await read_opening(stream, received)
        hello = decode_hello(body)
        inbox = self._inbox
        if inbox is None:  # not running yet, or not any more: it will call again
            return None, reader
        reply = answer(
            self._me,
            hello,
            self._acquaintances,
            empty=inbox.is_empty,
            has_left=inbox.has_left,
        )
        await stream.send(opening(reply))
        if isinstance(reply, Refusal):
            self._complain(f"refused {hello.node_id}: {reply.why}")
            return None, reader
        return (None if hello.boot == ASKING else hello), reader

    async def _hear(self, stream: ByteStream, hello: Hello, reader: FrameReader) -> None:
        """Hand over this peer's messages.  It has one connection: a new one ends the last."""
        peer = hello.node_id
        inbox = self._inbox
        assert inbox is not None, "whoever was greeted is heard"
        if self._is_one_too_many(peer):
            most = self._settings.newcomers_heard
            self._complain(
                f"{peer} was not heard: no configuration known here names it, and {most} callers "
                "of that kind are heard already; it calls again by itself"
            )
            return
        self._acquaintances.meet(peer, hello.boot)
        port = stream.extra(SocketAttribute.remote_port, None)  # noqa: S610
        _log.info("hears %s in its boot %d from port %s", peer, hello.boot, port)
        former = self._arrivals.get(peer)
        if former is not None:
            former.close()

        def speaks() -> None:
            if hello.address and not self.reaches(peer):
                self._callers[peer] = hello.address
                self._relink()

        arrival = Arrival(peer, stream, reader, inbox, self._clock, speaks=speaks)
        self._arrivals[peer] = arrival
        try:
            await arrival.run()
        finally:
            if self._arrivals.get(peer) is arrival:
                del self._arrivals[peer]
                self._callers.pop(peer, None)
                self._relink()
            self._link_lost(peer)

    def _is_one_too_many(self, peer: NodeId) -> bool:
        """Whether *peer* is one of too many newcomers: each may make us hold a frame."""
        if peer in self._addresses or peer in self._arrivals:
            return False
        newcomers = self._arrivals.keys() - self._addresses.keys()
        return len(newcomers) >= self._settings.newcomers_heard

    # Both.

    def _link_lost(self, peer: NodeId) -> None:
        if self._inbox is not None:
            self._inbox.link_lost(peer)

    def _told_to_leave(self) -> None:
        if self._inbox is not None:
            self._inbox.told_to_leave()

    def _inspect(self) -> None:
        now = self._clock.now()
        for link in self._links.values():
            link.inspect(now)
        for peer, arrival in self._arrivals.items():
            arrival.inspect(now, self._settings.link_dead)
            if self._inbox is not None and self._inbox.has_left(peer):
                arrival.close()  # it calls again, and is told

    def _complain(self, complaint: str) -> None:
        if complaint not in self._complaints:
            if len(self._complaints) >= _COMPLAINTS_KEPT:
                del self._complaints[next(iter(self._complaints))]
            self._complaints[complaint] = None
            _log.warning("%s", complaint)
