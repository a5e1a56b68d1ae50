"""What comes late, twice, or in the wrong order says nothing; each time another thing would break.

Named by the section that asks for it.
"""

from __future__ import annotations

from dataclasses import replace

from huffleraft.core import (
    CancelTimer,
    Candidate,
    ClientRequested,
    Halt,
    Leader,
    PreCandidate,
    PreVoteResponse,
    Probe,
    Progress,
    ReadReady,
    ReadRequested,
    Reason,
    Rejected,
    Reply,
    Server,
    Timer,
    TimerExpired,
    Unknown,
)
from huffleraft.core.progress import refused as after_refusal
from tests.core.building import (
    append,
    appended,
    at,
    candidate,
    durable,
    follower,
    leader,
    receive,
    refused,
    sent,
    take,
)


def progress_of(server: Server, peer: str) -> Progress:
    """What the leader *server* knows of *peer*."""
    assert isinstance(server.role, Leader)
    return dict(server.role.progress)[peer]


def test_9_6_a_promise_of_an_earlier_term_is_not_counted() -> None:
    server, _ = take(follower("1:1", term=3), TimerExpired(Timer.ELECTION))

    server, effects = receive(server, PreVoteResponse("n2", 2, vote_granted=True))

    assert (server.role, effects) == (PreCandidate(frozenset({"n1"})), ())


def test_9_6_a_late_promise_is_no_vote_and_begins_no_other_campaign() -> None:
    server = candidate("1:1", term=1)

    server, effects = receive(server, PreVoteResponse("n3", 2, vote_granted=True))

    assert (server.role, effects) == (Candidate(frozenset({"n1"})), ())
    assert server.current_term == 2


def test_3_5_an_answer_of_an_earlier_term_is_not_counted() -> None:
    server = leader("1:1", "2:1", "3:1", term=3)

    same, effects = receive(server, appended("2:1", 3, term=2))

    assert (same, effects) == (server, ())


def test_3_5_a_refusal_of_another_guess_than_the_one_under_way_changes_nothing() -> None:
    server = leader("1:1", "2:1", "3:1", term=3)
    server, _ = receive(server, refused("3:1", "2:1", term=4))
    assert progress_of(server, "n2").next_index == 3

    server, effects = receive(server, refused("3:1", "1:1", term=4))

    assert progress_of(server, "n2").next_index == 3
    assert progress_of(server, "n2").mode == Probe(waiting=True)
    assert not effects


def test_3_5_a_refusal_built_before_the_peer_agreed_leads_back_no_further_than_it_agreed() -> None:
    server, _ = receive(leader("1:1", "2:1", term=1), appended("2:1", 2, term=2))
    server, _ = take(server, ClientRequested(((1, b"x"),)))

    server, effects = receive(server, refused("3:2", "0:0", term=2))

    (request,) = sent(effects, "n2")
    assert getattr(request, "prev_log_id", None) == at("2:1")


def test_3_5_a_refusal_always_leads_back_even_without_a_hint() -> None:
    log = leader("1:1", "2:1", "3:1", term=1).log
    refusal = replace(refused("3:1", "0:0", term=2), conflict=None)

    assert after_refusal(Progress(next_index=4), refusal, log).next_index == 3


def test_6_4_a_late_answer_of_an_earlier_round_takes_nothing_back() -> None:
    server, _ = receive(leader("1:1", term=1), appended("1:1", 2, term=2, round_=0))
    server, _ = take(server, ReadRequested((1,)))
    server, _ = receive(server, appended("2:2", 2, term=2, round_=1))
    assert progress_of(server, "n2").read_round == 1

    server, _ = receive(server, appended("1:1", 2, term=2, round_=0))

    assert progress_of(server, "n2").read_round == 1


def test_6_4_a_refusal_confirms_the_leader_as_well_as_an_agreement() -> None:
    theirs = follower("1:1", term=2)
    _, effects = receive(theirs, append("7:2", term=2, round_=5))
    assert [getattr(one, "read_round", 0) for one in sent(effects)] == [5]

    server, _ = receive(leader("1:1", term=1), appended("1:1", 2, term=2, source="n3"))
    server, _ = take(server, ReadRequested((1,)))
    _, effects = receive(server, refused("1:1", "0:0", term=2, round_=1))
    assert ReadReady(1) in effects


def test_a_second_leader_of_a_term_stops_the_first() -> None:
    server, _ = take(leader("1:1", term=1), ClientRequested(((1, b"x"),)))

    _, effects = receive(server, append("1:1", term=2, source="n3"))

    assert Reply(1, Unknown(None)) in effects
    assert effects[-1] == Halt("n3 leads term 2, and so do I")


def test_w14_a_deposed_leader_names_its_successor_where_it_knows() -> None:
    server, _ = take(leader("1:1", term=1), ReadRequested((1,)))

    deposed, effects = receive(server, append("1:1", term=3, source="n3"))
    assert Reply(1, Rejected(Reason.NOT_LEADER, "n3")) in effects
    assert {CancelTimer(Timer.HEARTBEAT), CancelTimer(Timer.CHECK_QUORUM)} <= set(effects)
    assert deposed.leader == "n3"

    deposed, effects = receive(durable(server), appended("1:1", 1, term=3, source="n3"))
    assert Reply(1, Rejected(Reason.NOT_LEADER, None)) in effects
    assert deposed.leader is None
