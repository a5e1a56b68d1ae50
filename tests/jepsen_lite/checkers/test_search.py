"""The exact search: against brute force, against traps for each rule, and on long histories."""

from random import Random

import pytest

from jepsen_lite.checkers.brute import is_linearizable
from jepsen_lite.checkers.calls import Call
from jepsen_lite.checkers.judge import judge
from jepsen_lite.checkers.replay import replay
from jepsen_lite.checkers.search import Exhausted, Found, Refuted, search
from jepsen_lite.models import Mismatch, Read, Write
from jepsen_lite.values import Observed
from tests.jepsen_lite.checkers import exhaustive
from tests.jepsen_lite.checkers.agreement import compare, disagreement
from tests.jepsen_lite.checkers.closed_loop import Load, closed_loop, with_stale_read
from tests.jepsen_lite.checkers.small_histories import (
    every_history,
    random_history,
    some_history,
)
from tests.jepsen_lite.checkers.traps import TRAPS
from tests.jepsen_lite.checkers.wrong_rules import WRONG_RULES, wrong_search

SEED = 20_260_101


@pytest.mark.parametrize("length", [1, 2, 3])
def test_the_search_agrees_with_brute_force_on_every_history_of_up_to_three_calls(
    length: int,
) -> None:
    tally = compare(every_history(length))

    assert tally.disagreements == 0, tally.told
    assert tally.histories > tally.impossible > 0


def test_the_search_agrees_with_brute_force_on_a_sample_of_the_histories_of_four_calls() -> None:
    dice = Random(SEED)

    tally = compare(some_history(dice, 4) for _ in range(6_000))

    assert tally.disagreements == 0, tally.told
    assert tally.histories > tally.impossible > 0


def test_the_search_agrees_with_brute_force_on_random_histories() -> None:
    dice = Random(SEED)

    tally = compare(random_history(dice) for _ in range(12_000))

    assert tally.disagreements == 0, tally.told
    assert tally.histories > tally.impossible > 0


@pytest.mark.deep
@pytest.mark.timeout(900)
def test_the_search_agrees_with_brute_force_on_every_history_of_four_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["exhaustive"])

    assert exhaustive.main() == 0


def test_the_comparison_tells_of_a_disagreement(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.jepsen_lite.checkers.agreement.is_linearizable", lambda _: True)
    monkeypatch.setattr("sys.argv", ["exhaustive", "--length", "1", "--random", "10"])

    assert exhaustive.main() == 1
    assert "disagreement: brute force says True, the search Refuted" in capsys.readouterr().out


def test_there_is_a_trap_for_each_wrong_rule_and_a_wrong_rule_for_each_trap() -> None:
    assert TRAPS.keys() == WRONG_RULES.keys()
    assert {rule[0] for rule in TRAPS} == set("1234567")


@pytest.mark.parametrize("rule", TRAPS)
def test_no_trap_catches_the_search(rule: str) -> None:
    trap = TRAPS[rule]

    assert is_linearizable(trap.calls) is trap.possible
    assert disagreement(trap.calls) is None


@pytest.mark.parametrize("rule", TRAPS)
def test_each_trap_catches_the_rule_it_is_for(rule: str) -> None:
    trap = TRAPS[rule]

    order = wrong_search(rule)(trap.calls)

    if order is None:
        assert trap.possible
    else:
        assert not trap.possible
        assert replay(trap.calls, order) is not None


@pytest.mark.parametrize(
    "load",
    [
        Load(calls=5_000, clients=10),
        Load(calls=5_000, clients=50),
        Load(calls=5_000, clients=10, indefinite=0.01),
        Load(calls=3_000, clients=10, kinds="rrrwwccd", indefinite=0.05),
    ],
    ids=str,
)
def test_a_long_linearizable_history_takes_about_one_node_a_write(load: Load) -> None:
    calls = closed_loop(load, SEED)

    outcome = search(calls)

    assert isinstance(outcome, Found)
    assert outcome.nodes < load.calls
    assert replay(calls, outcome.order) is None


@pytest.mark.parametrize(
    "load",
    [
        Load(calls=5_000, clients=10),
        Load(calls=5_000, clients=50, indefinite=0.01),
        Load(calls=3_000, clients=10, kinds="rrrwwccd", indefinite=0.05),
        Load(calls=3_000, clients=13, kinds="rrwwccd", indefinite=0.2),
    ],
    ids=str,
)
def test_a_stale_read_in_a_long_history_is_found_within_few_nodes(load: Load) -> None:
    calls = with_stale_read(closed_loop(load, SEED))

    outcome = judge(calls, 500_000)

    assert isinstance(outcome, Refuted)
    assert outcome.nodes < 20 * load.calls


def test_a_history_deeper_than_the_interpreters_stack_is_judged() -> None:
    depth = 20_000
    # Every read is of the first value, so nothing can be forgotten on the way.
    calls = [Call(Write(at % 2), 2 * at + 1, 2 * at + 2) for at in range(depth)]
    calls.append(Call(Read((depth - 1) % 2), 2 * depth + 1, 2 * depth + 2))

    assert isinstance(search(calls), Found)


def test_without_calls_there_is_an_order() -> None:
    assert search([]) == Found((), 0)


def test_a_call_that_takes_as_long_as_the_history_costs_no_more() -> None:
    calls = closed_loop(Load(calls=3_000, clients=5), SEED)
    end = max(call.returned or 0 for call in calls)

    outcome = search([Call(Write(-1), 0, end + 1), *calls])

    assert isinstance(outcome, Found)
    assert outcome.nodes < 3_000


def test_a_spent_budget_is_told_with_the_furthest_call() -> None:
    calls = closed_loop(Load(calls=1_000, clients=5), SEED)

    outcome = search(calls, nodes_max=100)

    assert isinstance(outcome, Exhausted)
    assert outcome.nodes == 100
    returned = calls[outcome.furthest].returned
    assert returned is not None
    assert returned > 100


def test_a_mismatch_that_saw_the_very_value_it_denies_is_impossible() -> None:
    calls = [Call(Write(1), 1, 2), Call(Mismatch(1, Observed(1)), 3, 4)]

    assert isinstance(search(calls), Refuted)
    assert not is_linearizable(calls)


def test_a_number_and_a_text_that_looks_like_it_are_two_values() -> None:
    calls = [Call(Write(1), 1, 2), Call(Read("1"), 3, 4)]

    assert isinstance(search(calls), Refuted)
