"""The small worlds, each with the bounds within which it is explored to its end.

The small bounds are for every run of the tests; the large ones for `make worlds`.  What no world
has: more than four nodes, more than one entry in a request, lease reads, time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.worlds.bounds import PRE_VOTES, Allowance, Bounds


@dataclass(frozen=True, slots=True)
class SmallWorld:
    """A world: what it is there for, and how far it goes."""

    about: str
    small: Bounds
    large: Bounds

    def bounds(self, bound: str) -> Bounds:
        """The bounds called *bound*."""
        return self.large if bound == "large" else self.small


WORLDS: dict[str, SmallWorld] = {}
"""World by world, by name."""


def _world(make: Callable[[], tuple[Bounds, Bounds]]) -> Callable[[], tuple[Bounds, Bounds]]:
    name = make.__name__.replace("_", "-")
    WORLDS[name] = SmallWorld(make.__doc__ or "", *make())
    return make


@_world
def election() -> tuple[Bounds, Bounds]:
    """Three founders and every letter of a campaign, pre-votes included, on its own way.

    Small: one term, one crash.  Large: two terms, in which any of them may campaign again and
    again, nodes told apart by what they know alone.
    """
    small = Bounds(start="cluster n1 n2 n3", terms=2, at_once=(), allowance=Allowance(crashes=1))
    return small, replace(small, terms=3, symmetric=True, allowance=Allowance())


@_world
def replication() -> tuple[Bounds, Bounds]:
    """Three founders, a command, and every append and answer late, lost and repeated.

    Whoever can be elected is elected in one move.  Small: one leader, a command, a crash.  Large:
    two terms after the founders', and a command, every server by its name.
    """
    small = Bounds(start="cluster n1 n2 n3", terms=2, allowance=Allowance(proposals=1, crashes=1))
    large = replace(small, terms=3, allowance=Allowance(proposals=1))
    return small, large


@_world
def durability() -> tuple[Bounds, Bounds]:
    """A disk with up to three writes under way, and an entry that its leader has lost.

    n1 led term 2 and crashed before its own first entry was durable; that entry is still on its
    way to n2 and n3.  The disk of n3 is slow.  Only pre-votes take no time.  Small: one more term.
    Large: a crash, too, with any of the writes done.
    """
    small = Bounds(
        start="""
        cluster n1 n2 n3
        slow n1 n3
        campaign n1
        deliver n1 -> n2
        deliver n2 -> n1
        flush n1
        deliver n1 -> n2
        deliver n2 -> n1
        crash n1
        restart n1
        fast n1
        """,
        terms=3,
        writes=3,
        at_once=PRE_VOTES,
    )
    return small, replace(small, allowance=Allowance(crashes=1))


@_world
def figure_8() -> tuple[Bounds, Bounds]:
    """The paper's Figure 8 with three servers: an entry of an older term on a majority.

    Whoever can be elected is elected in one move.  Small: from the paper's moment (b) on, one more
    term.  Large: from the founding on, three terms, every server by its name.
    """
    small = Bounds(
        start="""
        cluster n1 n2 n3
        log n1 1:1 2:2 term 3
        log n2 1:1 2:3 term 3
        log n3 1:1 term 3
        """,
        terms=4,
    )
    return small, replace(small, start="cluster n1 n2 n3", terms=4)


@_world
def membership() -> tuple[Bounds, Bounds]:
    """From n1 n2 n3 to n1 n4 through a joint configuration, n4 having caught up as a learner.

    Whoever can be elected is elected in one move.  Small: one change, and one election after it
    was or was not asked for.  Large: the change may be to n2 n3 instead.
    """
    small = Bounds(
        start="""
        cluster n1 n2 n3 spare n4
        elect n1
        configure n1 n1,n2,n3 learners n4
        stabilize
        expire n1 heartbeat
        stabilize
        """,
        terms=3,
        wanted=(("n1", "n4"),),
        allowance=Allowance(changes=1),
    )
    return small, replace(small, wanted=(("n1", "n4"), ("n2", "n3")))


@_world
def snapshot() -> tuple[Bounds, Bounds]:
    """A leader that has dropped what n3 lacks: streams that arrive, repeat, or are cut.

    n3 was cut off when n1 was elected.  Small: one term, a command, a snapshot, a heartbeat.
    Large: another snapshot, another heartbeat, and a crash.
    """
    small = Bounds(
        start="""
        cluster n1 n2 n3
        elect n1 n2
        """,
        terms=2,
        allowance=Allowance(proposals=1, snapshots=1, heartbeats=1),
    )
    more = Allowance(proposals=1, snapshots=2, heartbeats=2, crashes=1)
    return small, replace(small, allowance=more)


@_world
def reads() -> tuple[Bounds, Bounds]:
    """Reads at a leader that does not know that it was deposed.

    What a read must see is what any client had been told when it was asked.  Small: n1 leads term
    2, a round of its is under way, and n2 has been elected; a command and a read follow.  Large:
    the same before that election, in which only n2 may stand.
    """
    small = Bounds(
        start="""
        cluster n1 n2 n3
        elect n1
        read n1
        deliver n1 -> n2
        elect n2 n3
        """,
        terms=3,
        allowance=Allowance(reads=1, proposals=1),
    )
    earlier = """
        cluster n1 n2 n3
        elect n1
        read n1
        deliver n1 -> n2
        """
    return small, replace(small, start=earlier, candidates=("n2",))
