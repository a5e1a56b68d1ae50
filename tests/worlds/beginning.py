"""How a small world begins: where a golden script left its cluster."""

from __future__ import annotations

from huffleraft.core import InstallSnapshotRequest, Timer
from tests.core.cluster import CoreCluster
from tests.core.scenario import Story
from tests.worlds.bounds import Bounds
from tests.worlds.ghost import Ghost
from tests.worlds.node import Letter, Node, Physics
from tests.worlds.world import World


def begin(bounds: Bounds, *, check_steps: bool = True) -> World:
    """The world within *bounds*, at its start."""
    story = Story(check_steps=check_steps)
    for line in start_of(bounds):
        story.tell(line)
    cluster = story.cluster
    for name in cluster.running:
        cluster.expire(name, Timer.STICKINESS)
    cluster.check()
    history = cluster.history
    return World(
        bounds,
        _nodes(cluster),
        _letters(cluster),
        Ghost(tuple(history.committed), tuple(sorted(history.leaders.items()))),
        Physics(frozenset(story.slow), check_steps),
    )


def start_of(bounds: Bounds) -> list[str]:
    """The sentences that tell how a world within *bounds* begins."""
    return [line.strip() for line in bounds.start.strip().splitlines()]


def _nodes(cluster: CoreCluster) -> list[Node]:
    nodes = []
    for name in sorted(cluster.nodes):
        one = cluster.nodes[name]
        under_way = [*one.held, *one.unfinished]
        assert not under_way, f"a world begins with nothing unwritten; {name} has {under_way}"
        nodes.append(Node(cluster[name], one.disk, len(one.rows)).renumbered())
    return nodes


def _letters(cluster: CoreCluster) -> list[Letter]:
    for packet in cluster.network:
        assert not isinstance(packet.message, InstallSnapshotRequest), "no stream is under way yet"
    return [Letter(packet.to, packet.message) for packet in cluster.network]
