"""Figure 5.3 and the durability of snapshots: what is taken, sent, installed and restored.

IS.2 to IS.4 are about chunks, which are the transport's.
"""

from __future__ import annotations

import pytest

from huffleraft.core import (
    AppendEntriesRequest,
    Apply,
    ClientRequested,
    Configuration,
    ConfigurationChanged,
    EntryId,
    Follower,
    Halt,
    Installing,
    InstallSnapshotRequest,
    InstallSnapshotResponse,
    Leader,
    Limits,
    LogIndex,
    NodeId,
    Persist,
    Persisted,
    Probe,
    Progress,
    Replicate,
    Restore,
    Send,
    SendSnapshot,
    Server,
    Snapshot,
    SnapshotSent,
    SnapshotTaken,
    Term,
    Timer,
    TimerExpired,
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
    follower,
    leader,
    persisted,
    receive,
    refused,
    sent,
    take,
)

SHORT = Limits(trailing_entries=1)
"""One entry stays behind a snapshot."""


def snapshot(name: str, configuration: Configuration = THREE) -> Snapshot:
    """The snapshot that ends in the entry named index:term."""
    return Snapshot(at(name).index, at(name).term, configuration)


def install(name: str, *, term: Term, source: NodeId = "n2") -> InstallSnapshotRequest:
    """A leader's snapshot, whole and durable here."""
    return InstallSnapshotRequest(source, term, snapshot(name))


def answers(effects: tuple[object, ...]) -> list[Send]:
    """The answers to installs among *effects*."""
    return [
        one
        for one in effects
        if isinstance(one, Send) and isinstance(one.message, InstallSnapshotResponse)
    ]


def knows(server: Server, peer: NodeId = "n2") -> Progress:
    """What leader *server* knows of *peer*."""
    assert isinstance(server.role, Leader)
    return dict(server.role.progress)[peer]


def streams(effects: tuple[object, ...]) -> list[NodeId]:
    """To whom a snapshot is streamed."""
    return [one.to for one in effects if isinstance(one, SendSnapshot)]


def compacted() -> Server:
    """Leader n1 in term 2 whose log begins after 3:1; n3 agrees with all of it, n2 is unknown."""
    server = leader("1:1", "2:1", "3:1", "4:1", term=1, commit=1, limits=SHORT)
    server, _ = receive(server, appended("4:1", 5, term=2, source="n3"))
    assert (server.commit_index, server.last_applied) == (5, 5)
    server, _ = take(server, SnapshotTaken(4))
    return durable(server)


def appends(effects: tuple[object, ...], to: NodeId = "n2") -> list[AppendEntriesRequest]:
    """The appends to one peer among *effects*."""
    return [
        one.message
        for one in effects
        if isinstance(one, Send) and one.to == to and isinstance(one.message, AppendEntriesRequest)
    ]


# Our own.


def test_5_1_a_snapshot_keeps_some_entries_behind_it_and_goes_out_in_one_write() -> None:
    server = follower("1:1", "2:1", "3:1", "4:1", "5:1", commit=4, limits=SHORT)

    server, effects = take(server, SnapshotTaken(4))

    assert effects == (Persist(1, snapshot=snapshot("4:1"), base=at("3:1")),)
    assert server.log.base == at("3:1")
    assert server.log.last_index == 5


def test_5_1_an_older_snapshot_that_ends_late_says_nothing() -> None:
    server = follower("1:1", "2:1", "3:1", "4:1", "5:1", commit=5, limits=SHORT)
    server, _ = take(server, SnapshotTaken(4))

    again, effects = take(server, SnapshotTaken(3))

    assert (again, effects) == (server, ())


def test_5_1_a_snapshot_has_the_configuration_in_force_at_its_index() -> None:
    later = Configuration.of({"n1": "n1:9", "n2": "n2:9", "n3": "n3:9"})
    *first, last = entries("1:1", "2:1", "3:1")
    log = (*first, type(last)(1, 3, later))
    server, _ = recover("n1", 1, SHORT, Vote(1), None, EntryId(0, 0), log, 2)
    assert server.configuration == later

    server, _ = take(server, SnapshotTaken(2))

    assert server.snapshot == snapshot("2:1", THREE)
    assert server.configuration == later


def test_5_1_a_machine_cannot_be_ahead_of_what_it_was_given() -> None:
    with pytest.raises(AssertionError, match="ahead"):
        take(follower("1:1", "2:1", commit=1), SnapshotTaken(2))


def test_w11_the_prefix_goes_in_the_same_write_as_the_snapshots_record() -> None:
    server = follower("1:1", "2:1", "3:1", commit=3, limits=SHORT)

    _, effects = take(server, SnapshotTaken(3))

    (write,) = (one for one in effects if isinstance(one, Persist))
    assert (write.snapshot, write.base) == (snapshot("3:1"), at("2:1"))


# At the peer.


def test_is_1_a_leader_of_the_past_learns_our_term() -> None:
    server, effects = receive(follower("1:1", term=3), install("9:2", term=2))

    assert server.snapshot is None
    assert sent(effects) == [InstallSnapshotResponse("n1", 3, 0)]


def test_is_1_a_later_term_is_entered_and_its_leader_obeyed() -> None:
    server, _ = receive(leader("1:1", term=1), install("9:2", term=3))

    assert server.current_term == 3
    assert server.role == Follower("n2", sticky=True)


def test_is_5_a_snapshot_of_what_is_committed_here_takes_nothing_back() -> None:
    server = follower("1:1", "2:1", "3:1", "4:1", commit=3)

    new, effects = receive(server, install("2:1", term=1))

    assert (new.snapshot, new.log, new.commit_index) == (None, server.log, 3)
    assert sent(effects) == [InstallSnapshotResponse("n1", 1, 2)]


def test_is_6_what_follows_the_last_included_entry_is_kept() -> None:
    server = follower("1:1", "2:1", "3:1", "4:1", "5:1", commit=1)

    server, effects = receive(server, install("3:1", term=1))

    assert persisted(effects) == Persist(1, snapshot=snapshot("3:1"), base=at("3:1"))
    assert [entry.index for entry in server.log.between(1, 9)] == [4, 5]
    assert server.disk.last_index == 5, "what is kept stays durable"


def test_is_7_a_log_that_tells_of_another_past_goes_whole() -> None:
    server = follower("1:1", "2:1", "3:1", "4:1", "5:1", term=2, commit=1)

    server, effects = receive(server, install("3:2", term=2))

    write = Persist(1, snapshot=snapshot("3:2"), base=at("3:2"), truncate_from=4)
    assert persisted(effects) == write
    assert (server.log.last_id, len(server.log)) == (at("3:2"), 0)
    assert server.disk.last_index == 1, "only what was known to be committed stays true (W6)"


def test_is_8_the_machine_is_replaced_and_goes_on_from_there() -> None:
    server = follower("1:1", "2:1", "3:1", "4:1", commit=1)
    server, first = receive(server, install("3:1", term=1))
    server, _ = receive(server, append("3:1", "4:1", term=1, commit=4))

    server, effects = take(server, Persisted(1))

    assert not any(isinstance(one, Apply | Restore) for one in first)
    assert effects[:2] == (Restore(snapshot("3:1")), Apply(entries("4:1")))
    assert server.last_applied == 4


def test_is_8_the_last_configuration_comes_with_the_snapshot() -> None:
    other = Configuration.of({"n2": "n2:1", "n3": "n3:1", "n4": "n4:1"})
    request = InstallSnapshotRequest("n2", 1, snapshot("9:1", other))

    server, effects = receive(follower("1:1", commit=1), request)

    assert server.configuration == other
    assert ConfigurationChanged(other) in effects
    assert not may_campaign(server)


def test_w11_restore_and_the_answer_wait_for_the_install() -> None:
    server, effects = receive(follower("1:1", "2:1", commit=1), install("9:1", term=1))

    assert [one.after for one in answers(effects)] == [1]
    assert not any(isinstance(one, Restore) for one in effects)
    server, effects = take(server, Persisted(1))
    assert Restore(snapshot("9:1")) in effects


def test_w11_recovery_asks_for_the_restore_that_a_crash_prevented() -> None:
    _, behind = recover("n1", 2, SHORT, Vote(1), snapshot("9:1"), at("9:1"), (), 1)
    server, restored = recover("n1", 2, SHORT, Vote(1), snapshot("9:1"), at("9:1"), (), 9)

    assert behind[0] == Restore(snapshot("9:1"))
    assert not any(isinstance(one, Restore) for one in restored)
    assert (server.last_applied, server.commit_index) == (9, 9)


def test_w12_an_install_is_one_write_even_in_a_new_term() -> None:
    _, effects = receive(follower("1:1", "2:1", term=1, commit=1), install("9:2", term=2))

    (write,) = (one for one in effects if isinstance(one, Persist))
    assert write == Persist(1, vote=Vote(2), snapshot=snapshot("9:2"), base=at("9:2"))


def test_w6_an_install_cuts_what_older_writes_claim() -> None:
    server, _ = receive(follower("1:1", term=2), append("1:1", "2:2", "3:2", term=2))
    server, _ = receive(server, install("3:3", term=3))

    server, effects = take(server, Persisted(1))

    assert server.disk.last_index == 0, "what write 1 held is void"
    assert not any(isinstance(one, Restore) for one in effects)


@pytest.mark.parametrize("prev", ["0:0", "1:1", "2:1"])
def test_ae_2_what_a_snapshot_stands_for_needs_no_proof(prev: str) -> None:
    server = follower("1:1", "2:1", "3:1", "4:1", commit=4, limits=SHORT)
    server, _ = take(server, SnapshotTaken(4))
    index = at(prev).index
    old = [f"{number}:1" for number in range(index + 1, 6)]

    server, effects = receive(durable(server), append(prev, *old, term=1, commit=5))

    assert server.log.last_index == 5
    (answer,) = sent(effects)
    assert getattr(answer, "match", None) == 5


def test_an_install_from_a_second_leader_of_our_term_halts() -> None:
    _, effects = receive(leader("1:1", term=1), install("9:1", term=2))

    assert isinstance(effects[-1], Halt)


# On the leader.


def test_5_3_a_peer_that_needs_what_is_gone_is_sent_a_snapshot_and_only_heartbeats() -> None:
    server, effects = receive(compacted(), refused("4:1", "1:1", term=2))

    assert [one.message for one in effects if isinstance(one, SendSnapshot)] == [
        InstallSnapshotRequest("n1", 2, snapshot("4:1"))
    ]
    assert knows(server).mode == Installing(4)
    server, silent = take(server, ClientRequested(((1, b"x"),)))
    assert not sent(silent, "n2")
    assert not streams(silent)
    server, beat = take(server, TimerExpired(Timer.HEARTBEAT))
    assert sent(beat, "n2") == [append("3:1", term=2, commit=5, source="n1")]
    assert not streams(beat)


def test_5_3_a_refused_heartbeat_shows_only_that_the_peer_lives() -> None:
    server, _ = receive(compacted(), refused("4:1", "1:1", term=2))
    before = knows(server)

    server, effects = receive(server, refused("3:1", "1:1", term=2))

    assert knows(server).mode == before.mode
    assert knows(server).recently_active
    assert not streams(effects)


def test_5_3_a_peer_must_hold_the_entry_before_the_next_one() -> None:
    _, gone = receive(compacted(), refused("4:1", "2:1", term=2))
    _, there = receive(compacted(), refused("4:1", "3:1", term=2))

    assert streams(gone) == ["n2"]
    assert [request.prev_log_id for request in appends(there)] == [at("3:1")]


@pytest.mark.parametrize("match", [3, 4, 5])
def test_5_3_an_answer_that_shows_the_logs_base_ends_the_wait(match: LogIndex) -> None:
    server, _ = receive(compacted(), refused("4:1", "1:1", term=2))

    server, effects = receive(server, InstallSnapshotResponse("n2", 2, match))

    assert isinstance(knows(server).mode, Replicate)
    assert knows(server).match_index == match
    expected = [f"{index}:{1 if index < 5 else 2}" for index in range(match + 1, 6)]
    fed = [[one.id for one in request.entries] for request in appends(effects) if request.entries]
    assert fed == ([[at(name) for name in expected]] if expected else [])


def test_5_3_a_late_answer_from_before_the_base_does_not_end_the_wait() -> None:
    server, _ = receive(compacted(), refused("4:1", "1:1", term=2))

    server, effects = receive(server, appended("1:1", 1, term=2))

    assert knows(server).mode == Installing(4)
    assert not streams(effects)


def test_5_3_a_stream_that_arrived_is_asked_about_at_once() -> None:
    server, _ = receive(compacted(), refused("4:1", "1:1", term=2))

    server, effects = take(server, SnapshotSent("n2", ok=True))

    (request,) = appends(effects)
    assert (request.prev_log_id, [one.id for one in request.entries]) == (at("4:1"), [at("5:2")])
    assert knows(server).mode == Probe(waiting=True)


def test_5_3_a_stream_that_failed_is_tried_again_at_the_next_heartbeat() -> None:
    server, _ = receive(compacted(), refused("4:1", "1:1", term=2))

    server, failed = take(server, SnapshotSent("n2", ok=False))
    _, beat = take(server, TimerExpired(Timer.HEARTBEAT))

    assert not streams(failed)
    assert streams(beat) == ["n2"]


def test_5_3_the_end_of_an_earlier_leaderships_stream_says_nothing() -> None:
    server = compacted()

    again, effects = take(server, SnapshotSent("n3", ok=False))

    assert (again, effects) == (server, ())


@pytest.mark.parametrize(
    "last,base,held,applied,why",
    [
        ("9:1", "0:0", (), 0, "the snapshot goes up to 9, but the log holds 1..0"),
        ("2:1", "3:1", ("4:1",), 3, "the snapshot goes up to 2, but the log holds 4..4"),
        ("4:2", "3:1", ("4:1",), 4, "of term 2, but the log has term 1 at 4"),
        ("4:1", "3:1", ("4:1",), 5, "has applied up to 5, but the log holds 4..4"),
    ],
)
def test_3_8_parts_of_a_disk_that_contradict_each_other_are_refused(
    last: str, base: str, held: tuple[str, ...], applied: LogIndex, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        recover("n1", 1, SHORT, Vote(2), snapshot(last), at(base), entries(*held), applied)
