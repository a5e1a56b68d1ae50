"""Errors are values with a sentence."""

from __future__ import annotations

import pickle
from dataclasses import fields

import pytest

from huffleraft import errors
from huffleraft.errors import HuffleraftError

FACTS = sorted(
    (
        fact
        for fact in vars(errors).values()
        if isinstance(fact, type)
        and issubclass(fact, HuffleraftError)
        and fact is not HuffleraftError
        and not fact.__name__.startswith("_")
    ),
    key=lambda fact: fact.__name__,
)


WHOLE = {errors.MemberRefused, errors.QuorumAtRisk, errors.TransferRefused}
"""Those who raise them write the whole sentence."""


def example(fact: type[HuffleraftError]) -> HuffleraftError:
    """One error of this class, its fields filled by their annotated types."""
    values = {"int": 3, "str": "words", "float": 0.5, "tuple[str, ...]": ("this", "that")}
    types = [str(one.type).split(" |", maxsplit=1)[0] for one in fields(fact)]  # type: ignore[arg-type]  # a dataclass
    return fact(*(values[name] for name in types))


@pytest.mark.parametrize("fact", FACTS)
def test_every_error_has_one_sentence_that_tells_its_fields(fact: type[HuffleraftError]) -> None:
    error = example(fact)
    assert "\n" not in str(error)
    assert len(str(error)) > 20 or fact in WHOLE
    for one in fields(error):  # type: ignore[arg-type]  # a dataclass
        value = getattr(error, one.name)
        for part in value if isinstance(value, tuple) else (value,):
            assert str(part) in str(error)


@pytest.mark.parametrize("fact", FACTS)
def test_every_error_survives_pickling(fact: type[HuffleraftError]) -> None:
    error = example(fact)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args, str(again)) == (type(error), error.args, str(error))


def test_codes_and_the_exit_codes_of_start_up_are_each_used_once() -> None:
    codes = [fact.code for fact in FACTS]
    assert len(set(codes)) == len(codes)
    start_up = [fact.exit_code for fact in FACTS if fact.exit_code not in (1, 20)]
    assert sorted(start_up) == [*range(10, 20), 21, 22]


def test_only_what_may_still_take_effect_is_indefinite() -> None:
    assert {fact.__name__ for fact in FACTS if not fact.definite} == {
        "OutcomeUnknown",
        "SequencePassed",
        "SessionUnknown",
        "StorageFailed",
        "TransferUndecided",
    }


def test_what_is_not_known_is_left_out_of_the_sentence() -> None:
    assert "None" not in str(errors.NotLeader(None, None))
    assert "None" not in str(errors.NotLeader("n1", None))
    assert "None" not in str(errors.DataDirLocked("/d", None))
    assert "None" not in str(errors.ReadTimedOut())
