"""The whole network: an address for each node, a gate for each link, every conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from jepsen_lite.proxy.control import (
    Add,
    Answer,
    Command,
    Cut,
    Delay,
    Heal,
    Point,
    Report,
    Withdraw,
)
from jepsen_lite.proxy.conversation import Conversation
from jepsen_lite.proxy.links import CLIENTS, Link, PeerConnection, ProxyReport
from jepsen_lite.proxy.ports import keep_ports, listen_on
from jepsen_lite.proxy.stream import Gate

if TYPE_CHECKING:
    import socket

PEER_CONNECTIONS_MAX: Final = 100_000
"""More than any run makes; a node that dials in a loop must not fill the report."""

DELAY_SECONDS_MAX: Final = 60.0


class Unanswerable(ValueError):  # noqa: N818  # it names what the command is
    """A command names a node or a link that does not exist here, or a value out of its range."""


class TcpExchange:
    """All nodes of *nodes*, each with an address of its own, none of them up yet."""

    def __init__(self, nodes: Sequence[str]) -> None:
        self._keepers = dict(zip(nodes, keep_ports(len(nodes)), strict=True))
        self._listeners: dict[str, asyncio.Server] = {}
        self._ports: dict[str, int] = {}
        self._gates: dict[Link, Gate] = {}
        for place, node in enumerate(nodes):
            self._join_to(node, (*nodes[:place], CLIENTS))
        self._conversations: set[Conversation] = set()
        self._peers: list[PeerConnection] = []
        self._strangers = 0

    @property
    def addresses(self) -> dict[str, str]:
        """Node id to the address that this exchange owns for it."""
        return {node: _address(keeper) for node, keeper in self._keepers.items()}

    async def obey(self, command: Command) -> Answer:
        """Do what *command* says.  Raises Unanswerable."""
        match command:
            case Add(number, node):
                return Answer(number, address=self._add(node))
            case Point(number, node, port):
                await self._point(self._known(node), port)
                return Answer(number)
            case Withdraw(number, node):
                self._withdraw(self._known(node))
                return Answer(number)
            case Cut(number, links):
                for gate in self._gates_of(links):
                    gate.cut()
                return Answer(number, report=self._report())
            case Heal(number, fates):
                gates = self._gates_of(link for link, _ in fates)
                for gate, (_, fate) in zip(gates, fates, strict=True):
                    gate.heal(fate)
                return Answer(number, report=self._report())
            case Delay(number, seconds):
                gates = self._gates_of(link for link, _ in seconds)
                if any(not 0 <= delay <= DELAY_SECONDS_MAX for _, delay in seconds):
                    raise Unanswerable(f"a delay is from 0 to {DELAY_SECONDS_MAX:g} seconds")
                for gate, (_, delay) in zip(gates, seconds, strict=True):
                    gate.slow_down(delay)
                return Answer(number, report=self._report())
            case Report(number):
                return Answer(number, report=self._report())

    def close(self) -> None:
        """Let go of every address and end every conversation."""
        for node in tuple(self._listeners):
            self._withdraw(node)
        for conversation in tuple(self._conversations):
            conversation.close()
        for keeper in self._keepers.values():
            keeper.close()

    # What a conversation asks.

    def gate(self, link: Link) -> Gate | None:
        """The gate of *link*; None if one of its ends is unknown here."""
        return self._gates.get(link)

    def port_of(self, node: str) -> int | None:
        """The port on which *node* really listens; None while it is down."""
        return self._ports.get(node)

    def met(self, peer: PeerConnection) -> None:
        """A node was connected to for another."""
        if len(self._peers) < PEER_CONNECTIONS_MAX:
            self._peers.append(peer)

    def turned_away(self, why: str) -> None:  # noqa: ARG002  # counted; its own log has the reason
        """A caller was no client and no node."""
        self._strangers += 1

    def converse(self, conversation: Conversation) -> None:
        """*conversation* has begun."""
        self._conversations.add(conversation)

    def part(self, conversation: Conversation) -> None:
        """*conversation* is over."""
        self._conversations.discard(conversation)

    def _add(self, node: str) -> str:
        """Keep an address for *node* as well.  An id is never given a second time."""
        if node in self._keepers or node == CLIENTS:
            raise Unanswerable(f"{node!r} is here already; a new node needs a new id")
        (keeper,) = keep_ports(1)
        self._join_to(node, (*self._keepers, CLIENTS))
        self._keepers[node] = keeper
        return _address(keeper)

    def _join_to(self, node: str, ends: Iterable[str]) -> None:
        """Links both ways between *node* and each of *ends*."""
        for end in ends:
            for link in (Link(node, end), Link(end, node)):
                self._gates[link] = Gate(link)

    async def _point(self, node: str, port: int) -> None:
        if not 0 < port < 65_536:
            raise Unanswerable(f"{port} is no port; give one from 1 to 65535")
        self._ports[node] = port
        if node not in self._listeners:
            loop = asyncio.get_running_loop()
            self._listeners[node] = await loop.create_server(
                lambda: Conversation(self, node).dialler_end(), sock=listen_on(self._keepers[node])
            )

    def _withdraw(self, node: str) -> None:
        self._ports.pop(node, None)
        listener = self._listeners.pop(node, None)
        if listener is not None:
            listener.close()

    def _known(self, node: str) -> str:
        if node not in self._keepers:
            raise Unanswerable(f"no node {node!r} here; there are {', '.join(self._keepers)}")
        return node

    def _gates_of(self, links: Iterable[Link]) -> tuple[Gate, ...]:
        found = {link: self._gates.get(link) for link in links}
        unknown = [str(link) for link, gate in found.items() if gate is None]
        if unknown:
            raise Unanswerable(
                f"no link {', '.join(unknown)} here: an end is no node, or both are one"
            )
        return tuple(gate for gate in found.values() if gate is not None)

    def _report(self) -> ProxyReport:
        return ProxyReport(
            links=tuple(gate.report() for gate in self._gates.values()),
            peer_connections=tuple(self._peers),
            strangers=self._strangers,
        )


def _address(sock: socket.socket) -> str:
    host, port = sock.getsockname()
    return f"{host}:{port}"
