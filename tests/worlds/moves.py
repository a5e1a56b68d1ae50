"""What can happen next to the nodes of a small world, by itself or between several.

Each function works out what follows from states of nodes alone; `world` remembers it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from huffleraft.core import (
    Candidate,
    ClientRequested,
    ConfigurationRequested,
    Event,
    Leader,
    Message,
    ReadRequested,
    Received,
    Ref,
    RequestVoteRequest,
    SnapshotSent,
    Timer,
    TimerExpired,
)
from tests.core.cluster import addressed
from tests.worlds.bounds import Bounds
from tests.worlds.node import After, Letter, Node, Physics

COMMAND = b"x"
"""What clients offer: an entry's id is its name, and one name on two entries is a violation."""

_FIRST_READ = 1000


class Move(NamedTuple):
    """One thing that happens to the node at place *node*; *what* is a letter, a count, a place."""

    word: str
    node: int
    what: int = 0


class Happens(NamedTuple):
    """A move that a node can make alone, how to make it, and what it is taken from."""

    move: Move
    make: Callable[[], After]
    cost: str = ""


def alone(place: int, node: Node, bounds: Bounds, physics: Physics) -> Iterator[Happens]:
    """What can happen to *node* without a letter."""
    server, has = node.server, bounds.allowance
    leads = isinstance(server.role, Leader)
    if not bounds.at_once and not leads and may_stand(node, bounds):
        event = TimerExpired(Timer.ELECTION)
        yield Happens(Move("expire", place), partial(physics.happen, node, event))
    for count in range(1, len(node.writes) + 1):
        yield Happens(Move("flush", place, count), partial(physics.flush, node, count))
    if has.crashes:
        for count in range(len(node.writes) + 1):
            move = Move("crash", place, count)
            yield Happens(move, partial(physics.crash, node, count), "crashes")
    if has.snapshots and server.last_applied > server.log.base.index:
        yield Happens(Move("snapshot", place), partial(physics.take_snapshot, node), "snapshots")
    if leads:
        for move, said, cost in _leading(place, node, bounds):
            yield Happens(move, partial(physics.happen, node, said), cost)


def _leading(place: int, node: Node, bounds: Bounds) -> Iterator[tuple[Move, Event, str]]:
    has, ref = bounds.allowance, node.server.log.last_index + 1
    if has.proposals:
        yield Move("propose", place), ClientRequested(((ref, COMMAND),)), "proposals"
    if has.reads:
        yield Move("read", place), ReadRequested((next_read(node),)), "reads"
    for number, voters in enumerate(bounds.wanted if has.changes else ()):
        wanted = ConfigurationRequested(ref, addressed(voters), force=True)
        yield Move("configure", place, number), wanted, "changes"
    if has.heartbeats:
        yield Move("heartbeat", place), TimerExpired(Timer.HEARTBEAT), "heartbeats"
    if has.quorum_checks:
        yield Move("check-quorum", place), TimerExpired(Timer.CHECK_QUORUM), "quorum_checks"


def may_stand(node: Node, bounds: Bounds) -> bool:
    """Whether *bounds* let *node* campaign."""
    named = not bounds.candidates or node.server.id in bounds.candidates
    return named and node.server.current_term < bounds.terms


def next_read(node: Node) -> Ref:
    """A ref for a read that waits at *node* under no other (O6)."""
    role = node.server.role
    waiting = role.reads.refs() if isinstance(role, Leader) else ()
    return next(
        ref for ref in range(_FIRST_READ, _FIRST_READ + len(waiting) + 1) if ref not in waiting
    )


def campaign(
    nodes: Sequence[Node], at_once: tuple[type[Message], ...], physics: Physics
) -> tuple[list[Node], list[Letter]] | None:
    """*nodes*, the first of which campaigns helped by all others, and the letters they leave.

    What is of the kinds *at_once* arrives among them at once, and nowhere else at all.  None where
    the candidacy comes to nothing.
    """
    now = {node.server.id: node for node in nodes}
    candidate = nodes[0].server.id
    begun = physics.happen(nodes[0], TimerExpired(Timer.ELECTION))
    now[candidate], under_way, left = begun.node, deque(begun.letters), list[Letter]()
    while under_way:
        letter = under_way.popleft()
        if not isinstance(letter.message, at_once):
            left.append(letter)
        elif letter.to in now:
            after = physics.happen(now[letter.to], Received(letter.message))
            now[letter.to] = after.node
            under_way.extend(after.letters)
    hoped_for = Leader if RequestVoteRequest in at_once else (Candidate, Leader)
    if not isinstance(now[candidate].server.role, hoped_for):
        return None
    return list(now.values()), left


def stream(
    word: str, source: Node, number: int, receiver: Node, physics: Physics
) -> tuple[Node, Node, list[Letter]]:
    """What becomes of *source* and *receiver*, to whom it streams a snapshot, and their letters.

    ``arrive``: it is there whole, and its sender hears so.  ``repeat``: it is there, and the sender
    has heard nothing yet.  ``cut``: it will not be there, and its sender hears so.
    """
    letter = source.streams[number]
    ended = replace(source, streams=source.streams[:number] + source.streams[number + 1 :])
    if word == "cut":
        lost = physics.happen(ended, SnapshotSent(letter.to, ok=False))
        return lost.node, receiver, [*lost.letters]
    there = physics.happen(receiver, Received(letter.message))
    if word == "repeat":
        return source, there.node, [*there.letters]
    done = physics.happen(ended, SnapshotSent(letter.to, ok=True))
    return done.node, there.node, [*there.letters, *done.letters]
