"""One connection through the proxy: who dialled, the node that was meant, two streams between.

The dialler is accepted at once, for a kernel would do so.  The node is dialled only when
the first bytes have named the caller and its link lets them go.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from jepsen_lite.proxy.ends import Ears, SocketEnd, abort
from jepsen_lite.proxy.links import CLIENTS, Link, PeerConnection
from jepsen_lite.proxy.opening import Caller, FromClient, FromPeer, FromStranger, who_calls
from jepsen_lite.proxy.stream import Stream

if TYPE_CHECKING:
    from jepsen_lite.proxy.stream import Gate

OPENING_SECONDS: Final = 10.0
"""Who has not said by then who it is, is let go."""


class Exchange(Protocol):
    """What a conversation asks of the proxy that it is part of."""

    def gate(self, link: Link) -> Gate | None:
        """The gate of *link*; None if one of its ends is unknown here."""

    def port_of(self, node: str) -> int | None:
        """The port on which *node* really listens; None while it is down."""

    def met(self, peer: PeerConnection) -> None:
        """A node was connected to for another."""

    def turned_away(self, why: str) -> None:
        """A caller was no client and no node."""

    def converse(self, conversation: Conversation) -> None:
        """*conversation* has begun."""

    def part(self, conversation: Conversation) -> None:
        """*conversation* is over."""


class Conversation:
    """A connection that was accepted on the address of *target*."""

    def __init__(self, exchange: Exchange, target: str) -> None:
        self._exchange = exchange
        self._target = target
        self._dialler: asyncio.Transport | None = None
        self._node: asyncio.Transport | None = None
        self._opening = bytearray()
        self._caller: Caller | None = None
        self._forward: Stream | None = None
        self._backward: Stream | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def dialler_end(self) -> SocketEnd:
        """The protocol of the socket that is accepted for this conversation."""
        return SocketEnd(
            Ears(self._dialled, self._from_dialler, self._dialler_ended, self._dialler_full)
        )

    # From the dialler.

    def _dialled(self, dialler: asyncio.Transport) -> None:
        """Somebody connected; nothing is known of it yet."""
        self._dialler = dialler
        self._exchange.converse(self)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(OPENING_SECONDS, self._reset)

    def _from_dialler(self, data: bytes) -> None:
        """The dialler sent *data*."""
        if self._forward is not None:
            self._forward.feed(data)
            return
        if self._caller is not None:
            return
        self._opening += data
        self._caller = who_calls(bytes(self._opening))
        if self._caller is not None:
            self._introduce(self._caller)

    def _dialler_ended(self, lost: bool) -> None:
        """The dialler sends no more; *lost*: nor does it hear any."""
        if self._forward is None:
            self._reset()
            return
        if lost and self._backward is not None:
            self._backward.abandon()
        self._forward.end(source_lost=lost)

    def _dialler_full(self, full: bool) -> None:
        """The dialler takes no more for now, or takes more again."""
        _flow(self._backward, full)

    # From the node.

    def _connected(self, node: asyncio.Transport) -> None:
        """The node was reached."""
        self._node = node
        if isinstance(self._caller, FromPeer):
            port = node.get_extra_info("sockname")[1]
            caller = self._caller
            self._exchange.met(PeerConnection(caller.node, caller.boot, self._target, port))
        if self._forward is not None:
            self._forward.attach(node)

    def _from_node(self, data: bytes) -> None:
        """The node sent *data*."""
        if self._backward is not None:
            self._backward.feed(data)

    def _node_ended(self, lost: bool) -> None:
        """The node sends no more; *lost*: nor does it hear any."""
        if lost and self._forward is not None:
            self._forward.abandon()
        if self._backward is not None:
            self._backward.end(source_lost=lost)

    def _node_full(self, full: bool) -> None:
        """The node takes no more for now, or takes more again."""
        _flow(self._forward, full)

    # The whole.

    def close(self) -> None:
        """End it, whatever is still under way."""
        self._reset()

    def _introduce(self, caller: Caller) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        match caller:
            case FromPeer(node, _):
                self._begin(node)
            case FromClient():
                self._begin(CLIENTS)
            case FromStranger(why):
                self._turn_away(why)

    def _begin(self, source: str) -> None:
        """Both directions, now that it is known which links they are part of."""
        there = self._exchange.gate(Link(source, self._target))
        back = self._exchange.gate(Link(self._target, source))
        if there is None or back is None or self._dialler is None:
            self._turn_away(f"{self._target} was called by {source}, whom nobody here knows")
            return
        there.connections += 1
        self._forward = Stream(
            there,
            self._dialler,
            open_sink=self._connect,
            reset_connection=self._reset,
            ended=self._part_when_done,
        )
        self._backward = Stream(
            back,
            _Back(self),
            open_sink=lambda: None,
            reset_connection=self._reset,
            ended=self._part_when_done,
        )
        self._backward.attach(self._dialler)
        self._forward.feed(bytes(self._opening))

    def _turn_away(self, why: str) -> None:
        self._exchange.turned_away(why)
        self._reset()

    def _connect(self) -> None:
        self._connecting = asyncio.get_running_loop().create_task(self._dial_node())

    async def _dial_node(self) -> None:
        port = self._exchange.port_of(self._target)
        try:
            if port is None:
                raise ConnectionRefusedError  # as a kernel would say it
            ears = Ears(self._connected, self._from_node, self._node_ended, self._node_full)
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: SocketEnd(ears), "127.0.0.1", port)
        except OSError:
            self._node_ended(lost=True)

    def _part_when_done(self) -> None:
        """Close both sockets once both directions are told to their end."""
        if self._forward is None or self._backward is None:
            return
        if self._forward.is_done and self._backward.is_done:
            for transport in (self._dialler, self._node):
                if transport is not None:
                    transport.close()
            self._exchange.part(self)

    def _reset(self) -> None:
        """End both directions at once, as a network does that has lost a piece of a stream."""
        if self._deadline is not None:
            self._deadline.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
        for transport in (self._dialler, self._node):
            if transport is not None:
                abort(transport)
        for stream in (self._forward, self._backward):
            if stream is not None:
                stream.abandon()
        self._exchange.part(self)


class _Back:
    """The node's socket as the source of the stream back, from before it is connected."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def pause_reading(self) -> None:
        if (node := self._conversation._node) is not None:  # noqa: SLF001  # two halves of one idea
            node.pause_reading()

    def resume_reading(self) -> None:
        if (node := self._conversation._node) is not None:  # noqa: SLF001
            node.resume_reading()


def _flow(stream: Stream | None, full: bool) -> None:
    if stream is None:
        return
    if full:
        stream.sink_full()
    else:
        stream.sink_drained()
