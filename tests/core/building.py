"""Servers, entries and messages for rule tests, said in few words."""

from __future__ import annotations

from huffleraft.core import (
    ORIGIN,
    AppendEntriesRequest,
    AppendEntriesResponse,
    Configuration,
    Effect,
    Entry,
    EntryId,
    Event,
    Follower,
    Limits,
    LogIndex,
    Message,
    NodeId,
    Persist,
    Persisted,
    PreVoteResponse,
    Received,
    RequestVoteRequest,
    RequestVoteResponse,
    Send,
    Server,
    Term,
    Timer,
    TimerExpired,
    Vote,
    recover,
    step,
)
from huffleraft.core.invariants import check_step

THREE = Configuration.of({"n1": "n1:1", "n2": "n2:1", "n3": "n3:1"})
FIRST = Entry(1, 1, THREE)


def entries(*ids: str) -> tuple[Entry, ...]:
    """Entries named index:term, as in `entries("2:1", "3:2")`; each carries its own name."""
    made = []
    for name in ids:
        index, term = map(int, name.split(":"))
        made.append(FIRST if index == 1 else Entry(term, index, name.encode()))
    return tuple(made)


def at(name: str) -> EntryId:
    """The id named index:term."""
    index, term = map(int, name.split(":"))
    return EntryId(term, index)


def follower(
    *log: str,
    term: Term = 1,
    voted_for: NodeId | None = None,
    commit: LogIndex = 0,
    limits: Limits | None = None,
    sticky: bool = False,
) -> Server:
    """Server n1 of three, with all of *log* durable; it heard no leader lately unless *sticky*."""
    made, _ = recover(
        "n1",
        1,
        limits or Limits(),
        Vote(term, voted_for),
        None,
        ORIGIN,
        entries(*(log or ("1:1",))),
        commit,
    )
    if sticky:
        return made
    server, _ = take(made, TimerExpired(Timer.STICKINESS))
    assert server.role == Follower()
    return server


def candidate(*log: str, term: Term = 1, commit: LogIndex = 0) -> Server:
    """n1 asking for votes in the term after *term*; its write is durable."""
    server, _ = take(follower(*log, term=term, commit=commit), TimerExpired(Timer.ELECTION))
    server, _ = take(server, Received(PreVoteResponse("n2", term, vote_granted=True)))
    return durable(server)


def leader(*log: str, term: Term = 1, commit: LogIndex = 0, limits: Limits | None = None) -> Server:
    """n1 leading the term after *term*; its log ends in that term's no-op, all durable."""
    server = follower(*log, term=term, commit=commit, limits=limits)
    server, _ = take(server, TimerExpired(Timer.ELECTION))
    server, _ = take(server, Received(PreVoteResponse("n2", term, vote_granted=True)))
    server, _ = take(server, Received(RequestVoteResponse("n2", term + 1, vote_granted=True)))
    return durable(server)


def take(server: Server, event: Event) -> tuple[Server, tuple[Effect, ...]]:
    """One step, checked."""
    new, effects = step(server, event)
    check_step(server, event, new, effects)
    return new, effects


def receive(server: Server, message: Message) -> tuple[Server, tuple[Effect, ...]]:
    """One step by a message, checked."""
    return take(server, Received(message))


def durable(server: Server) -> Server:
    """*server* once all its writes are durable."""
    return take(server, Persisted(server.disk.issued))[0]


def sent(effects: tuple[Effect, ...], to: NodeId | None = None) -> list[Message]:
    """The messages among *effects*, all or those to one peer."""
    return [one.message for one in effects if isinstance(one, Send) and to in (None, one.to)]


def persisted(effects: tuple[Effect, ...]) -> Persist | None:
    """The write among *effects*."""
    return next((one for one in effects if isinstance(one, Persist)), None)


def append(
    prev: str, *new: str, term: Term, commit: LogIndex = 0, source: NodeId = "n2", round_: int = 0
) -> AppendEntriesRequest:
    """An AppendEntries request from *source*."""
    return AppendEntriesRequest(source, term, at(prev), entries(*new), commit, round_)


def appended(
    prev: str, match: LogIndex, *, term: Term, source: NodeId = "n2", round_: int = 0
) -> AppendEntriesResponse:
    """A successful answer from *source*."""
    return AppendEntriesResponse(source, term, at(prev), True, match, None, round_)


def refused(
    prev: str, conflict: str, *, term: Term, source: NodeId = "n2", round_: int = 0
) -> AppendEntriesResponse:
    """A refusal from *source*."""
    return AppendEntriesResponse(source, term, at(prev), False, 0, at(conflict), round_)


def ask(last: str, *, term: Term, source: NodeId = "n2") -> RequestVoteRequest:
    """A vote request from *source*."""
    return RequestVoteRequest(source, term, at(last))


def vote(*, term: Term, granted: bool = True, source: NodeId = "n2") -> RequestVoteResponse:
    """A vote, or a refusal, from *source*."""
    return RequestVoteResponse(source, term, granted)
