"""Every property of a step is seen to fail: a sound step, and a lie told about it.

The lies are small: one field of the value, or one effect, is not what it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest

from huffleraft.core import (
    NOBODY,
    AppendEntriesResponse,
    Apply,
    CancelTimer,
    ClientRequested,
    Committed,
    Configuration,
    ConfigurationRequested,
    Effect,
    Entry,
    Event,
    Follower,
    Halt,
    InstallSnapshotRequest,
    Leader,
    Limits,
    Log,
    Membership,
    Outcome,
    Persist,
    Persisted,
    Progress,
    ReadRequested,
    Reason,
    Received,
    Rejected,
    Reply,
    Restore,
    Send,
    SendSnapshot,
    Server,
    Snapshot,
    SnapshotTaken,
    Timer,
    TimerExpired,
    Unknown,
    Vote,
    step,
)
from huffleraft.core.invariants import InvariantViolation, check_step
from tests.core.building import (
    THREE,
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
    take,
    vote,
)
from tests.core.cluster import addressed

SHORT = Limits(trailing_entries=1)
"""One entry stays behind a snapshot."""

Step: TypeAlias = tuple[Server, Event, Server, tuple[Effect, ...]]


def of(server: Server, event: Event) -> Step:
    """A sound step."""
    return server, event, *step(server, event)


def proposing() -> Step:
    """A leader appends a command."""
    return of(leader("1:1", term=1), ClientRequested(((1, b"x"),)))


def committing() -> Step:
    """A leader commits, applies and answers a command."""
    server, _ = receive(leader("1:1", term=1), appended("1:1", 2, term=2))
    server, _ = take(server, ClientRequested(((1, b"x"),)))
    server, _ = take(server, Persisted(server.disk.issued))
    return of(server, Received(appended("2:2", 3, term=2)))


def reading() -> Step:
    """A leader serves a read."""
    server, _ = receive(leader("1:1", term=1), appended("1:1", 2, term=2))
    server, _ = take(server, ReadRequested((1,)))
    return of(server, Received(appended("2:2", 2, term=2, round_=1)))


def following() -> Step:
    """A follower drops what contradicts its leader, appends, and learns of a commit."""
    server = follower("1:1", "2:1", "3:1", term=2)
    return of(server, Received(append("1:1", "2:2", term=2, commit=1)))


def learning() -> Step:
    """A follower learns of a commit."""
    return of(follower("1:1", "2:1", term=2), Received(append("2:1", term=2, commit=2)))


def voting() -> Step:
    """A follower grants its vote."""
    return of(follower("1:1", term=1), Received(ask("1:1", term=2)))


def winning() -> Step:
    """A candidate takes office."""
    return of(candidate("1:1", term=1), Received(vote(term=2)))


def leaving() -> Step:
    """A leader that nobody answers leaves office, with a command unfinished."""
    server, _ = take(leader("1:1", term=1), ClientRequested(((1, b"x"),)))
    return of(server, TimerExpired(Timer.CHECK_QUORUM))


def completing() -> Step:
    """One of two writes becomes durable."""
    server, _ = receive(follower("1:1", term=2), append("1:1", "2:2", term=2))
    server, _ = receive(server, append("2:2", "3:2", term=2))
    return of(server, Persisted(1))


def taking() -> Step:
    """A follower takes a snapshot."""
    server = follower("1:1", "2:1", "3:1", commit=3, limits=SHORT)
    return of(server, SnapshotTaken(3))


def installing() -> Step:
    """A follower installs a leader's snapshot in the place of its log."""
    return of(follower("1:1", "2:1", commit=1), Received(_install("9:1")))


def restoring() -> Step:
    """An install becomes durable, and the machine follows it and goes on."""
    server, _ = receive(follower("1:1", "2:1", commit=1), _install("3:1"))
    server, _ = receive(server, append("3:1", "4:1", term=1, commit=4))
    return of(server, Persisted(2))


def sending() -> Step:
    """A leader begins the stream of a snapshot."""
    server = leader("1:1", "2:1", "3:1", term=1, commit=3, limits=SHORT)
    server, _ = take(server, SnapshotTaken(3))
    return of(server, Received(refused("3:1", "1:1", term=2)))


def _group(voters: str, learners: str = "") -> Configuration:
    return Configuration.of(dict(addressed(voters.split())), dict(addressed(learners.split())))


def _asking(voters: str, learners: str = "") -> ConfigurationRequested:
    return ConfigurationRequested(1, addressed(voters.split()), addressed(learners.split()))


def _ready() -> Server:
    server, _ = receive(leader("1:1", term=1), appended("1:1", 2, term=2))
    return receive(server, appended("1:1", 2, term=2, source="n3"))[0]


def _removing(node: str) -> Server:
    """A leader in the joint configuration without *node*; it alone holds that."""
    server, _ = take(_ready(), _asking(" ".join({"n1", "n2", "n3"} - {node})))
    return durable(server)


def admitting() -> Step:
    """A leader takes in a learner."""
    return of(_ready(), _asking("n1 n2 n3", "n4"))


def changing() -> Step:
    """A leader begins to remove a voter."""
    return of(_ready(), _asking("n1 n2"))


def confirming() -> Step:
    """A leader is asked for what is in force already."""
    return of(_ready(), _asking("n1 n2 n3"))


def leaving_joint() -> Step:
    """A leader learns that the joint configuration is committed, and appends the final one."""
    return of(_removing("n3"), Received(appended("2:2", 3, term=2)))


def telling() -> Step:
    """A leader learns that the configuration without n3 is committed."""
    server, _ = receive(_removing("n3"), appended("2:2", 3, term=2))
    return of(durable(server), Received(appended("3:2", 4, term=2)))


def retiring() -> Step:
    """A leader learns that the configuration without itself is committed."""
    server, _ = receive(_removing("n1"), appended("2:2", 3, term=2))
    server, _ = receive(server, appended("2:2", 3, term=2, source="n3"))
    server, _ = receive(durable(server), appended("3:2", 4, term=2))
    return of(server, Received(appended("3:2", 4, term=2, source="n3")))


def asking() -> Step:
    """A voter asks whether it could win."""
    return of(follower("1:1", term=1), TimerExpired(Timer.ELECTION))


def _install(last: str) -> InstallSnapshotRequest:
    return InstallSnapshotRequest("n2", 1, Snapshot(at(last).index, at(last).term, THREE))


def _snapshot(**changes: object) -> Callable[[Step], Step]:
    """The snapshot, and its write, are other than they should be."""

    def change(told: Step) -> Step:
        assert told[2].snapshot is not None
        lie = replace(told[2].snapshot, **changes)  # type: ignore[arg-type]
        written = _each(Persist, lambda one: replace(one, snapshot=lie))(told)
        return _with(snapshot=lie)(written)

    return change


def _with(**changes: object) -> Callable[[Step], Step]:
    return lambda told: (told[0], told[1], replace(told[2], **changes), told[3])  # type: ignore[arg-type]


def _effects(change: Callable[[tuple[Effect, ...]], tuple[Effect, ...]]) -> Callable[[Step], Step]:
    return lambda told: (*told[:3], change(told[3]))


def _each(kind: type, change: Callable[..., Effect]) -> Callable[[Step], Step]:
    return _effects(
        lambda all_: tuple(change(one) if isinstance(one, kind) else one for one in all_)
    )


def _answer(**changes: object) -> Callable[[Step], Step]:
    def change(send: Send) -> Effect:
        assert isinstance(send.message, AppendEntriesResponse)
        return replace(send, message=replace(send.message, **changes))  # type: ignore[arg-type]

    return _each(Send, change)


def _told(outcome: Outcome) -> Callable[[Step], Step]:
    return _each(Reply, lambda reply: replace(reply, outcome=outcome))


def _role(**changes: object) -> Callable[[Step], Step]:
    def change(told: Step) -> Step:
        assert isinstance(told[2].role, Leader)
        role = replace(told[2].role, **changes)  # type: ignore[arg-type]
        return told[0], told[1], replace(told[2], role=role), told[3]

    return change


def _nobody_answered(told: Step) -> Step:
    assert isinstance(told[2].role, Leader)
    progress = tuple(
        (peer, replace(one, match_index=0, read_round=0)) for peer, one in told[2].role.progress
    )
    return _role(progress=progress)(told)


def _disk(**changes: object) -> Callable[[Step], Step]:
    return lambda told: _with(disk=replace(told[2].disk, **changes))(told)  # type: ignore[arg-type]


def _sticky_before(told: Step) -> Step:
    return replace(told[0], role=Follower(sticky=True)), *told[1:]


def _led_before(told: Step) -> Step:
    return replace(told[0], role=leader("1:1", term=1).role), *told[1:]


def _committed_before(told: Step) -> Step:
    return replace(told[0], commit_index=2), told[1], replace(told[2], commit_index=2), told[3]


def _by(event: Event) -> Callable[[Step], Step]:
    return lambda told: (told[0], event, *told[2:])


def _silently_by_a_timer(told: Step) -> Step:
    kept = tuple(effect for effect in told[3] if not isinstance(effect, Send))
    return told[0], TimerExpired(Timer.STICKINESS), told[2], kept


def _later_index(told: Step) -> Step:
    role = told[0].role
    assert isinstance(role, Leader)
    assert role.reads.open is not None
    reads = replace(role.reads, open=replace(role.reads.open, read_index=9))
    return replace(told[0], role=replace(role, reads=reads)), *told[1:]


def _doubted(told: Step) -> Step:
    return (*_role(proposals=())(told)[:3], (*told[3], Reply(1, Unknown(None))))


def _in_a_later_term(told: Step) -> Step:
    kept = tuple(effect for effect in told[3] if not isinstance(effect, Send))
    later = Vote(3, "n1")
    return replace(told[0], vote=later), told[1], replace(told[2], vote=later), kept


def _already_there(told: Step) -> Step:
    unwritten = _each(Persist, lambda one: replace(one, snapshot=None))(told)
    return replace(told[0], snapshot=told[2].snapshot), *unwritten[1:]


def _by_another_install(told: Step) -> Step:
    kept = tuple(effect for effect in told[3] if not isinstance(effect, Send))
    return told[0], Received(_install("8:1")), told[2], kept


def _appends(configuration: Configuration) -> Callable[[Step], Step]:
    """The step appends another *configuration* at the log's end."""

    def change(told: Step) -> Step:
        old, event, new, effects = told
        last = replace(new.log[new.log.last_index], payload=configuration)
        write = next(one for one in effects if isinstance(one, Persist))
        lie = replace(
            new,
            log=old.log.append((last,)),
            membership=Membership(configuration, last.index, new.membership.leaving),
        )
        assert isinstance(lie.role, Leader)
        known = dict(lie.role.progress)
        fed = tuple((peer, known.get(peer, Progress(last.index))) for peer in lie.peers)
        lie = replace(lie, role=replace(lie.role, progress=fed))
        rest = tuple(one for one in effects if one is not write and not isinstance(one, Send))
        return old, event, lie, (replace(write, entries=(last,)), *rest)

    return change


def _uncommitted_before(told: Step) -> Step:
    old, event, new, effects = told
    return (
        replace(old, membership=replace(old.membership, index=old.commit_index + 1)),
        event,
        new,
        effects,
    )


def _in_force_elsewhere(told: Step) -> Step:
    return _each(Reply, lambda reply: replace(reply, outcome=Committed(2, 2)))(
        _by(_asking("n1 n2"))(told)
    )


def _before_the_joint_one_commits(told: Step) -> Step:
    old, event, new, effects = told
    kept = tuple(one for one in effects if isinstance(one, Persist))
    lie = replace(new, commit_index=old.commit_index, last_applied=old.last_applied)
    return old, event, lie, kept


def _knows_no_learner(told: Step) -> Step:
    role = told[2].role
    assert isinstance(role, Leader)
    return _role(progress=tuple(pair for pair in role.progress if pair[0] != "n4"))(told)


def _leads_on(told: Step) -> Step:
    kept = tuple(one for one in told[3] if not isinstance(one, CancelTimer))
    role = told[0].role
    assert isinstance(role, Leader)
    fed = tuple((peer, replace(one, match_index=4)) for peer, one in role.progress)
    return _with(role=replace(role, progress=fed, proposals=()))((*told[:3], kept))


def _learner_before(told: Step) -> Step:
    lie = Entry(1, 1, _group("n2 n3", "n1"))
    log = Log(entries=(lie,))
    old = replace(told[0], log=log, membership=Membership(_group("n2 n3", "n1"), 1))
    return old, told[1], replace(told[2], log=log, membership=old.membership), told[3]


def _not_to_the_leaver(told: Step) -> Step:
    kept = tuple(one for one in told[3] if not (isinstance(one, Send) and one.to == "n3"))
    return (*told[:3], kept)


def _no_entry_of_this_term(told: Step) -> Step:
    old = replace(told[0], commit_index=1, last_applied=1)
    return old, *_with(commit_index=1, last_applied=1)(told)[1:]


def _of_another(sent: SendSnapshot) -> Effect:
    other = replace(sent.message.snapshot, last_included_index=2)
    return replace(sent, message=replace(sent.message, snapshot=other))


LIES: list[tuple[str, Callable[[], Step], Callable[[Step], Step]]] = [
    ("TermMonotone", proposing, _with(vote=Vote(1, "n1"))),
    ("VoteOnce", proposing, _with(vote=Vote(2, "n2"))),
    ("CommitMonotone", committing, _with(commit_index=1)),
    ("CommitMonotone", committing, _with(commit_index=9)),
    ("ApplyDurableAndCommitted", committing, _disk(last_index=2)),
    ("OneWriteAStep", proposing, _effects(lambda all_: all_[1:])),
    ("OneWriteAStep", proposing, _effects(lambda all_: (all_[0], *all_))),
    ("OneWriteAStep", proposing, _each(Persist, lambda one: replace(one, write=one.write + 1))),
    ("AnswerOnce", committing, _effects(lambda all_: (*all_, Reply(1, Unknown(None))))),
    ("AnswerOnce", proposing, _role(proposals=())),
    ("AnswerOnce", proposing, _role(proposals=((3, 7),))),
    ("MatchIsHeld", following, _answer(match=9)),
    ("PersistTellsAll", proposing, _each(Persist, lambda one: replace(one, entries=()))),
    ("WritesTrackTheDisk", following, _disk(last_index=3)),
    ("PersistedByNumber", completing, _disk(last_index=3)),
    ("SpeaksForItself", following, _answer(term=1)),
    ("SpeaksForItself", following, _answer(source="n3")),
    ("VoteBeforeMessage", voting, _each(Send, lambda one: replace(one, after=None))),
    ("EntriesBeforeAnswer", following, _each(Send, lambda one: replace(one, after=None))),
    ("EffectOrder", winning, _effects(lambda all_: (*all_[1:], all_[0]))),
    ("EffectOrder", proposing, _effects(lambda all_: (Halt("no"), *all_))),
    ("AnswersAreAnswers", following, _by(TimerExpired(Timer.HEARTBEAT))),
    ("AnswersAreAnswers", voting, _by(TimerExpired(Timer.ELECTION))),
    ("AckOnlyShown", following, _by(Received(append("1:1", term=2, commit=1)))),
    ("AckHeld", following, _by(Received(append("1:1", "2:1", term=2, commit=1)))),
    ("LoyalToTheLeader", voting, _sticky_before),
    ("VoteForUpToDate", voting, _by(Received(ask("0:0", term=2)))),
    ("VoteOnce", voting, _each(Send, lambda one: replace(one, to="n3"))),
    ("VotesElect", winning, _by(Received(vote(term=2, granted=False)))),
    ("VotesElect", winning, _by(TimerExpired(Timer.HEARTBEAT))),
    ("LeaderAppendOnly", following, _led_before),
    ("TruncateOnConflict", following, _silently_by_a_timer),
    ("CommittedStays", following, _committed_before),
    ("CommitByQuorum", committing, _nobody_answered),
    ("CommitOwnTerm", committing, _in_a_later_term),
    ("CommitByLeader", learning, _silently_by_a_timer),
    ("CommitOnlyShown", following, _by(Received(append("1:1", "2:2", term=2, commit=0)))),
    ("ApplyInOrder", committing, _each(Apply, lambda one: Apply(one.entries[:-1]))),
    (
        "CommittedIsOwnEntry",
        committing,
        _each(Reply, lambda one: replace(one, outcome=Committed(2, 2))),
    ),
    ("NeverRejectProposed", leaving, _told(Rejected(Reason.NOT_LEADER, None))),
    ("ReadByQuorum", reading, _nobody_answered),
    ("ReadByLeader", reading, lambda told: (*told[:2], replace(told[2], role=Follower()), told[3])),
    ("ReadApplied", reading, _later_index),
    ("ReadInOwnTerm", reading, _role(term_start=3)),
    ("UnknownWasProposed", proposing, _doubted),
    ("SnapshotMonotone", taking, _with(snapshot=None)),
    ("SnapshotPrefix", taking, _snapshot(configuration=NOBODY)),
    ("SnapshotPrefix", taking, _snapshot(last_included_term=2)),
    ("SnapshotPrefix", taking, _by(SnapshotTaken(2))),
    ("SnapshotPrefix", taking, _by(TimerExpired(Timer.HEARTBEAT))),
    ("SnapshotPrefix", installing, _snapshot(configuration=NOBODY)),
    ("CompactedBySnapshot", taking, _already_there),
    ("SnapshotSentIsOurs", sending, _each(SendSnapshot, _of_another)),
    ("CommitOnlyIncluded", installing, _by_another_install),
    ("AckOnlyShown", installing, _by(Received(_install("8:1")))),
    (
        "RestoreDurable",
        restoring,
        _each(Restore, lambda one: Restore(replace(one.snapshot, configuration=NOBODY))),
    ),
    ("RestoreFirst", restoring, _effects(lambda all_: (all_[1], all_[0], *all_[2:]))),
    ("ApplyInOrder", restoring, _effects(lambda all_: all_[1:])),
    ("EntriesBeforeAnswer", installing, _each(Send, lambda one: replace(one, after=None))),
    ("ConfigIsLatestInLog", changing, _with(membership=Membership(THREE, 1))),
    ("ChangesAreJoint", changing, _appends(_group("n1 n2"))),
    ("ChangesAreJoint", leaving_joint, _appends(_group("n1 n2", "n3"))),
    ("JointLeftWhenCommitted", leaving_joint, _before_the_joint_one_commits),
    ("OneUncommittedConfig", admitting, _uncommitted_before),
    ("OneUncommittedConfig", admitting, _by(ClientRequested(((1, b"x"),)))),
    ("CommitBeforeChange", changing, _no_entry_of_this_term),
    ("NewVotersCaughtUp", changing, _appends(THREE.entering(_group("n1 n2 n3 n4")))),
    ("EveryMemberIsFed", admitting, _knows_no_learner),
    ("RemovedLeaderRetires", retiring, _leads_on),
    ("LeaversAreTold", telling, _not_to_the_leaver),
    ("VotersCampaign", asking, _learner_before),
    ("CommittedIsOwnEntry", confirming, _in_force_elsewhere),
    ("ConfigIsLatestInLog", proposing, _with(membership=Membership(NOBODY, 0))),
]


@pytest.mark.parametrize("make", dict.fromkeys(make for _, make, _ in LIES))
def test_a_sound_step_breaks_nothing(make: Callable[[], Step]) -> None:
    check_step(*make())


@pytest.mark.parametrize("name,make,lie", LIES, ids=[name for name, _, _ in LIES])
def test_a_lie_about_a_step_is_found_out(
    name: str, make: Callable[[], Step], lie: Callable[[Step], Step]
) -> None:
    with pytest.raises(InvariantViolation) as caught:
        check_step(*lie(make()))

    assert caught.value.name == name
