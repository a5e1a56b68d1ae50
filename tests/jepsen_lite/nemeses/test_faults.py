"""Faults as values: which links a partition cuts, and what undoes what."""

from __future__ import annotations

from random import Random

from jepsen_lite.nemeses.faults import (
    Cut,
    Delay,
    Kill,
    Pause,
    client_cut,
    cut_by,
    deafness,
    draw_fates,
    halves,
    isolation,
    links_between,
    muteness,
    nodes_of,
    undoing,
)
from jepsen_lite.proxy import CLIENTS, Fate, Link

NODES = ("n1", "n2", "n3", "n4", "n5")


def test_an_isolated_node_is_deaf_and_mute_and_nobody_else_is() -> None:
    assert set(isolation("n2", NODES)) == {*deafness("n2", NODES), *muteness("n2", NODES)}
    assert deafness("n2", ("n1", "n2", "n3")) == (Link("n1", "n2"), Link("n3", "n2"))
    assert muteness("n2", ("n1", "n2", "n3")) == (Link("n2", "n1"), Link("n2", "n3"))


def test_halves_cut_both_ways_between_the_sides_and_nothing_within() -> None:
    cut = set(halves(("n1", "n4"), NODES))
    within = {*links_between(("n1", "n4")), *links_between(("n2", "n3", "n5"))}
    assert cut == set(links_between(NODES)) - within
    assert len(cut) == 12


def test_no_partition_of_nodes_touches_clients_and_the_cut_of_clients_no_node() -> None:
    assert not any(CLIENTS in {link.source, link.target} for link in isolation("n1", NODES))
    assert set(client_cut("n1")) == {Link(CLIENTS, "n1"), Link("n1", CLIENTS)}


def test_the_dice_decide_each_links_fate_before_it_is_cut() -> None:
    fault = Cut(links_between(NODES))
    fates = draw_fates(fault, Random(3))
    assert fates == draw_fates(fault, Random(3))
    assert set(fates.values()) == {Fate.DELIVER, Fate.RESET}
    assert draw_fates(Kill(("n1",)), Random(3)) == {}


def test_every_fault_says_what_it_takes_and_how_it_is_undone() -> None:
    link = Link("n1", "n2")
    assert nodes_of(Kill(("n1", "n2"))) == nodes_of(Pause(("n1", "n2"))) == ("n1", "n2")
    assert nodes_of(Cut((link,))) == nodes_of(Delay(((link, 0.1),))) == ()
    assert cut_by(Cut((link,))) == (link,)
    assert cut_by(Delay(((link, 0.1),))) == ()
    assert undoing(Kill(("n1", "n2")), {}) == "restart n1, n2"
    assert undoing(Pause(("n1",)), {}) == "resume n1"
    assert undoing(Cut((link,)), {link: Fate.RESET}) == "heal n1>n2 reset"
    assert undoing(Delay(((link, 0.1),)), {}) == "end the delay of n1>n2"
