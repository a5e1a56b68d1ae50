"""A client's stamped writes, repeated, delayed and reordered as a network may."""

from hypothesis import given
from hypothesis import strategies as st

from huffleraft.kv.commands import Register, SessionStamp, Set
from huffleraft.kv.results import Changed, Registered, SequencePassed
from huffleraft.ports import Row
from tests.kv.test_machine import State

WRITES = 5


def write(session: int, sequence: int) -> Set:
    return Set("k", b"%d" % sequence, SessionStamp(session, sequence))


def begun() -> tuple[State, int]:
    state = State()
    registered = state.apply(Register())
    assert isinstance(registered, Registered)
    return state, registered.session


@given(st.lists(st.integers(1, WRITES), max_size=30))
def test_6_3_each_write_runs_at_most_once_in_whatever_order_copies_arrive(
    arrivals: list[int],
) -> None:
    state, session = begun()
    highest, ran = 0, 0
    answered: Changed | None = None
    for sequence in arrivals:
        result = state.apply(write(session, sequence))
        if sequence > highest:
            highest, ran = sequence, ran + 1
            assert result == Changed(state.index, ran)
            answered = result
        elif sequence == highest:
            assert answered is not None
            assert result == Changed(answered.index, answered.version, replayed=True)
        else:
            assert result == SequencePassed()
    expected = Row(b"%d" % highest, ran, answered.index) if answered else None
    assert state.rows.get("k") == expected


@given(st.lists(st.lists(st.integers(0, WRITES), max_size=4), min_size=1, max_size=WRITES))
def test_6_3_each_write_of_a_client_that_waits_for_answers_runs_exactly_once(
    late: list[list[int]],
) -> None:
    """Before each new write, copies of earlier ones arrive, those of the last one included."""
    state, session = begun()
    for sequence, copies in enumerate(late, start=1):
        for copy in copies:
            if 1 <= copy < sequence:
                state.apply(write(session, copy))
        assert state.apply(write(session, sequence)) == Changed(state.index, sequence)
    row = state.rows["k"]
    assert row is not None
    assert (row.value, row.version) == (b"%d" % len(late), len(late))
