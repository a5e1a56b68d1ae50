"""Kinds of faults: how each takes aim at the cluster as it stands.

Aiming is a pure function of who runs, who leads, and dice.  A kind says besides what it costs, so
that two kinds that are on at the same time can be judged: a fault that is to unseat a leader proves
nothing where no quorum is left to elect another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import TYPE_CHECKING, Final, TypeAlias

from huffleraft.core.quorum import majority
from jepsen_lite.nemeses.faults import (
    Cut,
    Delay,
    Fault,
    Kill,
    Pause,
    client_cut,
    deafness,
    halves,
    isolation,
    links_between,
    muteness,
)

if TYPE_CHECKING:
    from jepsen_lite.nemeses.changes import Change

DELAY_SECONDS: Final = (0.01, 0.05)
"""A slow link's delay: felt by every operation, and short of any election timeout."""


class Track(Enum):
    """Faults of one track follow each other; those of different tracks overlap."""

    NETWORK = "network"
    PROCESSES = "processes"
    MEMBERS = "members"


@dataclass(frozen=True, slots=True)
class View:
    """The cluster as it stands: all *nodes*, those that run, the one that leads if known.

    *voters* are those who were seen to decide, *installed* those that have installed a snapshot,
    *struck* those at whom a fault is aimed that is on.
    """

    nodes: tuple[str, ...]
    running: tuple[str, ...]
    leader: str | None
    voters: tuple[str, ...] = ()
    installed: frozenset[str] = frozenset()
    struck: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Aimed:
    """A fault, or a change of members, and the nodes that it is meant for."""

    fault: Fault | Change
    target: tuple[str, ...]


Aim: TypeAlias = Callable[[View, Random], Aimed | None]
"""Makes a fault; None if there is nothing to aim at now."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault.

    *takes* says how many nodes it keeps, at most, from the quorum of a cluster of this size.
    *unseats*: its victim leads, and has not been struck until another leads in a higher term.
    *patient*: it lasts until the cluster has got something done meanwhile.  *outdates*: that is so
    many writes that the log its victim will be in need of is gone, and only a snapshot helps.
    """

    name: str
    track: Track
    aim: Aim
    takes: Callable[[int], int]
    unseats: bool = False
    patient: bool = False
    outdates: bool = False

    def breaks_quorum(self, size: int) -> bool:
        """Whether it alone leaves no quorum of *size* nodes."""
        return self.takes(size) > spare(size)


def spare(size: int) -> int:
    """How many of *size* nodes can be missing while the rest is a quorum."""
    return size - majority(size)


def may_overlap(one: Kind, other: Kind, size: int) -> bool:
    """Whether both may be on at once in a cluster of *size* nodes.

    Any two may, but that a leader is only unseated where the rest can elect another, and by one
    fault at a time: of two that strike the same leader at once, one proves nothing.  And two that
    wait for the cluster to get something done must leave it a quorum to do it.
    """
    if one.unseats and other.unseats:
        return False
    if not (one.unseats or other.unseats or (one.patient and other.patient)):
        return True
    return one.takes(size) + other.takes(size) <= spare(size)


def fits(kind: Kind, size: int) -> bool:
    """Whether *kind* can bite at all in a cluster of *size* nodes."""
    return not ((kind.unseats or kind.patient) and kind.breaks_quorum(size)) and (
        size > 1 or kind.track is Track.PROCESSES
    )


# Aims.


def _leader(strike: Callable[[str, View], Fault]) -> Aim:
    def aim(view: View, dice: Random) -> Aimed | None:  # noqa: ARG001  # there is one leader
        if view.leader is None:
            return None
        return Aimed(strike(view.leader, view), (view.leader,))

    return aim


def _one(strike: Callable[[str, View], Fault]) -> Aim:
    def aim(view: View, dice: Random) -> Aimed | None:
        if not view.running:
            return None
        node = dice.choice(view.running)
        return Aimed(strike(node, view), (node,))

    return aim


def _leader_or_one(strike: Callable[[str, View], Fault]) -> Aim:
    """The leader every other time: what strikes it is seen by all."""

    def aim(view: View, dice: Random) -> Aimed | None:
        at_leader = dice.random() < 0.5  # rolled first, so that one seed rolls alike
        return (_leader if at_leader and view.leader else _one)(strike)(view, dice)

    return aim


def _several(count: Callable[[int], int]) -> Aim:
    """SIGKILL for *count* of all nodes, of which those that run are killed."""

    def aim(view: View, dice: Random) -> Aimed | None:
        chosen = set(dice.sample(view.nodes, count(len(view.nodes))))
        struck = tuple(node for node in view.running if node in chosen)
        return Aimed(Kill(struck), struck) if struck else None

    return aim


def _split(view: View, dice: Random) -> Aimed | None:
    side = tuple(sorted(dice.sample(view.nodes, spare(len(view.nodes)))))
    return Aimed(Cut(halves(side, view.nodes)), side) if side else None


def _laggard(view: View, dice: Random) -> Aimed | None:
    """One that has installed no snapshot yet; the leader only if no other is left to do so."""
    followers = [one for one in view.running if one in view.voters and one != view.leader]
    fresh = [node for node in followers if node not in view.installed]
    if not fresh and view.leader is not None and view.leader not in view.installed:
        fresh = [view.leader]
    if not (fresh or followers):
        return None
    node = dice.choice(fresh or followers)
    return Aimed(Cut(isolation(node, view.nodes)), (node,))


def _slow(view: View, dice: Random) -> Aimed | None:
    links = links_between(view.nodes)
    delays = tuple((link, round(dice.uniform(*DELAY_SECONDS), 4)) for link in links)
    return Aimed(Delay(delays), view.nodes)


def _minority(size: int) -> int:
    return max(spare(size), 1)


ISOLATE_LEADER: Final = Kind(
    "isolate-leader",
    Track.NETWORK,
    _leader(lambda node, view: Cut(isolation(node, view.nodes))),
    takes=lambda _: 1,
    unseats=True,
)
ONE_WAY_IN: Final = Kind(
    "one-way-in",
    Track.NETWORK,
    _leader_or_one(lambda node, view: Cut(deafness(node, view.nodes))),
    takes=lambda _: 1,
)
ONE_WAY_OUT: Final = Kind(
    "one-way-out",
    Track.NETWORK,
    _leader_or_one(lambda node, view: Cut(muteness(node, view.nodes))),
    takes=lambda _: 1,
)
HALVES: Final = Kind("halves", Track.NETWORK, _split, takes=spare)
FALL_BEHIND: Final = Kind(
    "fall-behind", Track.NETWORK, _laggard, takes=lambda _: 1, patient=True, outdates=True
)
DELAY: Final = Kind("delay", Track.NETWORK, _slow, takes=lambda _: 0)
CUT_CLIENTS: Final = Kind(
    "cut-clients",
    Track.NETWORK,
    _leader_or_one(lambda node, _: Cut(client_cut(node))),
    takes=lambda _: 0,
)
KILL_ONE: Final = Kind(
    "kill-one", Track.PROCESSES, _one(lambda node, _: Kill((node,))), takes=lambda _: 1
)
KILL_LEADER: Final = Kind(
    "kill-leader",
    Track.PROCESSES,
    _leader(lambda node, _: Kill((node,))),
    takes=lambda _: 1,
    unseats=True,
)
KILL_MINORITY: Final = Kind("kill-minority", Track.PROCESSES, _several(_minority), takes=_minority)
KILL_MAJORITY: Final = Kind("kill-majority", Track.PROCESSES, _several(majority), takes=majority)
KILL_ALL: Final = Kind(
    "kill-all", Track.PROCESSES, _several(lambda size: size), takes=lambda size: size
)
PAUSE_ONE: Final = Kind(
    "pause-one", Track.PROCESSES, _one(lambda node, _: Pause((node,))), takes=lambda _: 1
)
PAUSE_LEADER: Final = Kind(
    "pause-leader",
    Track.PROCESSES,
    _leader(lambda node, _: Pause((node,))),
    takes=lambda _: 1,
    unseats=True,
)

FAULTS: Final = (
    ISOLATE_LEADER,
    ONE_WAY_IN,
    ONE_WAY_OUT,
    HALVES,
    FALL_BEHIND,
    DELAY,
    CUT_CLIENTS,
    KILL_ONE,
    KILL_LEADER,
    KILL_MINORITY,
    KILL_MAJORITY,
    KILL_ALL,
    PAUSE_ONE,
    PAUSE_LEADER,
)
"""Every kind that leaves the members as they are."""
