"""Chapter 4: how the members of a cluster change, rule by rule, named by section.

n1 leads n1, n2 and n3 in term 2; entry 2:2 is its no-op.
"""

from __future__ import annotations

from dataclasses import replace

from huffleraft.core import (
    AppendEntriesRequest,
    Apply,
    Candidate,
    ClientRequested,
    Committed,
    Configuration,
    ConfigurationChanged,
    ConfigurationRequested,
    Effect,
    Entry,
    Follower,
    Leader,
    Limits,
    NodeId,
    PreCandidate,
    PreVoteResponse,
    ReadReady,
    ReadRequested,
    Reason,
    Received,
    Rejected,
    Reply,
    RequestVoteRequest,
    RequestVoteResponse,
    Send,
    Server,
    Snapshot,
    SnapshotTaken,
    Timer,
    TimerExpired,
    Unknown,
    Vote,
    recover,
)
from huffleraft.core.in_force import may_campaign
from tests.core.building import (
    THREE,
    append,
    appended,
    at,
    durable,
    entries,
    leader,
    persisted,
    receive,
    sent,
    take,
)
from tests.core.cluster import addressed


def group(voters: str, learners: str = "") -> Configuration:
    """The configuration of these voters and learners, at their usual addresses."""
    return Configuration.of(dict(addressed(voters.split())), dict(addressed(learners.split())))


def ask_for(ref: int, voters: str, learners: str = "") -> ConfigurationRequested:
    """Somebody wants these voters and learners."""
    return ConfigurationRequested(ref, addressed(voters.split()), addressed(learners.split()))


def acked(server: Server, match: int, *peers: NodeId) -> tuple[Server, tuple[Effect, ...]]:
    """*server* once these peers, one after the other, hold its log up to *match*; the effects."""
    effects: tuple[Effect, ...] = ()
    for peer in peers:
        answer = appended("1:1", match, term=server.current_term, source=peer)
        server, more = receive(server, answer)
        effects += more
    return server, effects


def ready(limits: Limits | None = None) -> Server:
    """n1, which has committed its no-op; all hold it."""
    return acked(leader("1:1", term=1, limits=limits), 2, "n2", "n3")[0]


def with_learner(limits: Limits | None = None) -> Server:
    """n1, with n4 as a learner since entry 3; all but n4 hold that."""
    server, _ = take(ready(limits), ask_for(1, "n1 n2 n3", "n4"))
    return acked(durable(server), 3, "n2", "n3")[0]


def joint(voters: str) -> Server:
    """n1 in the joint configuration to these of n1 to n4, at entry 4, which it alone holds."""
    server, _ = acked(with_learner(), 3, "n4")
    server, _ = take(server, ask_for(2, voters))
    return durable(server)


def refusals(effects: tuple[Effect, ...]) -> list[Reason]:
    """Why requests were refused."""
    return [
        effect.outcome.reason
        for effect in effects
        if isinstance(effect, Reply) and isinstance(effect.outcome, Rejected)
    ]


def restarted(*log: Entry, term: int = 2, applied: int = 0, node: NodeId = "n1") -> Server:
    """*node*, started from a disk that holds *log*, loyal to nobody."""
    server, _ = recover(node, 2, Limits(), Vote(term), None, at("0:0"), log, applied)
    return take(server, TimerExpired(Timer.STICKINESS))[0]


def elected(server: Server, *voters: NodeId) -> Server:
    """*server* after a campaign in which these voted for it; its writes are durable."""
    server, _ = take(server, TimerExpired(Timer.ELECTION))
    for voter in voters:
        server, _ = receive(server, PreVoteResponse(voter, server.current_term, vote_granted=True))
    server = durable(server)
    for voter in voters:
        vote = RequestVoteResponse(voter, server.current_term, vote_granted=True)
        server, _ = receive(server, vote)
    return durable(server)


# §4.1: configurations as entries.


def test_4_1_a_change_waits_for_an_entry_of_this_term_to_commit() -> None:
    server, effects = take(leader("1:1", term=1), ask_for(1, "n1 n2"))

    assert refusals(effects) == [Reason.NOT_READY]
    assert server.configuration == THREE


def test_4_1_one_change_at_a_time() -> None:
    server, _ = take(ready(), ask_for(1, "n1 n2 n3", "n4"))

    _, effects = take(durable(server), ask_for(2, "n1 n2 n3", "n5"))
    assert refusals(effects) == [Reason.CHANGE_PENDING]
    _, effects = take(joint("n1 n2 n4"), ask_for(3, "n1 n2"))
    assert refusals(effects) == [Reason.CHANGE_PENDING]


def silent_since_the_last_check(server: Server, *speaking: NodeId) -> Server:
    """n1 after two looks at its quorum between which only these answered."""
    for _ in range(2):
        server, _ = take(server, TimerExpired(Timer.CHECK_QUORUM))
        server, _ = acked(server, 2, *speaking)
    return server


def test_4_2_2_a_change_that_loses_the_quorum_at_once_is_refused_unless_forced() -> None:
    server = silent_since_the_last_check(ready(), "n2")  # n3 is down

    _, effects = take(server, ask_for(1, "n1 n3"))
    assert refusals(effects) == [Reason.QUORUM_AT_RISK]

    forced, effects = take(server, replace(ask_for(1, "n1 n3"), force=True))
    assert not refusals(effects)
    assert forced.configuration.is_joint


def test_4_2_2_whoever_is_down_may_be_removed() -> None:
    server, effects = take(silent_since_the_last_check(ready(), "n2"), ask_for(1, "n1 n2"))

    assert not refusals(effects)
    assert server.configuration.is_joint


def test_4_2_2_who_has_not_had_time_to_answer_is_not_held_to_be_down() -> None:
    just_looked, _ = take(ready(), TimerExpired(Timer.CHECK_QUORUM))

    for server in (ready(), just_looked):
        assert not refusals(take(server, ask_for(1, "n1 n3"))[1])


def test_4_2_2_an_address_or_a_learner_puts_no_quorum_at_risk() -> None:
    server, _ = take(ready(), TimerExpired(Timer.CHECK_QUORUM))

    assert not refusals(take(server, ask_for(1, "n1 n2 n3", "n4"))[1])


def test_4_1_only_a_leader_changes_the_members() -> None:
    server, effects = take(restarted(*entries("1:1", "2:2")), ask_for(1, "n1 n2"))

    assert effects == (Reply(1, Rejected(Reason.NOT_LEADER, None)),)
    assert server.configuration == THREE


def test_4_1_a_configuration_has_voters_and_names_each_once() -> None:
    one, other, learner = ("n1", "a"), ("n1", "b"), ("n4", "d")
    for wanted in (
        ConfigurationRequested(1, (), (learner,)),
        ConfigurationRequested(1, (one, other)),
        ConfigurationRequested(1, (one,), (one,)),
    ):
        _, effects = take(ready(), wanted)

        assert effects == (Reply(1, Rejected(Reason.CONFIGURATION_INVALID, "n1")),)


def test_4_1_a_configuration_is_in_force_at_its_leader_from_its_append() -> None:
    server, effects = take(ready(), ask_for(1, "n1"))

    assert server.configuration == THREE.entering(group("n1"))
    assert (server.membership.index, server.commit_index) == (3, 2)
    assert ConfigurationChanged(server.configuration) in effects
    write = persisted(effects)
    assert write is not None
    assert [one.payload for one in write.entries] == [server.configuration]


def test_4_1_a_truncated_configuration_is_rolled_back_at_who_led_then() -> None:
    server, _ = take(ready(), ask_for(1, "n1 n2 n3", "n4"))

    server, effects = receive(durable(server), append("2:2", "3:3", term=3))

    assert server.configuration == THREE
    assert ConfigurationChanged(THREE) in effects
    assert Reply(1, Unknown("n2")) in effects


def test_4_1_what_is_in_force_needs_no_entry() -> None:
    server, _ = acked(ready(), 2, "n2", "n3")

    again, effects = take(server, ask_for(7, "n1 n2 n3"))

    assert effects == (Reply(7, Committed(1, 1)),)
    assert again.log == server.log


def test_4_1_what_is_in_force_is_known_though_its_entry_is_compacted_away() -> None:
    server, _ = take(ready(Limits(trailing_entries=0)), SnapshotTaken(2))

    _, effects = take(server, ask_for(7, "n1 n2 n3"))

    assert effects == (Reply(7, Committed(2, 2)),)


def test_4_1_what_is_on_its_way_is_no_less_pending_for_being_the_same() -> None:
    server, _ = take(ready(), ask_for(1, "n1 n2 n3", "n4"))

    _, effects = take(durable(server), ask_for(2, "n1 n2 n3", "n4"))

    assert refusals(effects) == [Reason.CHANGE_PENDING]


def test_4_1_learners_and_addresses_change_in_one_entry() -> None:
    moved = ConfigurationRequested(1, (("n1", "n1:1"), ("n2", "elsewhere:9"), ("n3", "n3:1")))

    server, _ = take(ready(), moved)
    assert not server.configuration.is_joint
    assert server.configuration.address_of("n2") == "elsewhere:9"
    server, effects = acked(durable(server), 3, "n2")
    assert Reply(1, Committed(3, 2)) in effects

    server, _ = take(server, ask_for(2, "n1 n2 n3", "n4"))
    assert not server.configuration.is_joint
    assert server.configuration.learners == ("n4",)


def test_4_1_who_is_not_named_is_answered_like_any_other() -> None:
    server = restarted(*entries("1:1", "2:2"))

    _, effects = receive(server, RequestVoteRequest("n9", 3, at("2:2")))
    assert sent(effects, "n9") == [RequestVoteResponse("n1", 3, vote_granted=True)]
    server, effects = receive(server, append("2:2", "3:2", term=2, source="n9"))
    assert server.log.last_id == at("3:2")


# §4.2.1: catching up new servers.


def test_4_2_1_a_learner_is_sent_the_log_from_the_entry_that_names_it() -> None:
    server, effects = take(ready(), ask_for(1, "n1 n2 n3", "n4"))

    (request,) = sent(effects, "n4")
    assert isinstance(request, AppendEntriesRequest)
    assert request.prev_log_id == at("2:2")
    assert [one.index for one in request.entries] == [3]
    assert isinstance(server.role, Leader)
    assert dict(server.role.progress)["n4"].match_index == 0


def test_4_2_1_a_learner_never_counts() -> None:
    server, _ = take(ready(), ask_for(1, "n1 n2 n3", "n4 n5"))
    server, _ = acked(durable(server), 3, "n4", "n5")
    assert server.commit_index == 2

    server, _ = take(server, ReadRequested((6,)))
    for learner in ("n4", "n5"):
        answer = appended("3:2", 3, term=2, source=learner, round_=1)
        server, effects = receive(server, answer)
        assert ReadReady(6) not in effects


def test_4_2_1_a_learner_does_not_campaign_and_is_asked_for_no_vote() -> None:
    log = (*entries("1:1", "2:2"), Entry(2, 3, group("n1 n2 n3", "n4")))

    learner, _ = take(restarted(*log, node="n4"), TimerExpired(Timer.ELECTION))
    assert learner.role == Follower()

    _, effects = take(restarted(*log), TimerExpired(Timer.ELECTION))
    assert {one.to for one in effects if isinstance(one, Send)} == {"n2", "n3"}


def test_4_2_1_a_promoted_learner_votes_though_it_does_not_know_yet() -> None:
    learner = restarted(*entries("1:1", "2:2"), Entry(2, 3, group("n1 n2 n3", "n4")), node="n4")

    _, effects = receive(learner, RequestVoteRequest("n1", 3, at("4:2")))

    assert sent(effects) == [RequestVoteResponse("n4", 3, vote_granted=True)]


def test_4_2_1_a_voter_must_have_been_a_learner() -> None:
    server, effects = take(ready(), ask_for(1, "n1 n2 n3 n4"))
    assert refusals(effects) == [Reason.VOTER_BEHIND]

    server, effects = take(with_learner(), ask_for(2, "n1 n2 n3 n4"))
    assert refusals(effects) == [Reason.VOTER_BEHIND], "it has not answered yet"

    server, effects = take(acked(with_learner(), 3, "n4")[0], ask_for(3, "n1 n2 n3 n4"))
    assert refusals(effects) == []
    assert server.configuration == group("n1 n2 n3", "n4").entering(group("n1 n2 n3 n4"))


def test_4_2_1_a_new_voter_may_be_a_few_entries_behind_and_no_more() -> None:
    for lag, reasons in ((2, [Reason.VOTER_BEHIND]), (3, [])):
        server, _ = acked(with_learner(Limits(promotion_lag=lag)), 3, "n4")
        server, _ = take(server, ClientRequested(((5, b"x"), (6, b"y"), (7, b"z"))))
        server, _ = acked(durable(server), 6, "n2", "n3")
        assert server.commit_index == 6

        _, effects = take(server, ask_for(8, "n1 n2 n3 n4"))

        assert refusals(effects) == reasons


# §4.3: joint consensus.


def test_4_3_a_joint_configuration_names_both_sets_and_leaves_for_the_new_one() -> None:
    old, new = group("n1 n2 n3", "n5"), group("n2 n4", "n3 n6")

    between = old.entering(new)

    assert (between.old_voters, between.voters) == (("n1", "n2", "n3"), ("n2", "n4"))
    assert between.electors == ("n1", "n2", "n3", "n4")
    assert between.members == ("n1", "n2", "n3", "n4", "n6")
    assert [node for node, _ in between.addresses] == list(between.members)
    assert between.leaving() == new


def test_4_3_a_joint_configuration_commits_by_both_majorities() -> None:
    server, _ = acked(joint("n1 n4"), 4, "n2", "n3")
    assert server.commit_index == 3, "the old voters alone do not decide"

    server, _ = acked(joint("n1 n4"), 4, "n4")
    assert server.commit_index == 3, "nor do the new ones"

    server, _ = acked(server, 4, "n2")
    assert server.commit_index == 4


def test_4_3_a_majority_of_all_together_is_none() -> None:
    server, _ = acked(joint("n4"), 4, "n2", "n3")

    assert server.commit_index == 3


def campaigning() -> Server:
    """n1, which asks for votes in a joint configuration from n1 n2 n3 to n1 n4 n5."""
    change = THREE.entering(group("n1 n4 n5"))
    server = restarted(*entries("1:1", "2:2"), Entry(2, 3, change))
    server, effects = take(server, TimerExpired(Timer.ELECTION))
    assert {one.to for one in effects if isinstance(one, Send)} == {"n2", "n3", "n4", "n5"}
    return server


def test_4_3_one_majority_elects_nobody() -> None:
    for voters in (("n2", "n3"), ("n4", "n5")):
        server = campaigning()
        for voter in voters:
            server, _ = receive(server, PreVoteResponse(voter, 2, vote_granted=True))
        assert isinstance(server.role, PreCandidate)

        server = campaigning()
        for voter in ("n2", "n4"):
            server, _ = receive(server, PreVoteResponse(voter, 2, vote_granted=True))
        server = durable(server)
        for voter in voters:
            server, _ = receive(server, RequestVoteResponse(voter, 3, vote_granted=True))
        assert isinstance(server.role, Candidate)


def test_4_3_reads_and_leadership_are_confirmed_by_both_majorities() -> None:
    for peers, last in ((("n2", "n3"), "n4"), (("n4",), "n2")):
        server, _ = take(joint("n4"), ReadRequested((9,)))
        for peer in peers:
            server, effects = receive(server, appended("3:2", 3, term=2, source=peer, round_=1))
            assert ReadReady(9) not in effects
        server, effects = receive(server, appended("3:2", 3, term=2, source=last, round_=1))
        assert ReadReady(9) in effects

    server, _ = take(server, TimerExpired(Timer.CHECK_QUORUM))
    server, _ = acked(server, 3, "n2", "n3")
    server, _ = take(server, TimerExpired(Timer.CHECK_QUORUM))
    assert isinstance(server.role, Follower)


def test_4_3_the_final_configuration_follows_when_the_joint_one_is_committed() -> None:
    server, effects = acked(joint("n1 n4"), 4, "n2")
    assert server.configuration.is_joint
    assert persisted(effects) is None

    server, effects = acked(server, 4, "n4")

    assert server.commit_index == 4
    assert server.configuration == group("n1 n4")
    write = persisted(effects)
    assert write is not None
    assert write.entries == (Entry(2, 5, group("n1 n4")),)


def test_4_3_the_answer_comes_when_the_final_configuration_is_applied() -> None:
    server, effects = acked(joint("n1 n4"), 4, "n2", "n4")
    assert not any(isinstance(one, Reply) for one in effects)

    _, effects = acked(durable(server), 5, "n4")

    kinds = [one for one in effects if isinstance(one, Apply | Reply)]
    assert kinds == [Apply((Entry(2, 5, group("n1 n4")),)), Reply(2, Committed(5, 2))]


def test_4_3_who_asked_is_told_unknown_when_the_leader_leaves_office() -> None:
    _, effects = receive(joint("n1 n4"), append("3:2", term=3, source="n3"))

    assert Reply(2, Unknown("n3")) in effects


def test_4_3_whoever_leads_when_the_joint_configuration_is_committed_leaves_it() -> None:
    change = THREE.entering(group("n1 n4"))
    server = elected(restarted(*entries("1:1", "2:2"), Entry(2, 3, change)), "n2", "n4")
    assert server.configuration == change

    server, _ = acked(server, 4, "n2", "n4")

    assert server.configuration == group("n1 n4")


def test_4_3_a_new_leader_that_knows_the_joint_one_is_committed_leaves_it_at_once() -> None:
    change = THREE.entering(group("n1 n4"))
    log = (*entries("1:1", "2:2"), Entry(2, 3, change))

    server = elected(restarted(*log, applied=3), "n2", "n4")

    assert [one.payload for one in server.log.between(4, 9)] == [None, group("n1 n4")]


def test_4_3_a_snapshot_carries_the_joint_configuration_in_force_at_its_index() -> None:
    server, _ = acked(joint("n1 n4"), 4, "n2", "n4")
    assert server.configuration == group("n1 n4")

    server, _ = take(server, SnapshotTaken(4))

    change = group("n1 n2 n3", "n4").entering(group("n1 n4"))
    assert server.snapshot == Snapshot(4, 2, change)
    again, _ = recover("n1", 2, Limits(), Vote(2), server.snapshot, at("4:2"), (), 4)
    assert again.configuration == change


# §4.2.2: removing servers, the leader among them.


def test_4_2_2_a_leader_that_leaves_does_not_count_itself() -> None:
    server, _ = acked(joint("n2 n3 n4"), 4, "n2", "n3")
    assert server.configuration == group("n2 n3 n4")

    server, _ = acked(durable(server), 5, "n2")
    assert (server.commit_index, isinstance(server.role, Leader)) == (4, True)


def retiring() -> tuple[Server, tuple[Effect, ...]]:
    """n1 as the configuration without it is committed, with a command after it under way."""
    server, _ = acked(joint("n2 n3"), 4, "n2", "n3")
    server, _ = take(durable(server), ClientRequested(((8, b"x"),)))
    return acked(durable(server), 5, "n2", "n3")


def test_4_2_2_a_leader_that_left_retires_when_that_is_committed() -> None:
    server, effects = retiring()

    assert server.role == Follower()
    replies = [one for one in effects if isinstance(one, Reply)]
    assert replies == [Reply(2, Committed(5, 2)), Reply(8, Unknown(None))]
    assert server.membership.leaving == ()


def test_4_2_2_a_leader_that_left_retires_only_when_it_has_applied_that() -> None:
    server, _ = acked(joint("n2 n3"), 4, "n2", "n3")

    server, _ = acked(server, 5, "n2", "n3")
    assert (server.commit_index, server.last_applied) == (5, 4)
    assert isinstance(server.role, Leader)

    assert durable(server).role == Follower()


def test_4_2_2_who_left_campaigns_no_more() -> None:
    server, effects = take(retiring()[0], TimerExpired(Timer.ELECTION))

    assert server.role == Follower()
    assert sent(effects) == []


def test_4_2_2_who_leaves_may_have_to_win_the_final_configuration_through() -> None:
    change = THREE.entering(group("n2 n3"))
    log = (*entries("1:1", "2:2"), Entry(2, 3, change), Entry(2, 4, group("n2 n3")))

    assert may_campaign(restarted(*log))
    assert may_campaign(restarted(*log, applied=3)), "the joint one is the last committed"
    assert not may_campaign(restarted(*log, applied=4))

    server = elected(restarted(*log), "n2", "n3")
    assert isinstance(server.role, Leader)
    server, _ = acked(server, 5, "n2", "n3")
    assert server.role == Follower()


def test_4_2_2_its_own_vote_does_not_help_who_leaves() -> None:
    change = THREE.entering(group("n2 n3"))
    log = (*entries("1:1", "2:2"), Entry(2, 3, change), Entry(2, 4, group("n2 n3")))

    server = elected(restarted(*log), "n2")

    assert isinstance(server.role, PreCandidate)


def leaving() -> tuple[Server, tuple[Effect, ...]]:
    """n1 as it learns that the configuration without n3 is committed, which n3 does not hold."""
    server, _ = acked(joint("n1 n2 n4"), 4, "n2", "n4")
    return acked(durable(server), 5, "n2")


def test_4_2_2_who_leaves_is_sent_the_configuration_without_it_and_its_commit() -> None:
    server, effects = leaving()

    assert server.configuration == group("n1 n2 n4")
    assert server.membership.leaving == (("n3", "n3:1"),)
    told = [one for one in sent(effects, "n3") if isinstance(one, AppendEntriesRequest)]
    assert [one.leader_commit for one in told] == [5]
    assert isinstance(server.role, Leader)
    assert "n3" in dict(server.role.progress)


def test_4_2_2_who_left_is_spoken_to_until_it_holds_that_or_is_silent() -> None:
    server, _ = leaving()
    server, _ = acked(server, 4, "n3")

    server, _ = take(server, TimerExpired(Timer.CHECK_QUORUM))
    assert server.peers == ("n2", "n3", "n4")

    server, _ = acked(server, 5, "n2", "n3")
    told, effects = take(server, TimerExpired(Timer.CHECK_QUORUM))
    assert told.peers == ("n2", "n4")
    assert ConfigurationChanged(group("n1 n2 n4")) in effects
    assert isinstance(told.role, Leader)
    assert [peer for peer, _ in told.role.progress] == ["n2", "n4"]


def test_4_2_2_who_left_and_is_silent_is_let_go() -> None:
    server, _ = leaving()
    server, _ = take(server, TimerExpired(Timer.CHECK_QUORUM))
    server, _ = acked(server, 5, "n2")

    server, _ = take(server, TimerExpired(Timer.CHECK_QUORUM))

    assert server.peers == ("n2", "n4")


def test_4_2_2_nobody_is_let_go_before_the_commit() -> None:
    server, _ = acked(joint("n1 n2 n4"), 4, "n2", "n4")
    server, _ = take(server, TimerExpired(Timer.CHECK_QUORUM))
    server, _ = acked(durable(server), 4, "n2")

    server, _ = take(server, TimerExpired(Timer.CHECK_QUORUM))

    assert server.peers == ("n2", "n3", "n4")


def test_4_2_2_an_answer_of_who_leaves_is_never_counted() -> None:
    server, _ = acked(joint("n1 n4"), 4, "n2", "n4")
    server, _ = acked(durable(server), 5, "n2", "n3")

    assert server.commit_index == 4


def test_4_2_2_a_new_leader_speaks_to_those_who_are_leaving() -> None:
    change = THREE.entering(group("n1 n2"))
    log = (*entries("1:1", "2:2"), Entry(2, 3, change), Entry(2, 4, group("n1 n2")))

    server = elected(restarted(*log), "n2")

    assert server.peers == ("n2", "n3")
    assert isinstance(server.role, Leader)
    assert [peer for peer, _ in server.role.progress] == ["n2", "n3"]


def test_4_2_2_who_follows_forgets_those_who_left_with_the_commit() -> None:
    change = THREE.entering(group("n1 n2"))
    log = (*entries("1:1", "2:2"), Entry(2, 3, change))
    server = restarted(*log)

    final = AppendEntriesRequest("n2", 2, at("3:2"), (Entry(2, 4, group("n1 n2")),), 3)
    server, effects = receive(server, final)
    assert ConfigurationChanged(group("n1 n2"), (("n3", "n3:1"),)) in effects

    server, effects = take(server, Received(append("4:2", term=2, commit=4)))
    assert ConfigurationChanged(group("n1 n2")) in effects
