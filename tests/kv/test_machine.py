"""What one entry does, fact by fact."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest
from hypothesis import given

from huffleraft.core.configuration import Configuration
from huffleraft.core.log import Entry, Payload
from huffleraft.kv import machine
from huffleraft.kv.commands import Cas, Command, Delete, Register, SessionStamp, Set
from huffleraft.kv.limits import ANSWER_BYTES_MAX, SESSIONS_MAX, VALUE_BYTES_MAX
from huffleraft.kv.results import (
    CasMismatch,
    Changed,
    Refused,
    Registered,
    Removed,
    Result,
    SequencePassed,
    SessionUnknown,
    decode_result,
    encode_result,
)
from huffleraft.kv.sessions import Sessions
from huffleraft.ports import Row, SessionRow
from tests.kv.logs import NO_COMMANDS, entry, logs
from tests.kv.naive import Naive

NO_SESSIONS = Sessions({})


class State:
    """Rows and sessions in dicts, changed by nothing but what the machine says to write."""

    def __init__(self, sessions: Mapping[int, SessionRow] | None = None) -> None:
        self.rows: dict[str, Row | None] = {}
        self.sessions = Sessions(sessions or {})
        self.index = 0

    def apply(self, command: Command) -> Result:
        result = self.apply_entry(entry(self.index + 1, command))
        assert result is not None
        return result

    def apply_entry(self, one: Entry) -> Result | None:
        self.index = one.index
        applied = machine.apply(MappingProxyType(self.rows), self.sessions, one)
        self.rows.update(applied.rows)
        for session, row in applied.sessions:
            self.sessions.write(session, row)
        return decode_result(applied.result) if applied.result else None


# Keys.


def test_a_set_makes_a_key_with_version_1() -> None:
    state = State()
    assert state.apply(Set("k", b"v")) == Changed(index=1, version=1)
    assert state.rows == {"k": Row(b"v", 1, 1)}


def test_each_set_raises_the_version_also_with_an_equal_value() -> None:
    state = State()
    state.apply(Set("k", b"v"))
    assert state.apply(Set("k", b"v")) == Changed(index=2, version=2)
    assert state.rows == {"k": Row(b"v", 2, 2)}


def test_a_set_of_one_key_leaves_the_others() -> None:
    state = State()
    state.apply(Set("k", b"v"))
    state.apply(Set("l", b"w"))
    assert state.rows["k"] == Row(b"v", 1, 1)


def test_a_delete_removes_a_key() -> None:
    state = State()
    state.apply(Set("k", b"v"))
    assert state.apply(Delete("k")) == Removed(index=2, existed=True)
    assert state.rows == {"k": None}


def test_a_delete_of_a_missing_key_succeeds_and_writes_nothing() -> None:
    applied = machine.apply({}, NO_SESSIONS, entry(5, Delete("k")))
    assert decode_result(applied.result) == Removed(index=5, existed=False)
    assert applied.rows == ()


def test_a_deleted_key_begins_again_at_version_1() -> None:
    state = State()
    for command in (Set("k", b"1"), Set("k", b"2"), Delete("k")):
        state.apply(command)
    assert state.apply(Set("k", b"3")) == Changed(index=4, version=1)


def test_a_cas_that_matches_changes_the_value() -> None:
    state = State()
    state.apply(Set("k", b"1"))
    assert state.apply(Cas("k", b"1", b"2")) == Changed(index=2, version=2)
    assert state.rows == {"k": Row(b"2", 2, 2)}


def test_a_cas_whose_new_value_is_its_old_one_is_a_change() -> None:
    state = State()
    state.apply(Set("k", b"1"))
    assert state.apply(Cas("k", b"1", b"1")) == Changed(index=2, version=2)


def test_a_mismatch_changes_nothing_and_returns_the_current_value_and_version() -> None:
    rows = {"k": Row(b"1", 4, 7)}
    applied = machine.apply(rows, NO_SESSIONS, entry(9, Cas("k", b"0", b"2")))
    assert decode_result(applied.result) == CasMismatch(b"1", version=4, index=9, changed_index=7)
    assert applied.rows == ()


def test_a_cas_of_a_missing_key_with_a_value_is_a_mismatch() -> None:
    applied = machine.apply({}, NO_SESSIONS, entry(9, Cas("k", b"0", b"2")))
    assert decode_result(applied.result) == CasMismatch(None, None, index=9, changed_index=None)
    assert applied.rows == ()


def test_a_cas_from_none_creates_a_missing_key() -> None:
    assert State().apply(Cas("k", None, b"1")) == Changed(index=1, version=1)


def test_a_cas_from_none_of_a_present_key_is_a_mismatch_even_if_its_value_is_empty() -> None:
    state = State()
    state.apply(Set("k", b""))
    assert state.apply(Cas("k", None, b"1")) == CasMismatch(b"", 1, index=2, changed_index=1)


@pytest.mark.parametrize("payload", [None, Configuration.of({"n1": "a:1"})])
def test_a_noop_or_a_configuration_has_the_empty_result(payload: Payload) -> None:
    assert machine.apply({}, NO_SESSIONS, Entry(1, 1, payload)).result == b""


def test_a_noop_changes_nothing() -> None:
    assert machine.apply({}, NO_SESSIONS, Entry(1, 1, None)) == machine.NOTHING


@pytest.mark.parametrize("payload", [one for one in NO_COMMANDS if isinstance(one, bytes)])
def test_bytes_that_are_no_command_are_refused_and_change_nothing(payload: bytes) -> None:
    applied = machine.apply({"k": Row(b"", 1, 1)}, NO_SESSIONS, Entry(1, 2, payload))
    assert isinstance(decode_result(applied.result), Refused)
    assert (applied.rows, applied.sessions) == ((), ())


# Sessions.


def test_a_session_is_named_by_the_index_of_its_register_entry() -> None:
    state = State()
    state.apply(Set("k", b""))
    assert state.apply(Register()) == Registered(2)
    assert state.sessions.get(2) == SessionRow(sequence=0, used_index=2, result=b"")


def test_a_repeat_is_not_run_and_gets_the_first_result_marked_as_replayed() -> None:
    state = State()
    state.apply(Register())
    assert state.apply(Set("k", b"1", SessionStamp(1, 1))) == Changed(2, 1)
    state.apply(Set("k", b"2"))
    assert state.apply(Set("k", b"1", SessionStamp(1, 1))) == Changed(2, 1, replayed=True)
    assert state.rows == {"k": Row(b"2", 2, 3)}


def test_a_repeated_delete_says_again_that_the_key_was_there() -> None:
    state = State()
    state.apply(Register())
    state.apply(Set("k", b"1"))
    state.apply(Delete("k", SessionStamp(1, 1)))
    assert state.apply(Delete("k", SessionStamp(1, 1))) == Removed(3, True, replayed=True)


def test_a_repeated_mismatch_says_the_same_again_though_it_would_match_now() -> None:
    state = State()
    state.apply(Register())
    state.apply(Set("k", b"1"))
    cas = Cas("k", b"2", b"3", SessionStamp(1, 1))
    assert state.apply(cas) == CasMismatch(b"1", 1, 3, 2)
    state.apply(Set("k", b"2"))
    assert state.apply(cas) == CasMismatch(b"1", 1, 3, 2, replayed=True)


def test_a_repeat_is_known_by_its_number_alone() -> None:
    state = State()
    state.apply(Register())
    state.apply(Set("k", b"1", SessionStamp(1, 1)))
    assert state.apply(Delete("l", SessionStamp(1, 1))) == Changed(2, 1, replayed=True)


def test_a_lower_number_is_passed_and_not_run() -> None:
    state = State()
    state.apply(Register())
    state.apply(Set("k", b"2", SessionStamp(1, 2)))
    assert state.apply(Set("k", b"1", SessionStamp(1, 1))) == SequencePassed()
    assert state.rows == {"k": Row(b"2", 1, 2)}


def test_a_command_of_an_unknown_session_is_not_run() -> None:
    state = State()
    assert state.apply(Set("k", b"1", SessionStamp(77, 1))) == SessionUnknown()
    assert state.rows == {}
    assert len(state.sessions) == 0


def test_sessions_count_for_themselves() -> None:
    state = State()
    state.apply(Register())
    state.apply(Register())
    assert state.apply(Set("k", b"", SessionStamp(1, 1))) == Changed(3, 1)
    assert state.apply(Set("k", b"", SessionStamp(2, 1))) == Changed(4, 2)


def full(count: int = SESSIONS_MAX, result: bytes = b"") -> State:
    """*count* sessions 1.., each used at its own index."""
    state = State({one: SessionRow(1, one, result) for one in range(1, count + 1)})
    state.index = count
    return state


def test_one_session_too_many_ends_the_oldest_used() -> None:
    state = full()
    state.apply(Register())
    assert state.sessions.get(1) is None
    assert state.sessions.get(2) is not None
    assert len(state.sessions) == SESSIONS_MAX


@pytest.mark.parametrize("sequence", [2, 1])
def test_a_run_and_a_repeat_use_the_session(sequence: int) -> None:
    state = full(result=encode_result(Changed(1, 1)))
    state.apply(Set("k", b"", SessionStamp(1, sequence)))
    state.apply(Register())
    assert state.sessions.get(1) is not None
    assert state.sessions.get(2) is None


def test_a_passed_number_uses_the_session() -> None:
    state = full()
    state.sessions.write(1, SessionRow(9, 1, b""))
    state.apply(Set("k", b"", SessionStamp(1, 5)))
    assert state.sessions.get(1) == SessionRow(9, state.index, b"")


def test_an_ended_session_is_unknown() -> None:
    state = full()
    state.apply(Register())
    assert state.apply(Set("k", b"", SessionStamp(1, 1))) == SessionUnknown()


def test_answers_beyond_their_bytes_end_the_oldest_used() -> None:
    kept = encode_result(CasMismatch(bytes(VALUE_BYTES_MAX), 1, 1, 1))
    count = ANSWER_BYTES_MAX // len(kept)
    state = full(count, kept)
    newest = state.apply(Register())
    assert isinstance(newest, Registered)
    state.apply(Set("k", bytes(VALUE_BYTES_MAX)))
    mismatch = state.apply(Cas("k", b"", b"", SessionStamp(newest.session, 1)))
    assert isinstance(mismatch, CasMismatch)
    assert [one for one in range(1, count + 1) if state.sessions.get(one) is None] == [1]
    assert state.sessions.get(newest.session) is not None
    assert state.sessions.answer_bytes <= ANSWER_BYTES_MAX


def test_the_session_in_use_does_not_end_itself_though_it_was_the_oldest_used() -> None:
    kept = encode_result(CasMismatch(bytes(VALUE_BYTES_MAX), 1, 1, 1))
    state = full(1 + ANSWER_BYTES_MAX // len(kept), kept)
    state.sessions.write(1, None)
    state.sessions = Sessions(
        {1: SessionRow(1, 1, b"")} | {one: SessionRow(1, one, kept) for one in state.sessions}
    )
    state.apply(Set("k", bytes(VALUE_BYTES_MAX)))
    state.apply(Cas("k", b"", b"", SessionStamp(1, 2)))
    assert state.sessions.get(1) is not None
    assert state.sessions.get(2) is None
    assert state.sessions.get(3) is not None


def test_63_sessions_can_keep_the_largest_answer() -> None:
    kept = encode_result(
        CasMismatch(bytes(VALUE_BYTES_MAX), (1 << 63) - 1, (1 << 63) - 1, (1 << 63) - 1, True)
    )
    assert 63 * len(kept) <= ANSWER_BYTES_MAX


# Against the model.


@given(logs())
def test_any_log_leaves_what_a_dict_would_hold(entries: list[Entry]) -> None:
    state, naive = State(), Naive()
    for one in entries:
        before = {session: state.sessions.get(session) for session in state.sessions}
        first = machine.apply(MappingProxyType(state.rows), state.sessions, one)
        assert before == {session: state.sessions.get(session) for session in state.sessions}
        assert machine.apply(MappingProxyType(state.rows), state.sessions, one) == first
        assert state.apply_entry(one) == naive.apply(one)
        present = {key: row for key, row in state.rows.items() if row is not None}
        assert present == {
            key: Row(cell.value, cell.version, cell.changed) for key, cell in naive.cells.items()
        }
        assert {session: state.sessions.get(session) for session in state.sessions} == {
            session: SessionRow(held.sequence, held.used, held.answer_bytes)
            for session, held in naive.sessions.items()
        }
