"""Every property of a step of a transfer (§3.10) is seen to fail by a small lie about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest

from huffleraft.core import (
    ClientRequested,
    Committed,
    Configuration,
    Effect,
    Entry,
    Event,
    HandedOver,
    Leader,
    Log,
    Membership,
    Outcome,
    Progress,
    Reason,
    Received,
    Rejected,
    Reply,
    RequestVoteRequest,
    Send,
    Server,
    TimeoutNow,
    Timer,
    TimerExpired,
    Transfer,
    TransferRequested,
    Unknown,
    step,
)
from huffleraft.core.invariants import InvariantViolation, check_step
from tests.core.building import append, at, durable, follower, receive, take
from tests.core.test_membership import ready

Step: TypeAlias = tuple[Server, Event, Server, tuple[Effect, ...]]
Lie: TypeAlias = Callable[[Step], Step]


def of(server: Server, event: Event) -> Step:
    """A sound step."""
    return server, event, *step(server, event)


def telling() -> Step:
    """A leader tells n2 to campaign."""
    return of(ready(), TransferRequested(1, "n2"))


def proposing() -> Step:
    """A leader that hands nothing over appends a command."""
    return of(ready(), ClientRequested(((2, b"x"),)))


def handing_over() -> Step:
    """A leader sees the term of the one it told."""
    server, _ = take(ready(), TransferRequested(1, "n2"))
    return of(server, Received(RequestVoteRequest("n2", 3, at("2:2"), leadership_transfer=True)))


def expiring() -> Step:
    """A transfer whose word is out expires."""
    server, _ = take(ready(), TransferRequested(1, "n2"))
    return of(server, TimerExpired(Timer.TRANSFER))


def giving_up() -> Step:
    """A transfer whose target was not told yet expires."""
    server, _ = take(ready(), ClientRequested(((2, b"x"),)))
    server, _ = take(durable(server), TransferRequested(1, "n2"))
    return of(server, TimerExpired(Timer.TRANSFER))


def refusing() -> Step:
    """A follower is asked for a transfer."""
    return of(follower("1:1", term=2), TransferRequested(1, "n2"))


def campaigning() -> Step:
    """A follower is told to campaign."""
    server, _ = receive(follower("1:1", term=1), append("1:1", "2:2", term=2))
    return of(durable(server), Received(TimeoutNow("n2", 2)))


def _leads(server: Server, **changes: object) -> Server:
    assert isinstance(server.role, Leader)
    return replace(server, role=replace(server.role, **changes))  # type: ignore[arg-type]


def _role(**changes: object) -> Lie:
    return lambda told: (*told[:2], _leads(told[2], **changes), told[3])


def _role_before(**changes: object) -> Lie:
    return lambda told: (_leads(told[0], **changes), *told[1:])


def _by(event: Event) -> Lie:
    return lambda told: (told[0], event, *told[2:])


def _told(outcome: Outcome) -> Lie:
    def change(told: Step) -> Step:
        effects = (
            replace(one, outcome=outcome) if isinstance(one, Reply) else one for one in told[3]
        )
        return (*told[:3], tuple(effects))

    return change


def _to_another(told: Step) -> Step:
    effects = (replace(one, to="n3") if isinstance(one, Send) else one for one in told[3])
    return (*told[:3], tuple(effects))


def _unasked(told: Step) -> Step:
    return told[0], TimerExpired(Timer.STICKINESS), _leads(told[2], transfer=None), told[3]


def _to_a_learner(told: Step) -> Step:
    configuration = Configuration.of({"n1": "n1:1", "n3": "n3:1"}, {"n2": "n2:1"})
    log = Log(entries=(Entry(1, 1, configuration), *told[2].log.between(2, 2)))
    members = Membership(configuration, 1)
    old, new = (replace(one, log=log, membership=members) for one in (told[0], told[2]))
    return old, told[1], new, told[3]


def _behind(told: Step) -> Step:
    progress = (("n2", Progress(2, 1)), ("n3", Progress(3, 2)))
    return _role(progress=progress)(told)


def _campaigns_like_anybody(told: Step) -> Step:
    def change(one: Effect) -> Effect:
        if isinstance(one, Send) and isinstance(one.message, RequestVoteRequest):
            return replace(one, message=replace(one.message, leadership_transfer=False))
        return one

    return (*told[:3], tuple(change(one) for one in told[3]))


def _without_requests(told: Step) -> Step:
    return (*told[:3], tuple(one for one in told[3] if not isinstance(one, Send)))


def _unsaid(told: Step) -> Step:
    """As if the transfer had been under way before, and its word unsaid still."""
    return _role(transfer=Transfer(1, "n2"))(_role_before(transfer=Transfer(1, "n2"))(told))


LIES: list[tuple[str, Callable[[], Step], Lie]] = [
    ("AnswerOnce", telling, _role(transfer=None)),
    ("AnswerOnce", telling, _role(transfer=Transfer(7, "n2", told=True))),
    ("TransferIsAsked", telling, _unasked),
    ("TimeoutNowOnce", telling, _to_another),
    ("TimeoutNowOnce", telling, _role(transfer=Transfer(1, "n2"))),
    ("TransferToVoter", telling, _to_a_learner),
    ("TransferToCaughtUp", telling, _behind),
    ("TransferStillsTheLog", proposing, _unsaid),
    ("TransferAnswerIsTrue", handing_over, _told(HandedOver("n3"))),
    ("TransferAnswerIsTrue", handing_over, _told(Rejected(Reason.NOT_LEADER, None))),
    ("TransferAnswerIsTrue", handing_over, _role_before(transfer=Transfer(1, "n2"))),
    ("TransferAnswerIsTrue", expiring, _told(HandedOver("n2"))),
    ("TransferAnswerIsTrue", expiring, _told(Rejected(Reason.TARGET_BEHIND, "n1"))),
    ("TransferAnswerIsTrue", giving_up, _told(Unknown("n1"))),
    ("TransferAnswerIsTrue", refusing, _told(HandedOver("n2"))),
    ("CommittedIsOwnEntry", refusing, _told(Committed(1, 1))),
    ("LoyaltyIsWaivedByTheLeader", campaigning, _campaigns_like_anybody),
    ("LoyaltyIsWaivedByTheLeader", campaigning, _by(Received(TimeoutNow("n2", 1)))),
    (
        "PreVoteFirst",
        campaigning,
        lambda told: _by(TimerExpired(Timer.ELECTION))(_without_requests(told)),
    ),
]


@pytest.mark.parametrize("make", dict.fromkeys(make for _, make, _ in LIES))
def test_a_sound_step_of_a_transfer_breaks_nothing(make: Callable[[], Step]) -> None:
    check_step(*make())


@pytest.mark.parametrize("name,make,lie", LIES, ids=[name for name, _, _ in LIES])
def test_a_lie_about_a_transfer_is_found_out(name: str, make: Callable[[], Step], lie: Lie) -> None:
    with pytest.raises(InvariantViolation) as caught:
        check_step(*lie(make()))

    assert caught.value.name == name
