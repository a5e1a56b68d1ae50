"""Changes of members, as values, and the kinds that aim them.

They are a track of their own, so that they overlap with faults of the network and of processes,
and follow each other, because a cluster changes its members one change at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias, assert_never

from jepsen_lite.nemeses.kinds import Aimed, Kind, Track, View


@dataclass(frozen=True, slots=True)
class Replace:
    """*node* is killed for good and removed while links are cut; a newcomer takes its place."""

    node: str


@dataclass(frozen=True, slots=True)
class Join:
    """A newcomer joins, and the cluster is larger by one."""


@dataclass(frozen=True, slots=True)
class RemoveLeader:
    """*node*, which leads, is removed; a newcomer follows it only if the cluster was not larger."""

    node: str


Change: TypeAlias = Replace | Join | RemoveLeader


def completing(change: Change) -> str:
    """What is still to be done of *change* should it be interrupted, in words.

    A change of members is not taken back: forwards is always safe, and ends in a whole cluster.
    """
    match change:
        case Replace(node):
            return f"remove {node}, delete its data, let a newcomer join"
        case Join():
            return "let the newcomer become a voter, then remove one"
        case RemoveLeader(node):
            return f"remove {node}, delete its data, let a newcomer join if one is missing"
        case _:
            assert_never(change)


def _follower(view: View, dice: Random) -> Aimed | None:
    if view.leader is None:
        return None
    followers = [node for node in view.running if node in view.voters and node != view.leader]
    if not followers:
        return None
    spared = [node for node in followers if node not in view.struck]  # the other fault shall bite
    done = [node for node in spared if node in view.installed]  # who has nothing to show, stays
    node = dice.choice(done or spared or followers)
    return Aimed(Replace(node), (node,))


def _newcomer(view: View, dice: Random) -> Aimed | None:  # noqa: ARG001  # nothing to choose
    return Aimed(Join(), ())


def _leader(view: View, dice: Random) -> Aimed | None:  # noqa: ARG001  # there is one leader
    if view.leader is None:
        return None
    return Aimed(RemoveLeader(view.leader), (view.leader,))


REPLACE_MEMBER: Final = Kind(
    "replace-member", Track.MEMBERS, _follower, takes=lambda _: 1, patient=True
)
JOIN: Final = Kind("join", Track.MEMBERS, _newcomer, takes=lambda _: 0, patient=True)
REMOVE_LEADER: Final = Kind(
    "remove-leader", Track.MEMBERS, _leader, takes=lambda _: 1, unseats=True, patient=True
)

CHANGES: Final = (REPLACE_MEMBER, JOIN, REMOVE_LEADER)
"""Every kind that changes the members."""
