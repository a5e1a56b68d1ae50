"""Timers, deadlines, the alarm and the clock: numbers, and who is woken by them."""

from __future__ import annotations

from dataclasses import dataclass

import anyio
import pytest

from huffleraft.core import Timer
from huffleraft.runtime.alarm import Alarm
from huffleraft.runtime.bell import Bell
from huffleraft.runtime.clock import BoottimeClock
from huffleraft.runtime.deadlines import Deadlines
from huffleraft.runtime.moment import Moment
from huffleraft.runtime.timers import NEVER, Timers, duration
from huffleraft.settings import NodeSettings
from tests.runtime.parts import PATIENCE

LENGTHS = {Timer.ELECTION: 0.9, Timer.STICKINESS: 0.6, Timer.HEARTBEAT: 0.1}


def running() -> Timers:
    timers = Timers(LENGTHS.__getitem__)
    for timer in LENGTHS:
        timers.reset(timer, 10.0)
    return timers


def test_due_timers_are_taken_the_first_due_first() -> None:
    timers = running()

    assert timers.next_due == 10.1
    assert timers.take_due(10.05) is None
    taken = [timers.take_due(20.0) for _ in range(4)]

    assert taken == [Timer.HEARTBEAT, Timer.STICKINESS, Timer.ELECTION, None]
    assert timers.next_due == NEVER


def test_o4_a_timer_reset_or_cancelled_since_it_fell_due_is_not_taken() -> None:
    timers = running()
    timers.reset(Timer.ELECTION, 19.5)
    timers.cancel(Timer.STICKINESS)

    assert timers.take_due(20.0) == Timer.HEARTBEAT
    assert timers.take_due(20.0) is None


def test_o5_election_timeouts_are_drawn_and_stickiness_is_the_least_of_them() -> None:
    settings = NodeSettings(election_min=0.5, election_max=0.7)

    def drawn(timer: Timer, *, alone: bool = False) -> float:
        return duration(timer, settings, lambda low, high: (low + high) / 2, alone=alone)

    assert drawn(Timer.ELECTION) == 0.6
    assert drawn(Timer.STICKINESS) == 0.5
    assert drawn(Timer.CHECK_QUORUM) == 0.7
    assert drawn(Timer.HEARTBEAT) == 0.1
    assert drawn(Timer.ELECTION, alone=True) == 0.0
    assert drawn(Timer.HEARTBEAT, alone=True) == 0.1


@dataclass
class Wait:
    finished: bool = False


def test_deadlines_expire_late_by_one_bucket_at_most_and_never_early() -> None:
    deadlines: Deadlines[Wait] = Deadlines()
    waits = [Wait() for _ in range(100)]
    for number, wait in enumerate(waits):
        deadlines.add(5.0 + number / 1000, wait)

    assert list(deadlines.take_due(4.999)) == []
    expired = {id(wait) for wait in deadlines.take_due(5.05)}
    assert expired <= {id(wait) for wait in waits[:51]}
    assert expired >= {id(wait) for wait in waits[:30]}
    expired |= {id(wait) for wait in deadlines.take_due(5.12)}
    assert len(expired) == 100
    assert deadlines.next_due == NEVER


def test_what_has_finished_does_not_expire() -> None:
    deadlines: Deadlines[Wait] = Deadlines()
    answered, waiting = Wait(finished=True), Wait()
    deadlines.add(1.0, answered)
    deadlines.add(1.0, waiting)

    assert list(deadlines.take_due(2.0)) == [waiting]


@pytest.mark.anyio
async def test_the_alarm_follows_an_earlier_deadline_and_rings_once() -> None:
    clock, bell = BoottimeClock(), Bell()
    alarm = Alarm(clock, bell)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(alarm.run)
            alarm.tell(clock.now() + 3600)
            await anyio.lowlevel.checkpoint()
            due = clock.now() + 0.02
            alarm.tell(due)
            await bell.wait()
            assert clock.now() >= due
            assert not bell._rung
            tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_rings_before_a_wait_are_remembered_as_one() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    with anyio.fail_after(PATIENCE):
        await bell.wait()
    with anyio.move_on_after(0) as scope:
        await bell.wait()
    assert scope.cancelled_caught


def test_the_clock_does_not_go_back() -> None:
    clock = BoottimeClock()
    times = [clock.now() for _ in range(1000)]
    assert times == sorted(times)


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"heartbeat": 0}, "heartbeat is 0; it must be a number above 0"),
        ({"election_min": float("nan")}, "election_min is nan"),
        ({"heartbeat": 0.6}, "must be shorter than the least election timeout"),
        ({"election_min": 2.0}, "give the lower one first"),
        ({"redial_min": 9.0}, "redial pause's bounds"),
        ({"link_idle": 15.0}, "quiet links are taken for dead ones"),
    ],
)
def test_settings_that_cannot_work_are_refused_in_one_sentence(
    wrong: dict[str, float], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        NodeSettings(**wrong)  # type: ignore[arg-type]


# Moments.


@pytest.mark.anyio
async def test_a_moment_is_told_whether_it_comes_before_or_after_the_wait() -> None:
    early, late, waited = Moment(), Moment(), []

    async def wait() -> None:
        await late.wait()
        waited.append(late)

    early.come()
    with anyio.fail_after(PATIENCE):
        await early.wait()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.lowlevel.checkpoint()
            late.come()
            late.come()
    assert waited == [late]


@pytest.mark.anyio
async def test_a_moment_may_come_after_its_waiter_was_cancelled() -> None:
    moment = Moment()
    with anyio.move_on_after(0) as scope:
        await moment.wait()
    assert scope.cancelled_caught
    moment.come()
