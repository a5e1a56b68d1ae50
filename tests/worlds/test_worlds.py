"""Small worlds, within small bounds: each is exhausted, and each finds the bug it is there for.

What is found here must not change unnoticed: a count that does means that other things can happen.
`make worlds` goes further.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from tests.worlds.beginning import begin
from tests.worlds.bounds import PRE_VOTES, Bounds
from tests.worlds.catalogue import WORLDS
from tests.worlds.explore import explore
from tests.worlds.planted import THERE_FOR
from tests.worlds.symmetry import Alike

DISTINCT = {
    "election": 11_043,
    "replication": 9_356,
    "durability": 17_748,
    "figure-8": 412,
    "membership": 37_199,
    "snapshot": 9_279,
    "reads": 15_739,
}


@pytest.mark.parametrize("name", WORLDS)
def test_a_small_world_is_exhausted_and_nothing_breaks(name: str) -> None:
    report = explore(begin(WORLDS[name].small))

    assert (report.broken, report.seen) == (None, ""), f"python -m tests.worlds --world {name}"
    assert report.exhausted
    assert report.distinct == DISTINCT[name]


@pytest.mark.parametrize("name", WORLDS)
def test_a_small_world_finds_the_bug_it_is_there_for_and_its_script_does(name: str) -> None:
    command = [sys.executable, "-m", "tests.worlds", "--world", name, "--bound", "small", "--bug"]

    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 0, f"{' '.join(command)}\n{run.stdout[-2000:]}{run.stderr[-2000:]}"
    bug = THERE_FOR[name]
    assert run.stdout.splitlines()[-1].startswith(f"{bug.name}: {bug.breaks} after ")
    assert run.stderr.count("\r") == 0, "progress is shown to people alone"


def test_every_world_says_how_far_it_goes() -> None:
    assert list(WORLDS) == list(THERE_FOR)
    for world in WORLDS.values():
        assert "Small:" in world.about
        assert "Large:" in world.about


def test_symmetry_leaves_out_only_what_is_like_something_that_is_seen() -> None:
    bounds = Bounds(start="cluster n1 n2 n3", terms=2, at_once=(), symmetric=True)
    whole = explore(begin(replace(bounds, symmetric=False)))
    reduced = explore(begin(bounds))

    world = begin(bounds)
    alike = Alike(world)
    seen, waiting = {world.initial}, [world.initial]
    while waiting:
        for _, after in world.successors(waiting.pop()):
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    assert len(seen) == whole.distinct
    assert len({alike(state) for state in seen}) == reduced.distinct


def test_what_is_forgotten_of_the_network_decides_nothing() -> None:
    bounds = Bounds(start="cluster n1 n2 n3", terms=2, at_once=PRE_VOTES)

    def nodes_seen(bounds: Bounds) -> set[object]:
        world = begin(bounds)
        assert explore(world).exhausted
        return {world.nodes[number] for number in range(len(world.nodes))}

    assert nodes_seen(bounds) == nodes_seen(replace(bounds, forget=False))


def test_an_exploration_may_be_bounded_and_says_that_it_is_not_done() -> None:
    report = explore(begin(WORLDS["election"].small), most=1000)

    assert not report.exhausted
    assert report.waiting > 0
    assert report.distinct >= 1000
