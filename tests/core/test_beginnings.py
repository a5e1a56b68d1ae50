"""How a server, a leadership and a configuration begin, and clusters of other sizes than three."""

from __future__ import annotations

import pytest

from huffleraft.core import (
    NOBODY,
    Apply,
    CancelTimer,
    Candidate,
    ClientRequested,
    Configuration,
    ConfigurationChanged,
    Entry,
    Leader,
    Limits,
    PreVoteResponse,
    ReadReady,
    ReadRequested,
    Reason,
    Rejected,
    Reply,
    RequestVoteResponse,
    ResetTimer,
    Send,
    Timer,
    TimerExpired,
    Vote,
    recover,
)
from huffleraft.core.in_force import may_campaign
from huffleraft.core.quorum import is_majority, majority, reached_by_majority
from tests.core.building import (
    FIRST,
    THREE,
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
    sent,
    take,
    vote,
)


def test_4_2_3_a_server_begins_sticky_with_both_timers_and_its_configuration() -> None:
    _, effects = recover("n1", 2, Limits(), Vote(1), None, at("0:0"), (FIRST,), 1)

    assert effects == (
        ResetTimer(Timer.STICKINESS),
        ResetTimer(Timer.ELECTION),
        ConfigurationChanged(THREE),
    )


def test_3_3_what_speaks_of_an_earlier_term_changes_nothing_and_learns_of_ours() -> None:
    old = (
        ask("9:2", term=2),
        append("2:2", "3:2", term=2),
        vote(term=2),
        appended("2:2", 2, term=2),
    )
    for server in (follower("1:1", term=3), candidate("1:1", term=2), leader("1:1", term=2)):
        for message in old:
            after, effects = receive(server, message)

            assert after == server
            assert all(answer.term == 3 for answer in sent(effects))


def test_3_4_a_leader_begins_with_its_own_timers_and_without_an_election() -> None:
    server, effects = receive(candidate("1:1", term=1), vote(term=2))

    assert isinstance(server.role, Leader)
    assert {
        CancelTimer(Timer.ELECTION),
        ResetTimer(Timer.HEARTBEAT),
        ResetTimer(Timer.CHECK_QUORUM),
    } <= set(effects)


def test_what_a_leader_inherits_uncommitted_counts_against_the_limit() -> None:
    limits = Limits(uncommitted_bytes=10, command_bytes=5)
    server = leader("1:1", "2:1", "3:1", term=1, commit=2, limits=limits)
    assert server.log[3].size == 3

    server, effects = take(server, ClientRequested(((1, b"x" * 5), (2, b"x" * 3))))

    assert Reply(2, Rejected(Reason.OVERLOADED, "n1")) in effects
    assert Reply(1, Rejected(Reason.OVERLOADED, "n1")) not in effects
    server, _ = receive(durable(server), appended("4:2", 5, term=2))
    assert isinstance(server.role, Leader)
    assert server.role.uncommitted_bytes == 0


def test_3_6_1_whoever_lacks_what_is_committed_finds_no_majority() -> None:
    holders = [follower("1:1", "2:2", term=2, commit=2), follower("1:1", "2:2", term=2)]

    for lacking in ("1:1", "2:1", "9:1"):
        for holder in holders:
            _, effects = receive(holder, ask(lacking, term=3, source="n3"))
            assert sent(effects) == [RequestVoteResponse("n1", 3, vote_granted=False)], lacking


def test_3_6_2_what_a_leader_inherits_commits_with_its_own_first_entry_and_without_a_client() -> (
    None
):
    server = leader("1:1", "2:1", term=1)

    server, effects = receive(server, appended("2:1", 3, term=2))

    assert server.commit_index == 3
    assert [one.payload for one in server.log.between(3, 3)] == [None]
    assert Apply((*entries("1:1", "2:1"), Entry(2, 3, None))) in effects


def test_10_2_1_a_leader_sends_an_entry_in_the_step_that_begins_to_write_it() -> None:
    server, _ = receive(leader("1:1", term=1), appended("1:1", 2, term=2))

    server, effects = take(server, ClientRequested(((1, b"x"),)))

    write = persisted(effects)
    assert write is not None
    carried = [one for one in effects if isinstance(one, Send) and one.to == "n2"]
    assert [(one.message.entries, one.after) for one in carried] == [(write.entries, None)]  # type: ignore[union-attr]
    assert server.disk.outstanding, "and it is not durable yet"


def test_4_2_3_a_follower_that_need_not_be_loyal_any_more_still_knows_its_leader() -> None:
    server, _ = receive(follower("1:1", term=2), append("1:1", term=2))

    server, _ = take(server, TimerExpired(Timer.STICKINESS))

    assert (server.leader, server.is_sticky) == ("n2", False)


def test_4_1_a_configuration_is_in_force_from_its_append_until_it_is_truncated() -> None:
    empty, _ = recover("n1", 1, Limits(), Vote(), None, at("0:0"), (), 0)
    assert (empty.configuration, may_campaign(empty)) == (NOBODY, False)

    founded, effects = receive(empty, append("0:0", "1:1", term=1))
    assert founded.configuration == THREE
    assert ConfigurationChanged(THREE) in effects

    request = append("0:0", term=2, source="n3")
    other = type(request)("n3", 2, at("0:0"), (Entry(2, 1, b"x"),), 0)
    again, effects = receive(founded, other)
    assert again.configuration == NOBODY
    assert ConfigurationChanged(NOBODY) in effects


def test_3_2_any_two_majorities_share_a_member() -> None:
    assert [majority(voters) for voters in range(1, 8)] == [1, 2, 2, 3, 3, 4, 4]
    assert not is_majority((), {"n1"})
    assert reached_by_majority((), lambda _: 9) == 0
    marks = {"a": 1, "b": 9, "c": 4, "d": 7}
    assert reached_by_majority(("a", "b", "c", "d"), marks.__getitem__) == 4


@pytest.mark.parametrize("size", [2, 4])
def test_3_2_half_of_an_even_cluster_decides_nothing(size: int) -> None:
    nodes = [f"n{number}" for number in range(1, size + 1)]
    founding = Entry(1, 1, Configuration.of({node: f"{node}:1" for node in nodes}))
    half, one_more = nodes[1 : size // 2], nodes[size // 2]
    server, _ = recover("n1", 1, Limits(), Vote(1), None, at("0:0"), (founding,), 0)

    server, _ = take(server, TimerExpired(Timer.ELECTION))
    for peer in (*half, one_more):
        assert server.current_term == 1
        server, _ = receive(server, PreVoteResponse(peer, 1, vote_granted=True))
    server = durable(server)
    for peer in (*half, one_more):
        assert isinstance(server.role, Candidate)
        server, _ = receive(server, vote(term=2, source=peer))
    server, effects = take(durable(server), ReadRequested((1,)))
    assert isinstance(server.role, Leader)
    for peer in (*half, one_more):
        assert server.commit_index == 0
        server, effects = receive(server, appended("1:1", 2, term=2, source=peer, round_=1))
    assert server.commit_index == 2
    assert ReadReady(1) in effects


def test_the_first_entry_of_these_tests_is_the_founding_one() -> None:
    assert entries("1:1") == (FIRST,)
