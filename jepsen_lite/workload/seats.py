"""Where a client sits: nodes come and go, and whoever asks them has to move.

A *seat* says which client to ask with now.  There is a *place* for each node that may be there at
once.  When a node leaves, its place is free, and the processes pinned there end with it; a newcomer
takes the first free place, and the processes there begin anew, under numbers nobody has had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

from jepsen_lite.clients import Client, PinnedClient, RoamingClient
from jepsen_lite.generators import dice
from jepsen_lite.workload.mix import Mixer, Reader
from jepsen_lite.workload.process import Diet

ROAMERS: Final = 5
MIXERS_PER_NODE: Final = 2


class Places:
    """Which node has which of *count* places; *addresses* are those of the nodes, as of now."""

    def __init__(self, addresses: Mapping[str, str], count: int) -> None:
        self.addresses = addresses
        self._nodes: list[str | None] = [None] * count

    def node_at(self, place: int) -> str | None:
        """Who sits there now; None while nobody does."""
        self._nodes = [node if node in self.addresses else None for node in self._nodes]
        for node in self.addresses:
            if node not in self._nodes and None in self._nodes:
                self._nodes[self._nodes.index(None)] = node
        return self._nodes[place]


class Where(Protocol):
    """Knows whom to ask, as long as that is the same; a client is made anew where it is not."""

    def look(self) -> Client | None:
        """The client to ask with now; None if there is nobody to be asked."""
        ...


@dataclass(slots=True)
class PinnedSeat:
    """Asks the node that has *place*."""

    places: Places
    place: int
    rolls: Random
    client: PinnedClient | None = None

    def look(self) -> Client | None:
        """A client pinned to the node that sits here now."""
        node = self.places.node_at(self.place)
        if node is None:
            self.client = None
        elif self.client is None or self.client.node != node:
            self.client = PinnedClient(node, self.places.addresses, rolls=self.rolls)
        return self.client


@dataclass(slots=True)
class RoamingSeat:
    """Asks whoever answers; anew, with a session of its own, when a node that it knows has left."""

    addresses: Mapping[str, str]
    rolls: Random
    known: frozenset[str] = frozenset()
    client: RoamingClient | None = None

    def look(self) -> Client | None:
        """A client that knows no node that has left."""
        if self.client is None or not self.known <= self.addresses.keys():
            self.known = frozenset(self.addresses)
            self.client = RoamingClient(self.addresses, rolls=self.rolls)
        return self.client


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a process sits, and what it asks from there."""

    where: Where
    diet: Diet


def crowd_size(places: int) -> int:
    """How many clients work on a cluster of at most so many nodes."""
    return places * (1 + MIXERS_PER_NODE) + ROAMERS


def seats_for(addresses: Mapping[str, str], seed: int, *, places: int) -> tuple[Seat, ...]:
    """A reader and two mixers pinned to each of *places*, and five that roam.

    *addresses* (node id to host:port) is looked at again and again.
    """
    taken = Places(addresses, places)
    seats: list[Seat] = []
    for place in range(places):
        rolls = dice(seed, "reader", str(place))
        seats.append(Seat(PinnedSeat(taken, place, rolls), Reader(rolls)))
        for number in range(MIXERS_PER_NODE):
            rolls = dice(seed, "mixer", str(place), str(number))
            seats.append(Seat(PinnedSeat(taken, place, rolls), Mixer(rolls)))
    for number in range(ROAMERS):
        rolls = dice(seed, "roamer", str(number))
        seats.append(Seat(RoamingSeat(addresses, rolls), Mixer(rolls)))
    return tuple(seats)
