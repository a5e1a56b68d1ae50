"""§3.10: how a leader hands its office over, rule by rule.

n1 leads n1, n2 and n3 in term 2; entry 2:2 is its no-op.
"""

from __future__ import annotations

from huffleraft.core import (
    CancelTimer,
    Candidate,
    ClientRequested,
    Committed,
    Effect,
    Entry,
    Follower,
    HandedOver,
    Leader,
    Limits,
    NodeId,
    Outcome,
    PreVoteRequest,
    PreVoteResponse,
    ReadReady,
    ReadRequested,
    Reason,
    Rejected,
    Reply,
    RequestVoteRequest,
    RequestVoteResponse,
    ResetTimer,
    Send,
    Server,
    SnapshotTaken,
    StorageFailed,
    TimeoutNow,
    Timer,
    TimerExpired,
    Transfer,
    TransferRequested,
    Unknown,
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
    receive,
    refused,
    sent,
    take,
)
from tests.core.test_membership import acked, ask_for, group, ready, restarted, with_learner


def wish(to: NodeId | None = None, *, ref: int = 9) -> TransferRequested:
    """Somebody wants *to* to lead; the request is number 9."""
    return TransferRequested(ref, to)


def told(effects: tuple[Effect, ...], ref: int = 9) -> list[Outcome]:
    """What was answered to request *ref*."""
    return [one.outcome for one in effects if isinstance(one, Reply) and one.ref == ref]


def words(effects: tuple[Effect, ...], to: NodeId | None = None) -> int:
    """How many TimeoutNow are among *effects*, all or those to one peer."""
    return sum(isinstance(message, TimeoutNow) for message in sent(effects, to))


def transfer(server: Server) -> Transfer | None:
    """What *server* has under way."""
    assert isinstance(server.role, Leader)
    return server.role.transfer


def owing() -> Server:
    """n1, with entry 3:2 of its client 1 durable here alone."""
    return durable(take(ready(), ClientRequested(((1, b"x"),)))[0])


def handing() -> Server:
    """n1, whose word to n2 is out."""
    return take(ready(), wish("n2"))[0]


# Whom it goes to.


def test_3_10_who_holds_the_whole_log_is_told_at_once() -> None:
    server, effects = take(ready(), wish("n3"))

    assert sent(effects) == [TimeoutNow("n1", 2)]
    assert words(effects, "n3") == 1
    assert ResetTimer(Timer.TRANSFER) in effects
    assert transfer(server) == Transfer(9, "n3", told=True)
    assert told(effects) == []


def test_3_10_who_lacks_an_entry_is_told_once_it_holds_it() -> None:
    server, effects = take(owing(), wish("n3"))
    assert words(effects) == 0

    server, effects = acked(server, 3, "n2")
    assert (words(effects), told(effects, 1)) == (0, [Committed(3, 2)])

    server, effects = acked(server, 3, "n3")
    assert words(effects, "n3") == 1


def test_3_10_nobody_is_told_while_a_proposal_has_no_answer() -> None:
    server, _ = take(ready(), ClientRequested(((1, b"x"),)))
    server, _ = take(server, wish("n2"))

    server, effects = acked(server, 3, "n2")  # a quorum of two needs our own disk
    assert (words(effects), told(effects, 1)) == (0, [])

    other, effects = acked(server, 3, "n3")  # committed, and not applied here
    assert other.commit_index == 3
    assert (words(effects), told(effects, 1)) == (0, [])

    server = durable(server)
    assert transfer(server) == Transfer(9, "n2", told=True)


def test_3_10_the_answers_stand_before_the_word() -> None:
    _, effects = acked(take(owing(), wish("n2"))[0], 3, "n2")

    kinds = [type(one).__name__ for one in effects]
    assert kinds.index("Reply") < max(i for i, kind in enumerate(kinds) if kind == "Send")
    assert words(effects) == 1


def test_3_10_the_word_is_said_once() -> None:
    server, effects = acked(handing(), 2, "n2", "n2", "n3")
    assert words(effects) == 0

    server, effects = take(server, TimerExpired(Timer.HEARTBEAT))
    assert words(effects) == 0
    assert transfer(server) == Transfer(9, "n2", told=True)


def test_3_10_without_a_name_it_goes_to_whoever_holds_most() -> None:
    behind, _ = acked(owing(), 3, "n3")

    server, effects = take(behind, wish())

    assert transfer(server) == Transfer(9, "n3", told=True)
    assert words(effects, "n3") == 1


def test_3_10_without_a_name_it_goes_to_nobody_who_is_silent() -> None:
    server = ready()
    for _ in range(2):
        server, _ = acked(server, 2, "n3")
        server, _ = take(server, TimerExpired(Timer.CHECK_QUORUM))

    assert transfer(take(server, wish())[0]) == Transfer(9, "n3", told=True)
    _, effects = take(server, wish("n2"))
    assert told(effects) == [Rejected(Reason.TARGET_BEHIND, "n1")]


def test_3_10_who_has_not_had_time_to_answer_is_not_silent() -> None:
    server, _ = take(ready(), TimerExpired(Timer.CHECK_QUORUM))

    assert transfer(take(server, wish("n2"))[0]) == Transfer(9, "n2", told=True)


def test_3_10_who_lacks_too_much_is_no_target() -> None:
    server = ready(Limits(promotion_lag=1))
    for ref, index in ((1, 3), (2, 4)):
        server = durable(take(server, ClientRequested(((ref, b"x"),)))[0])
        server, _ = acked(server, index, "n3")

    _, effects = take(server, wish("n2"))
    assert told(effects) == [Rejected(Reason.TARGET_BEHIND, "n1")]

    server, _ = acked(server, 3, "n2")
    assert transfer(take(server, wish("n2"))[0]) == Transfer(9, "n2")


def test_3_10_who_is_being_sent_a_snapshot_is_no_target() -> None:
    server = leader("1:1", "2:1", "3:1", term=1, commit=3, limits=Limits(trailing_entries=0))
    server, _ = acked(server, 4, "n3")
    server, _ = take(server, SnapshotTaken(4))
    server, _ = receive(server, refused("3:1", "1:1", term=2))

    _, effects = take(server, wish("n2"))

    assert told(effects) == [Rejected(Reason.TARGET_BEHIND, "n1")]
    assert transfer(take(server, wish())[0]) == Transfer(9, "n3", told=True)


def test_3_10_learners_strangers_and_the_leader_are_no_targets() -> None:
    for server, to in ((with_learner(), "n4"), (ready(), "n9"), (ready(), "n1")):
        _, effects = take(server, wish(to))

        assert told(effects) == [Rejected(Reason.TARGET_INVALID, "n1")]


def test_3_10_whoever_votes_alone_has_nobody_to_hand_over_to() -> None:
    server, _ = take(ready(), ask_for(1, "n1"))
    server, _ = acked(durable(server), 3, "n2", "n3")
    server = durable(server)
    assert server.configuration.voters == ("n1",)

    _, effects = take(server, wish())

    assert told(effects) == [Rejected(Reason.TARGET_INVALID, "n1")]


def test_3_10_only_a_leader_hands_over() -> None:
    heard, _ = receive(follower("1:1", term=2), append("1:1", term=2))

    for server, who in ((heard, "n2"), (candidate("1:1"), None)):
        new, effects = take(server, wish("n3"))

        assert (new, told(effects)) == (server, [Rejected(Reason.NOT_LEADER, who)])


def test_3_10_a_leader_that_has_committed_nothing_keeps_its_office() -> None:
    _, effects = take(leader("1:1", term=1), wish("n2"))

    assert told(effects) == [Rejected(Reason.NOT_READY, "n1")]


def test_3_10_a_change_of_members_comes_first() -> None:
    joint, _ = take(ready(), ask_for(1, "n1 n2"))
    final, _ = acked(durable(joint), 3, "n2")
    learning, _ = take(ready(), ask_for(1, "n1 n2 n3", "n4"))

    for server in (joint, final, learning):
        _, effects = take(server, wish("n2"))

        assert told(effects) == [Rejected(Reason.CHANGE_PENDING, "n1")]


# Meanwhile.


def test_3_10_commands_are_refused_meanwhile() -> None:
    for server in (handing(), take(owing(), wish("n2"))[0]):
        new, effects = take(server, ClientRequested(((2, b"y"), (3, b"z"))))

        refusal = Rejected(Reason.TRANSFER_PENDING, "n1")
        assert [told(effects, ref) for ref in (2, 3)] == [[refusal], [refusal]]
        assert new == server


def test_3_10_changes_of_members_are_refused_meanwhile() -> None:
    server, effects = take(handing(), ask_for(2, "n1 n3"))

    assert told(effects, 2) == [Rejected(Reason.TRANSFER_PENDING, "n1")]
    assert server == handing()


def test_3_10_another_transfer_is_refused_meanwhile() -> None:
    server, effects = take(handing(), wish("n3", ref=10))

    assert told(effects, 10) == [Rejected(Reason.TRANSFER_PENDING, "n1")]
    assert server == handing()


def test_3_10_reads_are_served_meanwhile() -> None:
    server, _ = take(handing(), ReadRequested((2,)))

    _, effects = receive(server, appended("2:2", 2, term=2, round_=1))

    assert ReadReady(2) in effects


# How it ends.


def test_3_10_a_leader_that_sees_the_next_term_has_handed_over() -> None:
    server, effects = receive(handing(), asked(term=3))

    assert told(effects) == [HandedOver("n2")]
    assert CancelTimer(Timer.TRANSFER) in effects
    assert server.vote == Vote(3, "n2")
    assert [type(one) for one in sent(effects)] == [RequestVoteResponse]


def test_3_10_who_is_deposed_before_it_said_the_word_has_handed_nothing_over() -> None:
    server, _ = take(owing(), wish("n2"))

    _, effects = receive(server, append("2:2", term=3, source="n3"))

    assert told(effects) == [Rejected(Reason.NOT_LEADER, "n3")]
    assert told(effects, 1) == [Unknown("n3")]


def test_3_10_a_transfer_that_expires_leaves_the_leader_in_office() -> None:
    waiting, _ = take(owing(), wish("n2"))

    server, effects = take(waiting, TimerExpired(Timer.TRANSFER))

    assert told(effects) == [Rejected(Reason.TARGET_BEHIND, "n1")]
    assert server == owing()
    _, effects = acked(server, 3, "n2")
    assert words(effects) == 0


def test_3_10_once_the_word_is_out_an_expired_transfer_may_still_happen() -> None:
    server, effects = take(handing(), TimerExpired(Timer.TRANSFER))

    assert told(effects) == [Unknown("n1")]
    assert server == ready()
    server, effects = take(server, ClientRequested(((2, b"y"),)))
    assert told(effects, 2) == []
    _, effects = receive(server, asked(term=3))
    assert told(effects, 2) == [Unknown(None)]


def test_3_10_a_leader_that_nobody_answers_does_not_know_what_becomes_of_the_word() -> None:
    def deposed(server: Server) -> list[Outcome]:
        server, _ = take(server, TimerExpired(Timer.CHECK_QUORUM))
        server, effects = take(server, TimerExpired(Timer.CHECK_QUORUM))
        assert isinstance(server.role, Follower)
        return told(effects)

    assert deposed(handing()) == [Unknown(None)]
    assert deposed(take(owing(), wish("n2"))[0]) == [Rejected(Reason.NOT_LEADER, None)]


def test_3_10_a_leader_that_halts_answers_for_its_transfer_too() -> None:
    failed = StorageFailed("no such disk")

    assert told(take(handing(), failed)[1]) == [Unknown(None)]
    waiting, _ = take(owing(), wish("n2"))
    assert told(take(waiting, failed)[1]) == [Rejected(Reason.HALTED, None)]


def test_3_10_a_late_expiry_says_nothing() -> None:
    for server in (ready(), follower("1:1"), candidate("1:1")):
        assert take(server, TimerExpired(Timer.TRANSFER)) == (server, ())


# On the target.


def asked(*, term: int, source: NodeId = "n2") -> RequestVoteRequest:
    """The vote request of one whom its leader told to campaign."""
    return RequestVoteRequest(source, term, at("2:2"), leadership_transfer=True)


def following() -> Server:
    """n1, which has just heard n2 lead term 2."""
    return durable(receive(follower("1:1", term=1), append("1:1", "2:2", term=2))[0])


def test_3_10_who_is_told_campaigns_at_once_and_without_a_pre_vote() -> None:
    server, effects = receive(following(), TimeoutNow("n2", 2))

    assert isinstance(server.role, Candidate)
    assert server.vote == Vote(3, "n1")
    wanted = RequestVoteRequest("n1", 3, at("2:2"), leadership_transfer=True)
    assert sent(effects) == [wanted, wanted]
    assert ResetTimer(Timer.ELECTION) in effects


def test_3_10_who_asks_already_whether_it_could_win_need_not_wait_for_that() -> None:
    server, _ = take(following(), TimerExpired(Timer.STICKINESS))
    server, _ = take(server, TimerExpired(Timer.ELECTION))

    server, _ = receive(server, TimeoutNow("n2", 2))

    assert isinstance(server.role, Candidate)


def test_3_10_a_word_repeated_moves_nobody_twice() -> None:
    server, _ = receive(following(), TimeoutNow("n2", 2))

    assert receive(server, TimeoutNow("n2", 2)) == (server, ())


def test_3_10_a_word_of_an_old_term_moves_nobody() -> None:
    server, _ = receive(following(), append("2:2", term=3, source="n3"))

    assert receive(server, TimeoutNow("n2", 2)) == (server, ())


def test_3_10_a_word_that_comes_to_a_leader_moves_nobody() -> None:
    assert receive(ready(), TimeoutNow("n2", 1)) == (ready(), ())


def test_3_10_a_word_of_a_later_term_is_its_leaders() -> None:
    server, effects = receive(following(), TimeoutNow("n3", 5))

    assert server.vote == Vote(6, "n1")
    assert all(one.term == 6 for one in sent(effects))


def test_3_10_who_does_not_vote_is_moved_by_no_word() -> None:
    log = (*entries("1:1", "2:2"), Entry(2, 3, group("n1 n2 n3", "n4")))
    learner = restarted(*log, node="n4")
    stranger = restarted(*log, node="n9")

    for server in (learner, stranger):
        assert receive(server, TimeoutNow("n1", 2)) == (server, ())


def test_3_10_who_did_not_win_asks_like_anybody_the_next_time() -> None:
    server = durable(receive(following(), TimeoutNow("n2", 2))[0])

    server, effects = take(server, TimerExpired(Timer.ELECTION))
    assert sent(effects) == [PreVoteRequest("n1", 3, at("2:2"))] * 2

    _, effects = receive(server, PreVoteResponse("n3", 3, vote_granted=True))
    assert sent(effects) == [RequestVoteRequest("n1", 4, at("2:2"))] * 2


# On the others.


def test_3_10_whoever_obeys_the_leader_hears_the_one_it_has_chosen() -> None:
    for server in (following(), follower("1:1", "2:2", term=2, sticky=True)):
        new, effects = receive(server, asked(term=3, source="n3"))

        assert sent(effects) == [RequestVoteResponse("n1", 3, vote_granted=True)]
        assert new.vote == Vote(3, "n3")


def test_3_10_whoever_obeys_a_leader_hears_nobody_else() -> None:
    server = following()

    assert receive(server, ask("9:2", term=3, source="n3")) == (server, ())
    assert receive(server, PreVoteRequest("n3", 2, at("9:2"))) == (server, ())


def test_3_10_an_election_by_transfer_is_an_election() -> None:
    longer, _ = receive(following(), append("2:2", "3:2", term=2))
    _, effects = receive(longer, asked(term=3, source="n3"))
    assert sent(effects) == [RequestVoteResponse("n1", 3, vote_granted=False)]

    voted, _ = receive(following(), asked(term=3, source="n3"))
    _, effects = receive(voted, asked(term=3, source="n2"))
    assert sent(effects) == [RequestVoteResponse("n1", 3, vote_granted=False)]


def test_3_10_a_late_request_by_transfer_gets_nothing() -> None:
    later, _ = receive(following(), append("2:2", term=5, source="n3"))

    new, effects = receive(later, asked(term=3, source="n2"))

    assert new == later
    assert sent(effects) == [RequestVoteResponse("n1", 5, vote_granted=False)]


def test_3_10_the_requests_for_votes_wait_for_their_write() -> None:
    _, effects = receive(following(), TimeoutNow("n2", 2))

    assert [one.after for one in effects if isinstance(one, Send)] == [2, 2]
