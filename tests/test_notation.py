"""The house notation: each value one line, readable, and never a client's bytes."""

import pytest

from huffleraft import notation
from huffleraft.core.configuration import Configuration
from huffleraft.core.effects import (
    Apply,
    CancelTimer,
    Committed,
    ConfigurationChanged,
    Effect,
    Halt,
    HandedOver,
    Persist,
    ReadReady,
    Reason,
    Rejected,
    Reply,
    ResetTimer,
    Send,
    Unknown,
)
from huffleraft.core.events import (
    ClientRequested,
    Event,
    Persisted,
    ReadRequested,
    Received,
    StorageFailed,
    TimerExpired,
    TransferRequested,
)
from huffleraft.core.log import Entry, Log
from huffleraft.core.messages import (
    AppendEntriesRequest,
    AppendEntriesResponse,
    Message,
    PreVoteRequest,
    PreVoteResponse,
    RequestVoteRequest,
    RequestVoteResponse,
    TimeoutNow,
)
from huffleraft.core.state import (
    Candidate,
    Disk,
    Follower,
    Leader,
    Membership,
    OutstandingWrite,
    PreCandidate,
    Progress,
    ReadRound,
    Reads,
    Replicate,
    Role,
    Server,
    Transfer,
)
from huffleraft.core.types import EntryId, Limits, Timer, Vote

THREE = Configuration.of({"n1": "a:1", "n2": "b:2", "n3": "c:3"})
SECRET = b"the client's own words"


def entry(index: int, term: int) -> Entry:
    return Entry(term, index, THREE if index == 1 else SECRET)


def log_of(*ids: tuple[int, int]) -> Log:
    return Log(entries=[entry(index, term) for index, term in ids])


SHORT = log_of((1, 1), (2, 1), (3, 2))


def server_in(role: Role, *, log: Log = SHORT, disk: Disk | None = None) -> Server:
    return Server(
        id="n1",
        boot=1,
        limits=Limits(),
        vote=Vote(2, "n1"),
        snapshot=None,
        log=log,
        disk=disk or Disk(Vote(2, "n1"), log.last_index),
        membership=Membership(THREE, 1),
        role=role,
        commit_index=2,
        last_applied=2,
    )


LEADER = Leader(
    progress=(("n2", Progress(4, 3, Replicate((3, 3)))), ("n3", Progress(4, 0))), term_start=3
)


@pytest.mark.parametrize(
    "role,line",
    [
        (
            LEADER,
            "n1 t2 LEADER         log 1:1 2:1 3:2  commit 2  applied 2  n2 3>4*2  n3 0?4",
        ),
        (
            Follower("n2", sticky=True),
            "n1 t2 follower       log 1:1 2:1 3:2  commit 2  applied 2  of n2  sticky",
        ),
        (Follower(), "n1 t2 follower       log 1:1 2:1 3:2  commit 2  applied 2  voted n1"),
        (
            PreCandidate(frozenset({"n1"})),
            "n1 t2 pre-candidate  log 1:1 2:1 3:2  commit 2  applied 2  votes n1",
        ),
        (
            Candidate(frozenset({"n3", "n1"})),
            "n1 t2 candidate      log 1:1 2:1 3:2  commit 2  applied 2  votes n1 n3",
        ),
    ],
)
def test_a_server_is_one_line_that_names_its_role(role: Role, line: str) -> None:
    assert notation.render_server(server_in(role)) == line


def test_a_leader_says_how_many_clients_wait_for_it() -> None:
    owing = Leader(
        progress=(),
        term_start=3,
        proposals=((3, 7),),
        reads=Reads(begun=1, open=ReadRound(1, 3, (8, 9))),
    )

    assert notation.render_server(server_in(owing)).endswith("owes 1  reads 2")


@pytest.mark.parametrize("told,end", [(False, "n2"), (True, "n2, which was told")])
def test_a_leader_says_to_whom_it_hands_over(told: bool, end: str) -> None:
    leaving = Leader(progress=(), term_start=3, transfer=Transfer(7, "n2", told))

    line = notation.render_server(server_in(leaving))

    assert line.endswith(f"hands over to {end}")


def test_a_disk_that_lags_behind_is_told() -> None:
    behind = Disk(Vote(1), 2, issued=4, outstanding=(OutstandingWrite(4, Vote(2, "n1"), 3),))

    line = notation.render_server(server_in(Follower(), disk=behind))

    assert "disk 2  writing #4" in line


def test_of_a_long_log_only_the_end_is_shown() -> None:
    long = log_of(*((index, 1) for index in range(1, 1001)))

    assert notation.render_log(long) == ".. 995:1 996:1 997:1 998:1 999:1 1000:1"


def test_a_compacted_log_names_what_it_stands_on() -> None:
    assert notation.render_log(Log(EntryId(2, 40), [entry(41, 3)])) == "(40:2) 41:3"


def test_an_empty_log_says_so() -> None:
    assert notation.render_log(Log()) == "empty"


@pytest.mark.parametrize(
    "one,words",
    [
        (Entry(1, 1, THREE), "1:1 {n1 n2 n3}"),
        (Entry(2, 4, None), "4:2 no-op"),
        (Entry(2, 5, b"12345"), "5:2 5B"),
    ],
)
def test_an_entry_is_told_by_index_term_and_kind(one: Entry, words: str) -> None:
    assert notation.render_entry(one) == words


def test_an_entry_with_id_is_written_index_first() -> None:
    assert notation.render_id(EntryId(term=2, index=9)) == "9:2"


MESSAGES: list[tuple[Message, str]] = [
    (PreVoteRequest("n1", 2, EntryId(1, 3)), "n1 -> n2  prevote? t2 last 3:1"),
    (PreVoteResponse("n1", 2, vote_granted=True), "n1 -> n2  prevote! t2 granted"),
    (RequestVoteRequest("n1", 3, EntryId(1, 3)), "n1 -> n2  vote? t3 last 3:1"),
    (
        RequestVoteRequest("n1", 3, EntryId(1, 3), leadership_transfer=True),
        "n1 -> n2  vote? t3 last 3:1 by transfer",
    ),
    (TimeoutNow("n1", 3), "n1 -> n2  timeout-now t3"),
    (RequestVoteResponse("n1", 3, vote_granted=False), "n1 -> n2  vote! t3 refused"),
    (
        AppendEntriesRequest("n1", 2, EntryId(2, 3), (entry(4, 2),), 2),
        "n1 -> n2  append t2 after 3:2 [4:2] commit 2",
    ),
    (
        AppendEntriesRequest("n1", 2, EntryId(2, 3), (), 3, read_round=5),
        "n1 -> n2  append t2 after 3:2 [] commit 3 round 5",
    ),
    (
        AppendEntriesRequest(
            "n1", 2, EntryId(2, 3), tuple(entry(index, 2) for index in range(4, 68)), 3
        ),
        "n1 -> n2  append t2 after 3:2 [4:2 .. 67:2] commit 3",
    ),
    (
        AppendEntriesResponse("n1", 2, EntryId(2, 3), success=True, match=4, conflict=None),
        "n1 -> n2  append! t2 after 3:2 match 4",
    ),
    (
        AppendEntriesResponse("n1", 2, EntryId(2, 3), False, 0, EntryId(1, 2), 6),
        "n1 -> n2  append! t2 after 3:2 refused conflict 2:1 round 6",
    ),
]


@pytest.mark.parametrize("message,line", MESSAGES)
def test_a_message_is_one_line_from_sender_to_receiver(message: Message, line: str) -> None:
    assert notation.render_message(message, "n2") == line
    assert notation.render_event(Received(message), "n2") == line
    assert notation.render_effect(Send("n2", message)) == line
    assert notation.render_effect(Send("n2", message, after=3)) == f"{line} (after #3)"


def test_a_message_without_a_receiver_leaves_its_place_empty() -> None:
    message = RequestVoteResponse("n1", 3, vote_granted=True)

    assert notation.render_message(message) == "n1 ->  vote! t3 granted"


EVENTS: list[tuple[Event, str]] = [
    (TimerExpired(Timer.CHECK_QUORUM), "expired check-quorum"),
    (ClientRequested(((1, SECRET), (2, b""))), f"write r1 {len(SECRET)}B, r2 0B"),
    (ReadRequested((3, 4)), "read r3 r4"),
    (TransferRequested(5, "n2"), "transfer r5 n2"),
    (TransferRequested(5), "transfer r5"),
    (Persisted(3), "persisted #3"),
    (StorageFailed("disk I/O\nerror"), "storage failed: disk I/O error"),
]


@pytest.mark.parametrize("event,line", EVENTS)
def test_an_event_is_one_line(event: Event, line: str) -> None:
    assert notation.render_event(event) == line


EFFECTS: list[tuple[Effect, str]] = [
    (
        Persist(3, Vote(3, "n1"), truncate_from=5, entries=(entry(5, 3), entry(6, 3))),
        "persist #3 vote t3 n1, -5.., +5:3 6:3",
    ),
    (Persist(4, Vote(4)), "persist #4 vote t4"),
    (Persist(5, base=EntryId(2, 40)), "persist #5 base 40:2"),
    (Apply((entry(1, 1), entry(2, 1))), "apply 1:1 2:1"),
    (Reply(7, Committed(4, 2)), "reply r7 committed 4:2"),
    (Reply(7, Rejected(Reason.NOT_LEADER, "n2")), "reply r7 rejected not-leader, ask n2"),
    (Reply(7, Rejected(Reason.OVERLOADED, None)), "reply r7 rejected overloaded"),
    (Reply(7, Unknown(None)), "reply r7 unknown"),
    (Reply(7, HandedOver("n2")), "reply r7 handed over to n2"),
    (ReadReady(8), "ready r8"),
    (ResetTimer(Timer.ELECTION), "reset election"),
    (CancelTimer(Timer.HEARTBEAT), "cancel heartbeat"),
    (ConfigurationChanged(THREE), "configuration {n1 n2 n3}"),
    (
        ConfigurationChanged(THREE.entering(Configuration.of({"n2": "b:2"}, {"n4": "d:4"}))),
        "configuration {n1 n2 n3}->{n2 +n4}",
    ),
    (
        ConfigurationChanged(Configuration.of({"n2": "b:2"}), (("n1", "a:1"), ("n3", "c:3"))),
        "configuration {n2}, leaving n1 n3",
    ),
    (Halt("the disk\nis gone"), "halt: the disk is gone"),
]


@pytest.mark.parametrize("effect,line", EFFECTS)
def test_an_effect_is_one_line(effect: Effect, line: str) -> None:
    assert notation.render_effect(effect) == line


def test_a_command_is_never_shown() -> None:
    entries = (entry(2, 1),)
    lines = [
        notation.render_server(server_in(LEADER)),
        notation.render_entry(entries[0]),
        notation.render_message(AppendEntriesRequest("n1", 2, EntryId(1, 1), entries, 1), "n2"),
        notation.render_event(ClientRequested(((1, SECRET),))),
        notation.render_effect(Persist(1, entries=entries)),
        notation.render_effect(Apply(entries)),
    ]

    assert not any("own words" in line for line in lines)
