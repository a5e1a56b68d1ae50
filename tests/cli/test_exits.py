"""Every way to fail has one number, and the help lists it."""

import inspect

import pytest

from huffleraft import errors
from huffleraft.cli import exits

FACTS = [
    fact
    for _, fact in inspect.getmembers(errors, inspect.isclass)
    if issubclass(fact, errors.HuffleraftError)
]


@pytest.mark.parametrize("fact", FACTS)
def test_the_number_of_every_fact_is_in_the_help(fact: type[errors.HuffleraftError]) -> None:
    assert fact.exit_code in exits.EXIT_CODES
    assert f"{fact.exit_code:>3}  " in exits.exit_codes_text()


def test_a_group_of_facts_is_explained_by_the_first() -> None:
    fact = errors.PortInUse("127.0.0.1:1")

    assert exits.cause_of(ExceptionGroup("", [ExceptionGroup("", [fact])])) is fact
    assert exits.cause_of(fact) is fact


def test_a_mistake_of_ours_is_not_hidden_behind_a_fact() -> None:
    group = ExceptionGroup("", [errors.PortInUse("127.0.0.1:1"), KeyError("ours")])

    assert exits.cause_of(group) is None
    assert exits.cause_of(KeyError("ours")) is None
