"""Every message, in every role, in every relation of terms: nothing raises, all invariants hold."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from huffleraft.core import (
    AppendEntriesRequest,
    AppendEntriesResponse,
    Candidate,
    ClientRequested,
    EntryId,
    Event,
    Follower,
    Leader,
    LogIndex,
    Message,
    Persisted,
    PreCandidate,
    PreVoteRequest,
    PreVoteResponse,
    ReadRequested,
    Received,
    RequestVoteRequest,
    RequestVoteResponse,
    Role,
    Server,
    StorageFailed,
    Term,
    Timer,
    TimerExpired,
    recover,
    step,
)
from huffleraft.core.invariants import check_step
from tests.core.building import append, at, candidate, entries, follower, leader, take

LOG = ("1:1", "2:1", "3:2")
TERM = 3
"""The term every server here is in."""


def followers() -> list[Server]:
    """Followers: of nobody, of n2, sticky or not, with and without a vote, a commit, a write."""
    heard, _ = take(follower(*LOG, term=TERM), Received(append("3:2", term=TERM)))
    return [
        follower(*LOG, term=TERM),
        follower(*LOG, term=TERM, voted_for="n3", commit=2),
        follower(*LOG, term=TERM, sticky=True),
        heard,
        take(heard, Received(append("3:2", "4:3", term=TERM)))[0],
    ]


def campaigning() -> list[Server]:
    """A pre-candidate, and a candidate with its write durable and not."""
    pre, _ = take(follower(*LOG, term=TERM), TimerExpired(Timer.ELECTION))
    early, _ = take(follower(*LOG, term=TERM - 1), TimerExpired(Timer.ELECTION))
    early, _ = take(early, Received(PreVoteResponse("n3", TERM - 1, vote_granted=True)))
    return [pre, early, candidate(*LOG, term=TERM - 1)]


def leaders() -> list[Server]:
    """A new leader, and one with agreeing peers, a proposal and reads under way."""
    new = leader(*LOG, term=TERM - 1)
    busy, _ = take(new, Received(AppendEntriesResponse("n3", TERM, at("3:2"), True, 4, None)))
    busy, _ = take(busy, ClientRequested(((1, b"x"), (2, b"y"))))
    busy, _ = take(busy, ReadRequested((3,)))
    return [new, busy]


SERVERS = {Follower: followers, PreCandidate: campaigning, Candidate: campaigning, Leader: leaders}


def messages(term: Term) -> list[Message]:
    """Messages of n2 in *term* with every relation of its log to ours."""
    ids = [at(name) for name in ("0:0", "2:1", "3:1", "3:2", "4:2", "9:2")]
    ids = [one for one in ids if one.term <= term]
    made: list[Message] = []
    for last in ids:
        made += [PreVoteRequest("n2", term, last), RequestVoteRequest("n2", term, last)]
    for granted in (True, False):
        made += [PreVoteResponse("n2", term, granted), RequestVoteResponse("n2", term, granted)]
    for prev, commit in itertools.product(("0:0", "1:1", "2:1", "3:2", "7:2"), (0, 2, 9)):
        index = at(prev).index + 1
        new = f"{index}:{min(term, 2) if index > 2 else 1}"
        made.append(append(prev, term=term, commit=commit))
        made.append(append(prev, new, f"{index + 1}:{max(term, 2)}", term=term, commit=commit))
    for prev, match in itertools.product(("2:1", "3:2", "9:2"), (0, 2, 3, 4)):
        made.append(AppendEntriesResponse("n2", term, at(prev), True, match, None, 1))
        conflict = EntryId(min(match, 1), match)
        made.append(AppendEntriesResponse("n2", term, at(prev), False, 0, conflict, 1))
    return made


def sane(server: Server, message: Message) -> bool:
    """Whether a correct peer could have sent *message*, given what *server* knows."""
    log = server.log
    if isinstance(message, AppendEntriesRequest):
        if message.term > server.current_term:
            return not _contradicts_committed(server, message)
        if message.term < server.current_term:
            return True
        of_another = server.leader not in (None, message.source)
        return not of_another and not _contradicts_committed(server, message)
    if isinstance(message, AppendEntriesResponse) and message.success:
        return message.match <= log.last_index
    return True


def _contradicts_committed(server: Server, message: AppendEntriesRequest) -> bool:
    shown = ((entry.index, entry.term) for entry in message.entries)
    prev = message.prev_log_id
    return any(
        index <= server.commit_index and server.log.term_at(index) != term
        for index, term in (*shown, (prev.index, prev.term))
    )


@pytest.mark.parametrize("relation", [-1, 0, 1], ids=["older", "same", "newer"])
@pytest.mark.parametrize("role", SERVERS, ids=lambda role: role.__name__)
def test_every_message_is_borne_in_every_role(role: type[Role], relation: int) -> None:
    make: Callable[[], list[Server]] = SERVERS[role]
    servers = [server for server in make() if isinstance(server.role, role)]
    assert servers
    for server, message in itertools.product(servers, messages(TERM + relation)):
        new, effects = step(server, Received(message))
        if sane(server, message):
            check_step(server, Received(message), new, effects)
        recovered(new, new.last_applied)


@pytest.mark.parametrize("role", SERVERS, ids=lambda role: role.__name__)
def test_every_other_event_is_borne_in_every_role(role: type[Role]) -> None:
    make: Callable[[], list[Server]] = SERVERS[role]
    events: list[Event] = [
        *(TimerExpired(timer) for timer in Timer),
        ClientRequested(((90, b"x"), (91, b""))),
        ClientRequested(()),
        ReadRequested((92, 93)),
        Persisted(0),
        StorageFailed("no such disk"),
    ]
    for server, event in itertools.product(make(), events):
        new, effects = step(server, event)
        check_step(server, event, new, effects)
        recovered(new, new.last_applied)


def recovered(server: Server, last_applied: LogIndex) -> None:
    """Any server can be started again from what its disk would hold."""
    log = server.log
    again, _ = recover(
        server.id,
        server.boot + 1,
        server.limits,
        server.vote,
        None,
        log.base,
        log.between(log.first_index, log.last_index),
        last_applied,
    )
    assert (again.vote, again.log, again.configuration) == (
        server.vote,
        log,
        server.configuration,
    )


def test_the_entries_of_this_file_are_what_they_say() -> None:
    assert [entry.id for entry in entries(*LOG)] == [at(name) for name in LOG]
