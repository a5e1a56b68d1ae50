"""What a network owes a node: what arrives was sent, by whom it says, to whom it reached.

O3 allows it to lose, repeat and reorder; `huffleraft.ports.Network`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

import anyio
from hypothesis import given
from hypothesis import strategies as st

from huffleraft.core import AppendEntriesRequest, Entry, EntryId, PreVoteResponse
from huffleraft.ports import Inbox, Network, PeerMessage
from huffleraft.testing.verdict import NotConforming, drawn, require

Nodes = AbstractAsyncContextManager[dict[str, Network]]
"""Entered, the networks of all nodes, by their ids, connected to each other."""

PATIENCE = 5.0
"""Seconds within which one of the messages sent again and again must arrive."""


class Listener:
    """An inbox that keeps what it is given."""

    def __init__(self) -> None:
        self.received: list[tuple[str, PeerMessage]] = []
        self.more = anyio.Event()
        self.is_empty = False

    def has_left(self, node: str) -> bool:
        """Nobody has."""
        return not node

    def told_to_leave(self) -> None:
        """Nobody is."""

    def receive(self, source: str, message: PeerMessage) -> None:
        """Keep it."""
        self.received.append((source, message))
        self.more.set()
        self.more = anyio.Event()

    def link_lost(self, peer: str) -> None:
        """Links may be lost."""


def check_network(connected: Callable[[dict[str, Inbox]], Nodes], *, examples: int = 10) -> None:
    """Raise NotConforming unless the networks that *connected* makes deliver truly."""
    routes = st.sampled_from([(a, b) for a in "abc" for b in "abc" if a != b])

    @drawn(examples)
    @given(st.lists(routes, min_size=1, max_size=6))
    def true(sends: list[tuple[str, str]]) -> None:
        anyio.run(_delivers_truly, connected, sends)

    true()


async def _delivers_truly(
    connected: Callable[[dict[str, Inbox]], Nodes], sends: Sequence[tuple[str, str]]
) -> None:
    listeners = {name: Listener() for name in "abc"}
    inboxes: dict[str, Inbox] = {**listeners}
    async with connected(inboxes) as networks:
        sent: list[tuple[str, str, PeerMessage]] = []
        for number, (source, to) in enumerate(sends):
            message = _message(source, number)
            sent.append((source, to, message))
            await _until_arrived(networks[source], to, listeners[to], message)
        for to, listener in listeners.items():
            for source, message in listener.received:
                true = (source, to, message) in sent
                require(true, "what arrives was sent so", f"{to} got {message} of {source}")


def _message(source: str, number: int) -> PeerMessage:
    if number % 2:
        return PreVoteResponse(source, number + 1, vote_granted=True)
    entry = Entry(1, number + 1, b"\x00\xff" * number)
    return AppendEntriesRequest(
        source, 1, EntryId(1, number) if number else EntryId(0, 0), (entry,), 0
    )


async def _until_arrived(
    network: Network, to: str, listener: Listener, message: PeerMessage
) -> None:
    """Offer *message* again and again, as the core does, until something new arrives."""
    before = len(listener.received)
    with anyio.move_on_after(PATIENCE):
        while len(listener.received) == before:
            network.send(to, message)
            with anyio.move_on_after(0.05):
                await listener.more.wait()
        return
    raise NotConforming(
        f"what is sent again and again arrives: {to} got nothing within {PATIENCE} s"
    )
