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
    Configuration,
    ConfigurationRequested,
    Entry,
    EntryId,
    Event,
    Follower,
    Installing,
    InstallSnapshotRequest,
    InstallSnapshotResponse,
    Leader,
    Limits,
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
    Snapshot,
    SnapshotSent,
    SnapshotTaken,
    StorageFailed,
    Term,
    TimeoutNow,
    Timer,
    TimerExpired,
    TransferRequested,
    recover,
    step,
)
from huffleraft.core.invariants import check_step
from tests.core.building import (
    THREE,
    append,
    at,
    candidate,
    durable,
    entries,
    follower,
    leader,
    take,
)
from tests.core.cluster import addressed

LOG = ("1:1", "2:1", "3:2")
REMOVED = Configuration.of({"n2": "n2:1", "n3": "n3:1"})
JOINT = THREE.entering(REMOVED)
"""n1, which all servers here are, is on its way out."""

TERM = 3
"""The term every server here is in."""


def followers() -> list[Server]:
    """Followers: of nobody, of n2, sticky or not, with and without a vote, a commit, a write."""
    heard, _ = take(follower(*LOG, term=TERM), Received(append("3:2", term=TERM)))
    compacted = follower(*LOG, term=TERM, commit=3, limits=Limits(trailing_entries=1))
    installing = follower(*LOG, term=TERM, commit=1)
    changing, _ = take(follower(*LOG, term=TERM), Received(under("4:3", JOINT, TERM)))
    removed, _ = take(changing, Received(under("5:3", REMOVED, TERM, commit=4)))
    return [
        changing,
        removed,
        take(removed, Received(append("5:3", term=TERM, commit=5)))[0],
        take(compacted, SnapshotTaken(3))[0],
        take(installing, Received(install("7:3", TERM)))[0],
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
    joint, _ = take(follower(*LOG, term=TERM), Received(under("4:3", JOINT, TERM)))
    for timer in (Timer.STICKINESS, Timer.ELECTION):
        joint, _ = take(joint, TimerExpired(timer))
    return [pre, early, candidate(*LOG, term=TERM - 1), joint]


def under(
    name: str, configuration: Configuration, term: Term, *, commit: LogIndex = 0
) -> AppendEntriesRequest:
    """An append of *configuration* as the entry index:term, from n2."""
    id_ = at(name)
    prev = at("3:2") if id_.index == 4 else at(f"{id_.index - 1}:{id_.term}")
    entry = Entry(id_.term, id_.index, configuration)
    return AppendEntriesRequest("n2", term, prev, (entry,), commit)


def install(last: str, term: Term) -> InstallSnapshotRequest:
    """A snapshot that ends in the entry named index:term, from n2."""
    return InstallSnapshotRequest("n2", term, Snapshot(at(last).index, at(last).term, THREE), 1)


def leaders() -> list[Server]:
    """A new leader, one with agreeing peers, a proposal and reads under way, one that sends n2 a
    snapshot.
    """
    new = leader(*LOG, term=TERM - 1)
    busy, _ = take(new, Received(AppendEntriesResponse("n3", TERM, at("3:2"), True, 4, None)))
    busy, _ = take(busy, ClientRequested(((1, b"x"), (2, b"y"))))
    busy, _ = take(busy, ReadRequested((3,)))
    short = leader(*LOG, term=TERM - 1, commit=3, limits=Limits(trailing_entries=0))
    short, _ = take(short, SnapshotTaken(3))
    sending, _ = take(
        short, Received(AppendEntriesResponse("n2", TERM, at("3:2"), False, 0, at("1:1")))
    )
    assert isinstance(sending.role, Leader)
    assert dict(sending.role.progress)["n2"].mode == Installing(3)
    return [new, busy, short, sending, *changing_leaders(new), *transferring_leaders(new)]


def changing_leaders(new: Server) -> list[Server]:
    """Leaders with a learner, in a joint configuration, and on the way out, all by a request."""
    server, _ = take(new, Received(AppendEntriesResponse("n3", TERM, at("3:2"), True, 4, None)))
    wanted = ConfigurationRequested(71, addressed(["n1", "n2", "n3"]), addressed(["n4"]))
    learning, _ = take(server, wanted)
    leaving, _ = take(server, ConfigurationRequested(72, addressed(["n2", "n3"])))
    going = durable(leaving)
    for peer in ("n2", "n3"):
        answer = AppendEntriesResponse(peer, TERM, at("4:3"), True, 5, None)
        going, _ = take(going, Received(answer))
    assert going.configuration == REMOVED
    return [learning, leaving, going]


def transferring_leaders(new: Server) -> list[Server]:
    """Leaders that hand over to n3: one that still owes an answer, one whose word is out."""
    ready, _ = take(new, Received(AppendEntriesResponse("n3", TERM, at("3:2"), True, 4, None)))
    told, _ = take(ready, TransferRequested(81, "n3"))
    owing, _ = take(ready, ClientRequested(((82, b"x"),)))
    owing, _ = take(owing, TransferRequested(83, "n3"))
    return [told, owing]


SERVERS = {Follower: followers, PreCandidate: campaigning, Candidate: campaigning, Leader: leaders}


def messages(term: Term) -> list[Message]:
    """Messages of n2 in *term* with every relation of its log to ours."""
    ids = [at(name) for name in ("0:0", "2:1", "3:1", "3:2", "4:2", "9:2")]
    ids = [one for one in ids if one.term <= term]
    made: list[Message] = []
    for last in ids:
        made += [PreVoteRequest("n2", term, last), RequestVoteRequest("n2", term, last)]
        made.append(RequestVoteRequest("n2", term, last, leadership_transfer=True))
    made.append(TimeoutNow("n2", term))
    for granted in (True, False):
        made += [PreVoteResponse("n2", term, granted), RequestVoteResponse("n2", term, granted)]
    for prev, commit in itertools.product(("0:0", "1:1", "2:1", "3:2", "7:2"), (0, 2, 9)):
        index = at(prev).index + 1
        new = f"{index}:{min(term, 2) if index > 2 else 1}"
        made.append(append(prev, term=term, commit=commit))
        made.append(append(prev, new, f"{index + 1}:{max(term, 2)}", term=term, commit=commit))
    for last, configuration in itertools.product(ids[1:], (THREE, JOINT, REMOVED)):
        snapshot = Snapshot(last.index, last.term, configuration)
        made.append(InstallSnapshotRequest("n2", term, snapshot, 1))
    if term >= TERM:
        made += [under("4:3", JOINT, term, commit=commit) for commit in (0, 4)]
    made += [InstallSnapshotResponse("n2", term, match, 1) for match in (0, 2, 3, 4)]
    for prev, match in itertools.product(("2:1", "3:2", "9:2"), (0, 2, 3, 4)):
        made.append(AppendEntriesResponse("n2", term, at(prev), True, match, None, 1))
        conflict = EntryId(min(match, 1), match)
        made.append(AppendEntriesResponse("n2", term, at(prev), False, 0, conflict, 1))
    return made


def sane(server: Server, message: Message) -> bool:
    """Whether a correct peer could have sent *message*, given what *server* knows."""
    log = server.log
    if _tells_of_another_cluster(server, message):
        return False
    if isinstance(message, TimeoutNow):
        return message.term < server.current_term or server.leader in (None, message.source)
    if isinstance(message, AppendEntriesRequest):
        if message.term > server.current_term:
            return not _contradicts_committed(server, message)
        if message.term < server.current_term:
            return True
        of_another = server.leader not in (None, message.source)
        return not of_another and not _contradicts_committed(server, message)
    if isinstance(message, InstallSnapshotRequest):
        last = message.snapshot.id
        known = server.log.holds(last) or last.index > server.commit_index
        of_another = server.leader not in (None, message.source)
        return known and not (of_another and message.term == server.current_term)
    if isinstance(message, AppendEntriesResponse | InstallSnapshotResponse):
        return message.match <= log.last_index
    return True


def _tells_of_another_cluster(server: Server, message: Message) -> bool:
    """Whether *message* shows another entry, or configuration, under an id that *server* holds."""
    log = server.log
    if isinstance(message, InstallSnapshotRequest):
        last, included = message.snapshot.id, server.snapshot
        before = included is not None and last.index < included.last_included_index
        held = last.index > log.base.index and log.agrees_with(last)
        return (
            held
            and not before
            and log.configuration_at(last.index, included) != message.snapshot.configuration
        )
    shown = message.entries if isinstance(message, AppendEntriesRequest) else ()
    held_here = log.between(log.first_index, log.last_index)
    return any(one.id == entry.id and one != entry for one in held_here for entry in shown)


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
        if not _tells_of_another_cluster(server, message):
            recovered(new, new.last_applied)


@pytest.mark.parametrize("role", SERVERS, ids=lambda role: role.__name__)
def test_every_other_event_is_borne_in_every_role(role: type[Role]) -> None:
    make: Callable[[], list[Server]] = SERVERS[role]
    events: list[Event] = [
        *(TimerExpired(timer) for timer in Timer),
        ClientRequested(((90, b"x"), (91, b""))),
        ClientRequested(()),
        ReadRequested((92, 93)),
        ConfigurationRequested(94, addressed(["n1", "n2", "n3"])),
        ConfigurationRequested(95, addressed(["n2", "n3"]), addressed(["n1", "n4"])),
        ConfigurationRequested(96, addressed(["n1", "n2", "n3", "n4"])),
        ConfigurationRequested(97, ()),
        TransferRequested(98, "n2"),
        TransferRequested(99),
        Persisted(0),
        SnapshotSent("n2", ok=True),
        SnapshotSent("n3", ok=False),
        StorageFailed("no such disk"),
    ]
    events += [SnapshotTaken(server.last_applied) for server in make()]
    for server, event in itertools.product(make(), events):
        if isinstance(event, SnapshotTaken) and event.index > server.last_applied:
            continue  # no embedder may say so
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
        server.snapshot,
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
