"""Closed parts stand for the whole, and cores are small, impossible, and end where it broke."""

from random import Random

import pytest

from jepsen_lite.checkers.brute import is_linearizable
from jepsen_lite.checkers.calls import Call
from jepsen_lite.checkers.judge import judge
from jepsen_lite.checkers.search import Refuted
from jepsen_lite.checkers.shrink import shrink
from jepsen_lite.checkers.window import Windows, prefix
from jepsen_lite.models import Delete, Mismatch, Read, Write
from tests.jepsen_lite.checkers.closed_loop import Load, closed_loop, with_stale_read
from tests.jepsen_lite.checkers.small_histories import random_history

SEED = 20_260_102


def test_no_closed_part_of_a_linearizable_history_is_impossible() -> None:
    dice, looked_at = Random(SEED), 0
    for _ in range(12_000):
        calls = random_history(dice)
        if not is_linearizable(calls):
            continue
        looked_at += 1
        seeds = {at for at in range(len(calls)) if dice.random() < 0.5}

        part = Windows(calls).closed(seeds, anchored=dice.random() < 0.5)

        assert seeds <= part
        assert is_linearizable([calls[at] for at in sorted(part)]), (calls, part)
    assert looked_at > 3_000


def test_a_part_that_is_not_closed_says_nothing() -> None:
    calls = [Call(Write(1), 1, 2), Call(Read(1), 3, 4)]

    assert not is_linearizable(calls[1:])
    assert Windows(calls).closed({1}) == {0, 1}


def test_a_mismatch_brings_whatever_could_have_come_between() -> None:
    calls = [Call(Write(1), 1, 2), Call(Write(2), 3, 4), Call(Mismatch(1), 5, 6)]

    assert 1 in Windows(calls).closed({0, 2})


def test_what_was_surely_overwritten_stays_out() -> None:
    calls = [Call(Delete(), 1, 2), Call(Write(2), 3, 4), Call(Read(None), 5, 6)]

    assert Windows(calls).closed({1, 2}) == {1, 2}


def test_no_prefix_of_a_linearizable_history_is_impossible() -> None:
    dice = Random(SEED)
    for _ in range(3_000):
        calls = random_history(dice)
        if is_linearizable(calls):
            returns = Windows(calls).by_return
            for length in range(len(returns) + 1):
                part = prefix(calls, returns, length)
                assert is_linearizable([part[at] for at in sorted(part)])


def test_each_core_is_impossible_and_its_culprit_ends_the_shortest_impossible_prefix() -> None:
    dice, looked_at = Random(SEED), 0
    for _ in range(2_000):
        calls = random_history(dice)
        outcome = judge(calls, 100_000)
        if not isinstance(outcome, Refuted):
            continue
        looked_at += 1

        core = shrink(calls, outcome)

        assert core.confirmed
        returns = Windows(calls).by_return
        length = returns.index(core.culprit)
        before = prefix(calls, returns, length)
        assert is_linearizable([before[at] for at in sorted(before)])
        until = prefix(calls, returns, length + 1)
        assert not is_linearizable([until[at] for at in sorted(until)])
        assert all(core.calls[at] == until[at] for at in core.calls)
    assert looked_at > 500


@pytest.mark.parametrize("kinds", ["rw", "rrrwwccd"])
@pytest.mark.parametrize("seed", range(3))
def test_a_stale_read_among_thousands_of_calls_has_a_core_of_a_few(kinds: str, seed: int) -> None:
    load = Load(calls=3_000, clients=10, kinds=kinds, indefinite=0.05)
    calls = with_stale_read(closed_loop(load, seed))
    outcome = judge(calls, 500_000)
    assert isinstance(outcome, Refuted)

    core = shrink(calls, outcome)

    assert core.confirmed
    assert len(core.calls) <= 8
    stale = core.calls[core.culprit].action
    assert isinstance(stale, Read)
    assert any(call.action == Write(stale.value) for call in core.calls.values() if stale.value)
