"""The durability contract, rule by rule: what is written, and what waits for it.  §3.8, §10.2.1"""

from __future__ import annotations

from dataclasses import replace

from huffleraft.core import (
    AppendEntriesRequest,
    AppendEntriesResponse,
    Apply,
    ClientRequested,
    Follower,
    Halt,
    Leader,
    Persist,
    Persisted,
    PreVoteResponse,
    ReadReady,
    ReadRequested,
    Reason,
    Received,
    Rejected,
    Reply,
    RequestVoteRequest,
    RequestVoteResponse,
    ResetTimer,
    Send,
    StorageFailed,
    Timer,
    TimerExpired,
    Unknown,
    Vote,
    recover,
    step,
)
from tests.core.building import (
    FIRST,
    append,
    appended,
    ask,
    at,
    candidate,
    durable,
    entries,
    follower,
    leader,
    persisted,
    receive,
    refused,
    take,
    vote,
)


def sends(effects: tuple[object, ...], kind: type) -> list[Send]:
    """The sends of messages of *kind* among *effects*."""
    return [one for one in effects if isinstance(one, Send) and isinstance(one.message, kind)]


def test_w1_a_granted_vote_waits_for_its_write() -> None:
    server, effects = receive(follower("1:1", term=2), ask("1:1", term=2))

    assert persisted(effects) == Persist(1, vote=Vote(2, "n2"))
    assert [one.after for one in sends(effects, RequestVoteResponse)] == [1]

    _, again = receive(server, ask("1:1", term=2))
    assert [one.after for one in sends(again, RequestVoteResponse)] == [1], (
        "the repeated grant waits for the earlier step's write"
    )


def test_w2_a_candidate_asks_only_once_its_own_vote_is_durable() -> None:
    server, _ = take(follower("1:1", term=2), TimerExpired(Timer.ELECTION))

    server, effects = receive(server, PreVoteResponse("n2", 2, vote_granted=True))

    assert persisted(effects) == Persist(1, vote=Vote(3, "n1"))
    assert [one.after for one in sends(effects, RequestVoteRequest)] == [1, 1]


def test_w3_an_answer_waits_for_the_oldest_write_that_holds_what_it_claims() -> None:
    server, first = receive(follower("1:1", term=2), append("1:1", "2:2", term=2))
    server, second = receive(server, append("2:2", "3:2", term=2))
    server, repeated = receive(server, append("1:1", "2:2", term=2))

    answers = [sends(one, AppendEntriesResponse)[0] for one in (first, second, repeated)]
    assert [one.after for one in answers] == [1, 2, 1]
    assert [getattr(one.message, "match", None) for one in answers] == [2, 3, 2]


def test_w3_an_answer_claims_no_more_than_its_request_showed() -> None:
    server = follower("1:1", "2:1", "3:1", term=2)

    _, effects = receive(server, append("1:1", term=2))

    (answer,) = sends(effects, AppendEntriesResponse)
    assert getattr(answer.message, "match", None) == 1


def test_w4_an_append_waits_for_the_leaders_term_and_not_for_its_entries() -> None:
    server, elected = receive(candidate("1:1", term=1), vote(term=2))
    server, offered = take(server, ClientRequested(((1, b"x"),)))
    server, fed = receive(server, appended("1:1", 2, term=2))

    assert [one.after for one in sends(elected, AppendEntriesRequest)] == [None, None]
    assert persisted(offered) is not None
    assert [one.after for one in sends(fed, AppendEntriesRequest)] == [None]


def test_w5_a_leader_counts_itself_up_to_its_own_durable_index() -> None:
    server, _ = receive(candidate("1:1", term=1), vote(term=2))

    server, acknowledged = receive(server, appended("1:1", 2, term=2))
    assert server.commit_index == 0, "its own copy of 2:2 is not durable yet"
    assert not any(isinstance(one, Apply) for one in acknowledged)

    server = durable(server)
    assert server.commit_index == 2


def test_w5_one_voter_is_no_special_case() -> None:
    alone = replace(FIRST, payload=type(FIRST.payload).of({"n1": "n1:1"}))  # type: ignore[union-attr]
    server, _ = recover("n1", 1, follower().limits, Vote(1), None, at("0:0"), (alone,), 0)

    server, elected = take(server, TimerExpired(Timer.ELECTION))
    assert isinstance(server.role, Leader)
    write = persisted(elected)
    assert write is not None
    assert (write.vote, [one.index for one in write.entries]) == (Vote(2, "n1"), [2])
    assert server.commit_index == 0

    server, done = take(server, Persisted(1))
    assert [type(one) for one in done if isinstance(one, Apply)] == [Apply]
    assert server.last_applied == 2


def test_w6_truncation_lowers_what_is_durable_in_the_same_step() -> None:
    server = follower("1:1", "2:1", "3:1", term=2)

    server, effects = receive(server, append("1:1", "2:2", "3:2", term=2, commit=3))

    assert server.disk.last_index == 1
    assert server.commit_index == 3
    applied = [one.entries for one in effects if isinstance(one, Apply)]
    assert applied == [entries("1:1")], "the new entries are not durable, whatever stood there"


def test_w7_a_late_completion_does_not_speak_for_entries_that_replaced_its_own() -> None:
    server, _ = receive(follower("1:1", term=2), append("1:1", "2:2", "3:2", term=2))
    server, _ = receive(server, append("1:1", "2:3", "3:3", term=3, source="n3"))

    server, _ = take(server, Persisted(1))
    assert server.disk.last_index == 1

    server, _ = take(server, Persisted(2))
    assert server.disk.last_index == 3


def test_w7_a_completion_that_was_reported_before_says_nothing() -> None:
    server, _ = receive(follower("1:1", term=2), append("1:1", "2:2", term=2))
    server, _ = take(server, Persisted(1))

    again, effects = take(server, Persisted(1))

    assert (again, effects) == (server, ())


def test_w8_a_refusal_waits_for_the_term_it_reveals() -> None:
    _, effects = receive(follower("1:1", term=2), ask("0:0", term=5))

    assert persisted(effects) == Persist(1, vote=Vote(5, None))
    assert [one.after for one in sends(effects, RequestVoteResponse)] == [1]


def test_w9_a_restart_knows_as_committed_what_the_machine_has_applied() -> None:
    server = follower("1:1", "2:1", "3:1", term=1, commit=2)

    assert (server.commit_index, server.last_applied) == (2, 2)


def test_w10_what_is_committed_is_applied_once_it_is_durable_here() -> None:
    server, effects = receive(follower("1:1", term=2), append("1:1", "2:2", term=2, commit=2))
    assert [one.entries for one in effects if isinstance(one, Apply)] == [entries("1:1")]

    server, effects = take(server, Persisted(1))
    assert [one.entries for one in effects if isinstance(one, Apply)] == [entries("2:2")]


def test_w13_a_failed_write_answers_every_client_and_halts() -> None:
    server, _ = take(leader(term=1), ClientRequested(((1, b"x"),)))
    server, _ = take(server, ReadRequested((2,)))

    server, effects = take(server, StorageFailed("input/output error"))

    assert Reply(1, Unknown(None)) in effects
    assert Reply(2, Rejected(Reason.HALTED, None)) in effects
    assert effects[-1] == Halt("input/output error")


def test_w13_a_leader_whose_disk_stands_still_steps_down_at_the_second_look() -> None:
    server, _ = receive(leader(term=1), appended("1:1", 2, term=2))
    server, _ = take(server, ClientRequested(((1, b"x"),)))

    server, _ = take(server, TimerExpired(Timer.CHECK_QUORUM))
    assert isinstance(server.role, Leader)
    server, _ = receive(server, appended("2:2", 3, term=2))
    server, effects = take(server, TimerExpired(Timer.CHECK_QUORUM))

    assert server.role == Follower()
    assert Reply(1, Unknown(None)) in effects


def test_w14_leaving_office_makes_every_unfinished_proposal_unknown() -> None:
    server, _ = take(leader(term=1), ClientRequested(((1, b"x"), (2, b"y"))))

    server, effects = receive(server, append("1:1", term=3, source="n3"))

    assert {Reply(1, Unknown("n3")), Reply(2, Unknown("n3"))} <= set(effects)
    assert ResetTimer(Timer.ELECTION) in effects


def test_w3_and_w8_an_answer_waits_for_its_entries_and_for_its_term() -> None:
    server, _ = receive(follower("1:1", term=2), append("1:1", "2:2", term=2))

    _, effects = receive(server, append("2:2", term=3, source="n3"))

    (answer,) = sends(effects, AppendEntriesResponse)
    assert persisted(effects) == Persist(2, vote=Vote(3))
    assert answer.after == 2, "the entries come with write 1, the term with write 2"


def test_w15_a_read_waits_for_a_round_begun_after_it_arrived() -> None:
    server, _ = receive(leader(term=1), appended("1:1", 2, term=2))
    server, begun = take(server, ReadRequested((1,)))
    server, later = take(server, ReadRequested((2,)))

    rounds = {getattr(one.message, "read_round", 0) for one in sends(begun, AppendEntriesRequest)}
    assert rounds == {1}
    assert not sends(later, AppendEntriesRequest), "the next round begins when this one ends"

    server, first = receive(server, appended("2:2", 2, term=2, round_=1))
    assert ReadReady(1) in first
    assert ReadReady(2) not in first
    server, second = receive(server, appended("2:2", 2, term=2, round_=2))
    assert ReadReady(2) in second


def test_w15_a_read_waits_for_the_first_commit_of_the_leaders_own_term() -> None:
    server, _ = take(leader("1:1", "2:1", term=1), ReadRequested((1,)))

    server, confirmed = receive(server, refused("2:1", "1:1", term=2, round_=1))
    assert ReadReady(1) not in confirmed, "how far the predecessor committed is not known yet"

    server, committed = receive(server, appended("1:1", 3, term=2, round_=1))
    kinds = [type(one) for one in committed]
    assert kinds.index(Apply) < kinds.index(ReadReady)


def test_writes_are_numbered_and_only_differences_are_written() -> None:
    server, effects = step(follower("1:1", "2:1", term=1), Received(append("2:1", term=1)))
    assert persisted(effects) is None

    server, effects = step(server, Received(append("2:1", "3:1", term=1)))
    assert persisted(effects) == Persist(1, entries=entries("3:1"))
