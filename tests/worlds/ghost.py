"""What the world remembers and no node does: what was decided, who led, what was promised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from huffleraft.core import Entry, LogIndex, NodeId, Ref, Term
from huffleraft.core.invariants import Cluster, History, check_cluster, require
from tests.worlds.node import Node, Told


class Asked(NamedTuple):
    """A read that has no answer yet, and what had been acknowledged when it was asked."""

    node: NodeId
    ref: Ref
    acknowledged: LogIndex


class Ghost(NamedTuple):
    """The past of a world, as far as anything is judged by it.

    What each disk ever voted is not here: it is looked at write by write.
    """

    committed: tuple[tuple[Entry, Term], ...] = ()
    leaders: tuple[tuple[Term, NodeId], ...] = ()
    acknowledged: LogIndex = 0
    asked: tuple[Asked, ...] = ()


def judged(ghost: Ghost, nodes: Sequence[Node]) -> Ghost:
    """The past with this moment in it; raises `InvariantViolation` if they contradict."""
    history = History(leaders=dict(ghost.leaders), committed=list(ghost.committed))
    servers = {node.server.id: node.server for node in nodes}
    disks = {node.server.id: node.disk for node in nodes}
    check_cluster(Cluster(servers, disks), history)
    return ghost._replace(
        committed=tuple(history.committed), leaders=tuple(sorted(history.leaders.items()))
    )


def asked(ghost: Ghost, node: NodeId, ref: Ref) -> Ghost:
    """The past after a client asked *node* to read."""
    one = Asked(node, ref, ghost.acknowledged)
    return ghost._replace(asked=tuple(sorted((*ghost.asked, one))))


def told(ghost: Ghost, node: NodeId, said: tuple[Told, ...]) -> Ghost:
    """The past after clients of *node* were told *said*: a read sees what was acknowledged."""
    for ref, at, read in said:
        if not read:
            ghost = ghost._replace(acknowledged=max(ghost.acknowledged, at or 0))
            continue
        for one in ghost.asked:
            if (one.node, one.ref) == (node, ref):
                require(
                    at is None or at >= one.acknowledged,
                    "LinearizableRead",
                    "{} served read {} at {} when {} was acknowledged",
                    node,
                    ref,
                    at,
                    one.acknowledged,
                )
        ghost = ghost._replace(
            asked=tuple(one for one in ghost.asked if (one.node, one.ref) != (node, ref))
        )
    return ghost


def forgotten(ghost: Ghost, node: NodeId) -> Ghost:
    """The past after *node* crashed: its clients wait for no answer."""
    return ghost._replace(asked=tuple(one for one in ghost.asked if one.node != node))
