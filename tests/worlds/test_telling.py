"""What happens in a small world happens to a cluster of cores, told by a script."""

from __future__ import annotations

from random import Random
from typing import TypeAlias

import pytest

from huffleraft.core import Server
from huffleraft.core.invariants import canonical
from tests.core.scenario import run_script
from tests.worlds.beginning import begin
from tests.worlds.catalogue import WORLDS
from tests.worlds.moves import Move
from tests.worlds.telling import Telling
from tests.worlds.world import World

Known: TypeAlias = tuple[object, ...]


def walk(world: World, dice: Random, most: int) -> tuple[list[Move], list[list[Known]]]:
    """Some moves of *world*, by *dice*, and what its servers know after each."""
    moves, state, servers = list[Move](), world.initial, list[list[Known]]()
    for _ in range(most):
        possible = list(world.successors(state))
        if not possible:
            break
        # Letters are many and other moves are few: each kind gets its turn, and power fails late,
        # when there is something to lose.
        kinds = sorted({kind(move) for move, _ in possible})
        if len(moves) < most // 3:
            kinds = [one for one in kinds if not one.startswith("crash")] or kinds
        chosen = dice.choice(kinds)
        move, state = dice.choice([one for one in possible if kind(one[0]) == chosen])
        moves.append(move)
        servers.append([known(world.nodes[k].server) for k in state[:-3]])
    return moves, servers


def kind(move: Move) -> str:
    """A word for moves that are alike; crashes are not, if they leave other writes done."""
    return f"{move.word} {move.what}" if move.word == "crash" else move.word


def known(server: Server) -> Known:
    """What *server* knows, but for what clients say, and for how long it has heard nobody."""
    server = canonical(server)
    log = server.log
    ids = [entry.id for entry in log.between(log.first_index, log.last_index)]
    marks = (server.commit_index, server.last_applied, server.snapshot, server.membership)
    return (server.vote, log.base, ids, server.disk, type(server.role), *marks)


@pytest.mark.parametrize("seed", range(4, 12))
@pytest.mark.parametrize("name", WORLDS)
def test_a_script_leads_a_cluster_to_where_the_world_is(name: str, seed: int) -> None:
    world = begin(WORLDS[name].large)
    moves, servers = walk(world, Random(seed), 30)
    told: list[list[Known]] = []

    telling = Telling(
        world, moves, lambda cluster: told.append([known(cluster[node]) for node in world.ids])
    )

    assert telling.broken is None
    assert told == servers


def test_what_is_told_is_a_golden_script() -> None:
    world = begin(WORLDS["membership"].small)
    moves, _ = walk(world, Random(1), 10)

    script = run_script(Telling(world, moves).script("A walk."))

    assert script.startswith("# A walk.\n\ncluster n1 n2 n3 spare n4\n")
