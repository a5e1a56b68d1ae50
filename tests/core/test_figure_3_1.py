"""Each line of the dissertation's Figure 3.1, as a test named by it.

The rule ids count the lines of the figure's boxes: RV RequestVote, AE AppendEntries, ALL all
servers, F followers, C candidates, L leaders.  `patches.py` breaks each rule alone, and the
test named by it must fail.
"""

from __future__ import annotations

from huffleraft.core import (
    AppendEntriesRequest,
    AppendEntriesResponse,
    Apply,
    Candidate,
    ClientRequested,
    Committed,
    Follower,
    Leader,
    PreCandidate,
    PreVoteRequest,
    PreVoteResponse,
    Reply,
    RequestVoteRequest,
    RequestVoteResponse,
    ResetTimer,
    Timer,
    TimerExpired,
    Vote,
)
from tests.core.building import (
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
    sent,
    take,
    vote,
)

# RequestVote RPC, receiver.


def test_rv_1_a_candidate_from_the_past_is_refused() -> None:
    server = follower("1:1", term=3)

    server, effects = receive(server, ask("9:2", term=2))

    assert sent(effects) == [RequestVoteResponse("n1", 3, vote_granted=False)]
    assert server.vote == Vote(3, None)


def test_rv_2_a_vote_goes_to_one_candidate_a_term() -> None:
    server, first = receive(follower("1:1", term=2), ask("1:1", term=2, source="n2"))

    server, second = receive(server, ask("1:1", term=2, source="n3"))
    server, again = receive(server, ask("1:1", term=2, source="n2"))

    assert sent(first) == [RequestVoteResponse("n1", 2, vote_granted=True)]
    assert sent(second) == [RequestVoteResponse("n1", 2, vote_granted=False)]
    assert sent(again) == sent(first), "who has our vote may ask for it again"
    assert server.vote == Vote(2, "n2")


def test_rv_2_a_vote_goes_only_to_a_log_at_least_as_up_to_date() -> None:
    server = follower("1:1", "2:1", "3:3", term=3)

    for last, granted in [("9:2", False), ("2:3", False), ("3:3", True), ("2:4", True)]:
        _, effects = receive(server, ask(last, term=4))

        assert sent(effects) == [RequestVoteResponse("n1", 4, vote_granted=granted)], last


# AppendEntries RPC, receiver.


def test_ae_1_a_leader_from_the_past_is_refused_and_learns_the_term() -> None:
    server = follower("1:1", term=3)

    server, effects = receive(server, append("1:1", "2:2", term=2))

    assert sent(effects) == [AppendEntriesResponse("n1", 3, at("1:1"), False, 0, None)]
    assert server.log.last_index == 1
    assert server.leader is None


def test_ae_2_entries_are_refused_without_the_one_before_them() -> None:
    server = follower("1:1", "2:1", term=2)

    for prev, new in (("3:1", "4:2"), ("2:2", "3:2")):
        same, effects = receive(server, append(prev, new, term=2))

        (answer,) = sent(effects)
        assert isinstance(answer, AppendEntriesResponse)
        assert not answer.success, prev
        assert same.log == server.log


def test_ae_3_a_contradicting_entry_goes_and_all_after_it() -> None:
    server = follower("1:1", "2:1", "3:2", "4:2", term=3)

    server, effects = receive(server, append("2:1", "3:3", term=3))

    assert server.log.between(1, 9) == entries("1:1", "2:1", "3:3")
    write = persisted(effects)
    assert write is not None
    assert (write.truncate_from, write.entries) == (3, entries("3:3"))


def test_ae_3_a_stale_request_that_contradicts_nothing_truncates_nothing() -> None:
    server = follower("1:1", "2:1", "3:1", term=1)

    server, effects = receive(server, append("1:1", "2:1", term=1))

    assert server.log.last_index == 3
    assert persisted(effects) is None


def test_ae_4_what_is_not_held_is_appended() -> None:
    server = follower("1:1", "2:1", term=2)

    server, effects = receive(server, append("1:1", "2:1", "3:2", "4:2", term=2))

    assert server.log.between(1, 9) == entries("1:1", "2:1", "3:2", "4:2")
    write = persisted(effects)
    assert write is not None
    assert write.entries == entries("3:2", "4:2"), "what is held already is not written again"


def test_ae_5_the_commit_index_follows_the_leader_as_far_as_the_request_shows() -> None:
    server = follower("1:1", "2:1", "3:1", term=2)

    server, _ = receive(server, append("1:1", "2:1", term=2, commit=3))

    assert server.commit_index == 2, "3:1 may contradict this leader, for all the request shows"


# All servers.


def test_all_1_what_is_committed_is_applied_in_order() -> None:
    server = follower("1:1", "2:1", "3:1", term=2)

    server, effects = receive(server, append("3:1", term=2, commit=2))

    assert Apply(entries("1:1", "2:1")) in effects
    assert server.last_applied == 2


def test_all_2_a_later_term_makes_a_follower_of_anybody() -> None:
    for server in (follower(term=2), candidate(term=1), leader(term=1)):
        after, _ = receive(server, appended("1:1", 1, term=7))

        assert after.vote == Vote(7, None)
        assert isinstance(after.role, Follower)
        assert after.leader is None


# Followers.


def test_f_1_requests_of_leaders_and_candidates_are_answered() -> None:
    server = follower("1:1", term=2)

    _, to_leader = receive(server, append("1:1", term=2))
    _, to_candidate = receive(server, ask("1:1", term=2))
    _, to_pre_candidate = receive(server, PreVoteRequest("n2", 2, at("1:1")))

    assert [type(one) for one in sent(to_leader)] == [AppendEntriesResponse]
    assert [type(one) for one in sent(to_candidate)] == [RequestVoteResponse]
    assert [type(one) for one in sent(to_pre_candidate)] == [PreVoteResponse]


def test_f_2_silence_makes_a_candidate_and_a_word_or_a_vote_puts_it_off() -> None:
    server = follower("1:1", term=2)

    silent, _ = take(server, TimerExpired(Timer.ELECTION))
    _, heard = receive(server, append("1:1", term=2))
    _, voted = receive(server, ask("1:1", term=2))
    _, refusing = receive(server, ask("0:0", term=2))

    assert isinstance(silent.role, PreCandidate), "it asks first whether it could win (§9.6)"
    assert ResetTimer(Timer.ELECTION) in heard
    assert ResetTimer(Timer.ELECTION) in voted
    assert ResetTimer(Timer.ELECTION) not in refusing


# Candidates.


def test_c_1_a_candidate_enters_a_term_votes_for_itself_and_asks_all_others() -> None:
    server, _ = take(follower("1:1", "2:2", term=2), TimerExpired(Timer.ELECTION))

    server, effects = receive(server, PreVoteResponse("n3", 2, vote_granted=True))

    assert server.vote == Vote(3, "n1")
    assert server.role == Candidate(frozenset({"n1"}))
    assert ResetTimer(Timer.ELECTION) in effects
    request = RequestVoteRequest("n1", 3, at("2:2"))
    assert (sent(effects, "n2"), sent(effects, "n3")) == ([request], [request])


def test_c_2_votes_of_a_majority_make_a_leader() -> None:
    server = candidate(term=1)

    refused_by_one, _ = receive(server, vote(term=2, granted=False, source="n3"))
    elected, _ = receive(refused_by_one, vote(term=2, source="n2"))

    assert isinstance(refused_by_one.role, Candidate)
    assert isinstance(elected.role, Leader)
    assert elected.current_term == 2


def test_c_3_a_candidate_that_hears_the_leader_of_its_term_follows() -> None:
    server, _ = receive(candidate(term=1), append("1:1", term=2, source="n3"))

    assert server.role == Follower("n3", sticky=True)


def test_c_4_a_candidate_whose_election_runs_out_campaigns_again() -> None:
    server, effects = take(candidate(term=1), TimerExpired(Timer.ELECTION))

    assert server.role == PreCandidate(frozenset({"n1"}))
    assert sent(effects, "n2") == [PreVoteRequest("n1", 2, at("1:1"))]
    assert ResetTimer(Timer.ELECTION) in effects


# Leaders.


def test_l_1_a_new_leader_speaks_at_once_and_at_every_heartbeat() -> None:
    elected, effects = receive(candidate("1:1", term=1), vote(term=2))

    for peer in ("n2", "n3"):
        (request,) = sent(effects, peer)
        assert isinstance(request, AppendEntriesRequest)
        assert [entry.payload for entry in request.entries] == [None], "its no-op"

    server = durable(elected)
    for peer in ("n2", "n3"):
        server, _ = receive(server, appended("1:1", 2, term=2, source=peer))
    _, beat = take(server, TimerExpired(Timer.HEARTBEAT))
    assert len(sent(beat, "n2")) == len(sent(beat, "n3")) == 1, "with nothing else to say"
    assert ResetTimer(Timer.HEARTBEAT) in beat


def test_l_2_a_command_is_appended_and_answered_after_it_is_applied() -> None:
    server, effects = take(leader(term=1), ClientRequested(((7, b"x"),)))
    assert [(entry.index, entry.payload) for entry in server.log.between(3, 9)] == [(3, b"x")]
    assert not any(isinstance(effect, Reply) for effect in effects)

    server, effects = receive(durable(server), appended("2:2", 3, term=2))

    kinds = [type(effect) for effect in effects]
    assert Reply(7, Committed(3, 2)) in effects
    assert kinds.index(Apply) < kinds.index(Reply)


def test_l_3_a_peer_is_sent_what_it_lacks_and_its_answer_moves_its_marks() -> None:
    server = leader("1:1", "2:1", term=1)

    server, effects = receive(server, appended("2:1", 3, term=2))
    assert isinstance(server.role, Leader)
    progress = dict(server.role.progress)["n2"]
    assert (progress.match_index, progress.next_index) == (3, 4)

    server, effects = take(server, ClientRequested(((1, b"x"),)))
    (request,) = sent(effects, "n2")
    assert isinstance(request, AppendEntriesRequest)
    assert (request.prev_log_id, [entry.index for entry in request.entries]) == (at("3:2"), [4])


def test_l_3_a_refusal_is_answered_with_earlier_entries() -> None:
    server = leader("1:1", "2:1", "3:1", term=1)

    server, effects = receive(server, refused("3:1", "1:1", term=2))

    (request,) = sent(effects, "n2")
    assert isinstance(request, AppendEntriesRequest)
    assert request.prev_log_id == at("1:1")
    assert [entry.index for entry in request.entries] == [2, 3, 4]


def test_l_4_an_entry_of_this_term_on_a_majority_is_committed_and_all_before_it() -> None:
    server = leader("1:1", "2:1", "3:1", term=1)

    older, _ = receive(server, appended("2:1", 3, term=2))
    assert older.commit_index == 0, "copies of an older term's entry commit nothing (§3.6.2)"

    own, _ = receive(older, appended("3:1", 4, term=2))
    assert own.commit_index == 4
