"""Faults, as values: whom they strike.  How long they last is said by whoever inflicts them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from random import Random
from typing import TypeAlias, assert_never

from jepsen_lite.proxy import CLIENTS, Fate, Link


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL to all *nodes* at the same moment; they start again when it ends."""

    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """SIGSTOP: *nodes* stand still, and believe when it ends that no time has passed."""

    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """*links* carry nothing; what they are given is held."""

    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Delay:
    """What these links carry arrives so many seconds later."""

    seconds: tuple[tuple[Link, float], ...]


Fault: TypeAlias = Kill | Pause | Cut | Delay


def nodes_of(fault: Fault) -> tuple[str, ...]:
    """The processes that *fault* takes away."""
    match fault:
        case Kill(nodes) | Pause(nodes):
            return nodes
        case Cut() | Delay():
            return ()
        case _:
            assert_never(fault)


def cut_by(fault: Fault) -> tuple[Link, ...]:
    """The links that *fault* cuts; a slow link is no cut one."""
    return fault.links if isinstance(fault, Cut) else ()


def draw_fates(fault: Fault, dice: Random) -> dict[Link, Fate]:
    """What becomes of the bytes that each cut link held, drawn before it is cut."""
    return {link: dice.choice(tuple(Fate)) for link in cut_by(fault)}


def undoing(fault: Fault, fates: dict[Link, Fate]) -> str:
    """How *fault* is undone, in words that a person could carry out."""
    match fault:
        case Kill(nodes):
            return f"restart {', '.join(nodes)}"
        case Pause(nodes):
            return f"resume {', '.join(nodes)}"
        case Cut():
            return "heal " + ", ".join(f"{link} {fate.value}" for link, fate in fates.items())
        case Delay(seconds):
            return "end the delay of " + ", ".join(str(link) for link, _ in seconds)
        case _:
            assert_never(fault)


# Shapes of partitions.


def links_between(nodes: Iterable[str]) -> tuple[Link, ...]:
    """Every directed link among *nodes*."""
    ends = tuple(nodes)
    return tuple(Link(one, other) for one in ends for other in ends if one != other)


def isolation(node: str, nodes: Iterable[str]) -> tuple[Link, ...]:
    """All links of *node*, both ways.  Clients still reach it."""
    return tuple(link for link in links_between(nodes) if node in {link.source, link.target})


def deafness(node: str, nodes: Iterable[str]) -> tuple[Link, ...]:
    """The links by which *node* hears others; they still hear it."""
    return tuple(link for link in links_between(nodes) if link.target == node)


def muteness(node: str, nodes: Iterable[str]) -> tuple[Link, ...]:
    """The links by which others hear *node*; it still hears them."""
    return tuple(link for link in links_between(nodes) if link.source == node)


def halves(side: Collection[str], nodes: Iterable[str]) -> tuple[Link, ...]:
    """All links between *side* and the other nodes, both ways."""
    return tuple(
        link for link in links_between(nodes) if (link.source in side) != (link.target in side)
    )


def client_cut(node: str) -> tuple[Link, ...]:
    """What clients and *node* say to each other.  Its peers notice nothing."""
    return (Link(CLIENTS, node), Link(node, CLIENTS))
