"""What Figure 3.1 leaves out and every good Raft has: PreVote, stickiness, CheckQuorum, limits.

Named by the section that asks for each.
"""

from __future__ import annotations

from huffleraft.core import (
    AppendEntriesRequest,
    AppendEntriesResponse,
    CancelTimer,
    Candidate,
    ClientRequested,
    Effect,
    Follower,
    Halt,
    Leader,
    Limits,
    NodeId,
    PreCandidate,
    PreVoteRequest,
    PreVoteResponse,
    Probe,
    ReadRequested,
    Reason,
    Rejected,
    Replicate,
    Reply,
    ResetTimer,
    Timer,
    TimerExpired,
    Vote,
    recover,
)
from tests.core.building import (
    append,
    appended,
    ask,
    at,
    candidate,
    durable,
    follower,
    leader,
    receive,
    refused,
    sent,
    take,
    vote,
)


def appends(effects: tuple[Effect, ...], to: NodeId = "n2") -> list[AppendEntriesRequest]:
    """The appends to one peer among *effects*."""
    return [one for one in sent(effects, to) if isinstance(one, AppendEntriesRequest)]


# Elections.


def test_9_6_a_pre_vote_changes_nothing_and_asks_for_the_term_after() -> None:
    server = follower("1:1", "2:1", term=2)

    same, effects = receive(server, PreVoteRequest("n2", 2, at("2:1")))
    assert sent(effects) == [PreVoteResponse("n1", 2, vote_granted=True)]
    assert same == server

    _, effects = receive(server, PreVoteRequest("n2", 2, at("1:1")))
    assert sent(effects) == [PreVoteResponse("n1", 2, vote_granted=False)]
    _, effects = receive(server, PreVoteRequest("n2", 1, at("9:1")))
    assert sent(effects) == [PreVoteResponse("n1", 2, vote_granted=False)]


def test_9_6_a_campaign_enters_no_term_before_a_quorum_says_it_could_win() -> None:
    server, effects = take(follower("1:1", term=2), TimerExpired(Timer.ELECTION))
    assert (server.vote, server.role) == (Vote(2), PreCandidate(frozenset({"n1"})))
    assert [type(one) for one in sent(effects)] == [PreVoteRequest, PreVoteRequest]

    server, _ = receive(server, PreVoteResponse("n2", 2, vote_granted=False))
    assert isinstance(server.role, PreCandidate)
    server, _ = receive(server, PreVoteResponse("n3", 2, vote_granted=True))
    assert isinstance(server.role, Candidate)


def test_9_6_a_pre_candidate_that_votes_for_another_gives_up_its_own_campaign() -> None:
    server, _ = take(follower("1:1", term=2), TimerExpired(Timer.ELECTION))

    server, _ = receive(server, ask("1:1", term=2))

    assert server.role == Follower()


def test_4_2_3_a_server_that_heard_its_leader_ignores_candidates_and_their_terms() -> None:
    server, effects = receive(follower("1:1", term=2), append("1:1", term=2))
    assert ResetTimer(Timer.STICKINESS) in effects

    for request in (ask("9:9", term=9, source="n3"), PreVoteRequest("n3", 9, at("9:9"))):
        assert receive(server, request) == (server, ())

    server, _ = take(server, TimerExpired(Timer.STICKINESS))
    server, _ = receive(server, ask("9:8", term=9, source="n3"))
    assert server.vote == Vote(9, "n3")


def test_4_2_3_a_leader_is_loyal_to_itself() -> None:
    server = leader(term=1)

    assert receive(server, ask("9:9", term=9)) == (server, ())


def test_4_2_3_a_restarted_server_does_not_know_whom_it_promised_and_waits() -> None:
    server = follower("1:1", term=2, sticky=True)

    assert receive(server, ask("9:2", term=3)) == (server, ())


def test_4_2_3_stickiness_outlives_a_later_term() -> None:
    server, _ = receive(follower("1:1", term=2), append("1:1", term=2))

    server, _ = receive(server, appended("1:1", 1, term=3))

    assert server.role == Follower(None, sticky=True)
    assert receive(server, ask("9:9", term=4)) == (server, ())


def test_4_1_a_vote_of_a_server_outside_the_configuration_is_never_counted() -> None:
    server = candidate(term=1)

    for stranger in ("n8", "n9"):
        server, _ = receive(server, vote(term=2, source=stranger))
    assert isinstance(server.role, Candidate)

    server = leader("1:1", term=1)
    assert receive(server, appended("1:1", 2, term=2, source="n9")) == (server, ())


def test_4_1_a_server_that_no_configuration_names_does_not_campaign() -> None:
    empty, _ = recover("n7", 1, Limits(), Vote(), None, at("0:0"), (), 0)

    server, effects = take(empty, TimerExpired(Timer.ELECTION))

    assert server == empty
    assert effects == (ResetTimer(Timer.ELECTION),)


def test_6_2_a_leader_that_no_quorum_answers_steps_down_at_the_next_look() -> None:
    server, _ = receive(leader(term=1), appended("1:1", 2, term=2))
    server, _ = take(server, ReadRequested((4,)))

    server, effects = take(server, TimerExpired(Timer.CHECK_QUORUM))
    assert isinstance(server.role, Leader)
    assert ResetTimer(Timer.CHECK_QUORUM) in effects

    server, effects = take(server, TimerExpired(Timer.CHECK_QUORUM))
    assert server.role == Follower()
    assert Reply(4, Rejected(Reason.NOT_LEADER, None)) in effects
    assert CancelTimer(Timer.HEARTBEAT) in effects
    assert ResetTimer(Timer.ELECTION) in effects


# Replication.


def test_10_2_2_a_probe_waits_and_an_agreement_opens_the_pipeline() -> None:
    server = leader("1:1", term=1, limits=Limits(entries_per_append=1, appends_in_flight=2))
    server, effects = take(server, ClientRequested(((1, b"a"), (2, b"b"), (3, b"c"))))
    assert not sent(effects), "one guess at a time"

    server, effects = receive(server, appended("1:1", 2, term=2))
    assert isinstance(server.role, Leader)
    assert dict(server.role.progress)["n2"].mode == Replicate((3, 4))
    assert dict(server.role.progress)["n3"].mode == Probe(waiting=True)
    assert [
        [entry.index for entry in one.entries]
        for one in sent(effects, "n2")
        if isinstance(one, AppendEntriesRequest)
    ] == [[3], [4]]

    server, effects = receive(server, appended("2:2", 3, term=2))
    (third,) = sent(effects, "n2")
    assert isinstance(third, AppendEntriesRequest)
    assert [entry.index for entry in third.entries] == [5]


def test_10_2_2_a_request_that_is_not_full_waits_for_the_answer_under_way() -> None:
    server, _ = receive(leader("1:1", term=1), appended("1:1", 2, term=2))

    server, first = take(server, ClientRequested(((1, b"a"),)))
    server, second = take(server, ClientRequested(((2, b"b"),)))
    server, third = take(server, ClientRequested(((3, b"c"),)))
    server, answered = receive(server, appended("2:2", 3, term=2))

    assert len(sent(first, "n2")) == 1
    assert not sent(second, "n2")
    assert not sent(third, "n2")
    (request,) = sent(answered, "n2")
    assert isinstance(request, AppendEntriesRequest)
    assert [entry.payload for entry in request.entries] == [b"b", b"c"]


def test_10_2_2_a_full_request_waits_for_no_answer() -> None:
    limits = Limits(entries_per_append=3, bytes_per_append=20, command_bytes=20)
    server, _ = receive(leader("1:1", term=1, limits=limits), appended("1:1", 2, term=2))
    server, _ = take(server, ClientRequested(((1, b"a"),)))

    server, some = take(server, ClientRequested(((2, b"b"), (3, b"c"))))
    server, many = take(server, ClientRequested(((4, b"d"), (5, b"e"))))
    server, large = take(server, ClientRequested(((6, b"f" * 19),)))

    assert not sent(some, "n2")
    assert [[one.payload for one in request.entries] for request in appends(many)] == [
        [b"b", b"c", b"d"]
    ]
    assert [[one.size for one in request.entries] for request in appends(large)] == [[1, 19]], (
        "full by its bytes"
    )


def test_10_2_2_a_peer_far_behind_is_sent_full_requests_though_nothing_is_uncommitted() -> None:
    limits = Limits(bytes_per_append=20, command_bytes=20)
    server, _ = receive(leader("1:1", term=1, limits=limits), appended("1:1", 2, term=2))
    server, _ = take(server, ClientRequested(((1, b"a"),)))
    server, _ = take(server, ClientRequested(((2, b"b" * 10),)))
    server, _ = receive(durable(server), appended("1:1", 4, term=2, source="n3"))
    assert server.commit_index == 4

    server, effects = take(server, ClientRequested(((3, b"c" * 10),)))

    assert [[one.index for one in request.entries] for request in appends(effects)] == [[4, 5]]


def test_10_2_2_a_lost_answer_is_made_good_by_the_next_one_and_what_gathered_goes() -> None:
    server, _ = receive(leader("1:1", term=1), appended("1:1", 2, term=2))
    server, _ = take(server, ClientRequested(((1, b"a"),)))  # its answer is lost
    server, _ = take(server, ClientRequested(((2, b"b"),)))

    server, beat = take(server, TimerExpired(Timer.HEARTBEAT))
    assert [(one.prev_log_id, one.entries) for one in appends(beat)] == [(at("3:2"), ())]
    server, answered = receive(server, appended("3:2", 3, term=2))

    assert [[one.payload for one in request.entries] for request in appends(answered)] == [[b"b"]]


def test_10_2_2_a_lost_answer_is_covered_by_every_later_one() -> None:
    server = leader("1:1", term=1, limits=Limits(entries_per_append=1, appends_in_flight=2))
    server, _ = receive(server, appended("1:1", 2, term=2))
    server, _ = take(server, ClientRequested(((1, b"a"), (2, b"b"), (3, b"c"), (4, b"d"))))

    server, effects = receive(server, appended("3:2", 4, term=2))

    assert [[one.index for one in request.entries] for request in appends(effects)] == [[5], [6]]


def test_10_2_2_a_commit_index_goes_with_what_follows_the_answer_under_way() -> None:
    server, _ = receive(leader("1:1", term=1), appended("1:1", 2, term=2))
    server, _ = receive(server, appended("1:1", 2, term=2, source="n3"))
    server, _ = take(server, ClientRequested(((1, b"a"),)))

    server, committed = receive(durable(server), appended("2:2", 3, term=2, source="n3"))
    assert server.commit_index == 3
    assert [one.leader_commit for one in appends(committed, "n3")] == [3], "n3 has answered"
    assert not appends(committed, "n2"), "n2 is about to answer"

    _, alone = receive(server, appended("2:2", 3, term=2))
    assert [(one.leader_commit, one.entries) for one in appends(alone)] == [(3, ())]

    server, _ = take(server, ClientRequested(((2, b"b"),)))
    _, together = receive(server, appended("2:2", 3, term=2))
    assert [(one.leader_commit, len(one.entries)) for one in appends(together)] == [(3, 1)]


def test_3_5_a_lost_append_shows_at_the_next_heartbeat_and_is_sent_again() -> None:
    server, _ = receive(leader("1:1", term=1), appended("1:1", 2, term=2))
    server, _ = take(server, ClientRequested(((1, b"lost"),)))

    server, beat = take(server, TimerExpired(Timer.HEARTBEAT))
    (request,) = sent(beat, "n2")
    assert isinstance(request, AppendEntriesRequest)
    assert request.prev_log_id == at("3:2"), "one before next_index"

    _, again = receive(server, refused("3:2", "2:2", term=2))
    (request,) = sent(again, "n2")
    assert isinstance(request, AppendEntriesRequest)
    assert [entry.payload for entry in request.entries] == [b"lost"]


def test_3_5_a_conflict_skips_a_whole_term_on_either_side() -> None:
    theirs = follower("1:1", "2:2", "3:2", "4:2", "5:2", term=3)
    _, effects = receive(theirs, append("5:3", term=3))
    (answer,) = sent(effects)
    assert isinstance(answer, AppendEntriesResponse)
    assert answer.conflict == at("5:2")

    _, effects = receive(theirs, append("4:1", term=3))
    (answer,) = sent(effects)
    assert isinstance(answer, AppendEntriesResponse)
    assert answer.conflict == at("1:1"), "no entry of term 2 can stand before one of term 1"

    ours = leader("1:1", "2:1", "3:3", "4:3", "5:3", term=3)
    _, effects = receive(ours, refused("5:3", "5:2", term=4))
    (request,) = sent(effects, "n2")
    assert isinstance(request, AppendEntriesRequest)
    assert request.prev_log_id == at("2:1"), "no entry of term 3 can stand before one of term 2"


def test_3_5_a_late_refusal_changes_nothing() -> None:
    server, _ = receive(leader("1:1", "2:1", term=1), appended("2:1", 3, term=2))

    late, effects = receive(server, refused("2:1", "1:1", term=2))

    assert (late, effects) == (server, ())


def test_3_5_a_commit_is_announced_at_once() -> None:
    server, _ = receive(leader("1:1", term=1), appended("1:1", 2, term=2, source="n3"))
    assert server.commit_index == 2

    _, effects = receive(server, appended("1:1", 2, term=2, source="n2"))

    assert [
        one.leader_commit for one in sent(effects) if isinstance(one, AppendEntriesRequest)
    ] == [2]


def test_a_request_is_as_large_as_its_limits_and_a_larger_entry_goes_alone() -> None:
    limits = Limits(bytes_per_append=10, command_bytes=50)
    server, _ = receive(leader("1:1", term=1, limits=limits), appended("1:1", 2, term=2))

    commands = (b"x" * 6, b"x" * 4, b"x" * 6, b"x" * 40)
    _, effects = take(server, ClientRequested(tuple(enumerate(commands))))

    assert [
        [entry.size for entry in one.entries]
        for one in sent(effects, "n2")
        if isinstance(one, AppendEntriesRequest)
    ] == [[6, 4], [6], [40]]


def test_proposals_beyond_the_limit_of_uncommitted_bytes_are_refused_in_order() -> None:
    server = leader("1:1", term=1, limits=Limits(uncommitted_bytes=10, command_bytes=8))

    server, effects = take(
        server, ClientRequested(((1, b"x" * 6), (2, b"x" * 9), (3, b"x" * 6), (4, b"x")))
    )

    assert effects[1:4] == (
        Reply(2, Rejected(Reason.TOO_LARGE, "n1")),
        Reply(3, Rejected(Reason.OVERLOADED, "n1")),
        Reply(4, Rejected(Reason.OVERLOADED, "n1")),
    )
    server, _ = receive(durable(server), appended("1:1", 3, term=2))
    server, effects = take(server, ClientRequested(((5, b"x" * 8),)))
    assert not any(isinstance(one, Reply) for one in effects), "committed bytes make room"


def test_a_follower_refuses_clients_and_names_the_leader() -> None:
    server, _ = receive(follower(term=2), append("1:1", term=2))

    _, writes = take(server, ClientRequested(((1, b"x"),)))
    _, reads = take(server, ReadRequested((2,)))

    assert writes == (Reply(1, Rejected(Reason.NOT_LEADER, "n2")),)
    assert reads == (Reply(2, Rejected(Reason.NOT_LEADER, "n2")),)


def test_a_leader_that_contradicts_what_is_committed_here_stops_this_server() -> None:
    server = follower("1:1", "2:1", term=2, commit=2)

    same, effects = receive(server, append("1:1", "2:2", term=2))

    assert same.log == server.log
    assert isinstance(effects[-1], Halt)
