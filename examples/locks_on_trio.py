"""A lock service on trio: who asks for a lock stands in line, in an order that outlives leaders.

    python examples/locks_on_trio.py

Members here are tasks, their network is a dictionary, and they never return.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import defaultdict
from collections.abc import Callable

import trio

from huffleraft import core

SECONDS = {core.Timer.HEARTBEAT: 0.05, core.Timer.STICKINESS: 0.6}
FOUNDERS = core.Configuration.of({"n1": "", "n2": "", "n3": ""})


class Member:
    """One replica: a server, the lines before all locks, and an inbox in which events arrive."""

    def __init__(self, name: str, service: Service) -> None:
        self.name, self.service, self.lines = name, service, defaultdict[str, list[str]](list)
        self.refs, self.answers = itertools.count(), dict[int, core.Outcome]()
        self.due, self.life = dict[core.Timer, float](), trio.CancelScope()
        self.post, self.inbox = trio.open_memory_channel[core.Event](math.inf)

    async def run(self) -> None:
        """Step the server until its life ends."""
        founding, vote = core.Entry(1, 1, FOUNDERS), core.Vote(1)
        self.server, effects = core.recover(
            self.name, 1, core.Limits(), vote, None, core.ORIGIN, (founding,), last_applied=0
        )
        self.service.members[self.name] = self
        self.carry_out(effects)
        with self.life:
            while True:
                event: core.Event | None = None
                with trio.move_on_at(min(self.due.values())):
                    event = await self.inbox.receive()
                while min(self.due.values()) <= trio.current_time():  # goes before the event (O4)
                    timer = min(self.due, key=self.due.__getitem__)
                    del self.due[timer]
                    self.step(core.TimerExpired(timer))
                if event:
                    self.step(event)
        del self.service.members[self.name]
        self.service.tell()

    def step(self, event: core.Event) -> None:
        """Take one step, carry out what it asks (O1), and tell whoever watches."""
        self.server, effects = core.step(self.server, event)
        self.carry_out(effects)
        self.service.tell()

    def carry_out(self, effects: tuple[core.Effect, ...]) -> None:
        """Do what the core asks, in its order; a write stands before what waits for it (O3)."""
        for effect in effects:
            match effect:
                case core.Persist(write):
                    # Our disk is this task's memory, and dies with it: the member never returns.
                    self.post.send_nowait(core.Persisted(write))
                case core.Send(to, message) if to in self.service.members:
                    self.service.members[to].post.send_nowait(core.Received(message))
                case core.Apply(entries):
                    for entry in entries:
                        if isinstance(entry.payload, bytes):
                            self.stand_in_line(*entry.payload.decode().split())
                case core.Reply(ref, outcome):
                    self.answers[ref] = outcome
                case core.ResetTimer(timer):
                    self.due[timer] = trio.current_time() + SECONDS.get(
                        timer, random.uniform(0.6, 1)
                    )
                case core.CancelTimer(timer):
                    self.due.pop(timer, None)
                case core.Halt(reason):
                    raise RuntimeError(reason)
                case _:
                    pass  # no snapshots here, and the members stay

    def stand_in_line(self, verb: str, lock: str, who: str) -> None:
        """The state machine: to ask again, or to leave twice, changes nothing."""
        line = self.lines[lock]
        if verb == "acquire" and who not in line:
            line.append(who)
        elif verb == "release" and who in line:
            line.remove(who)


class Service:
    """The members that run, as their clients know them."""

    def __init__(self) -> None:
        self.members, self.moved = dict[str, Member](), trio.Event()

    def tell(self) -> None:
        """Let whoever waits look again."""
        self.moved.set()
        self.moved = trio.Event()

    async def until(self, holds: Callable[[Member], bool]) -> Member:
        """The first member of which *holds* is true."""
        while not (found := [one for one in self.members.values() if holds(one)]):
            await self.moved.wait()
        return found[0]

    async def ask(self, verb: str, lock: str, who: str) -> None:
        """Have it done, however often that takes: done twice, it is done once."""
        outcome: core.Outcome | None = None
        while not isinstance(outcome, core.Committed):
            leader = await self.until(lambda one: isinstance(one.server.role, core.Leader))
            request = (ref := next(leader.refs), f"{verb} {lock} {who}".encode())
            leader.post.send_nowait(core.ClientRequested((request,)))
            while ref not in leader.answers and leader.name in self.members:
                await self.moved.wait()
            outcome = leader.answers.pop(ref, None)

    async def line(self, lock: str, length: int) -> list[str]:
        """The line before *lock*, the holder first, as soon as so many stand in it somewhere."""
        return (await self.until(lambda one: len(one.lines[lock]) == length)).lines[lock]


async def story() -> None:
    """Tell it."""
    service = Service()
    async with trio.open_nursery() as nursery:
        for name in FOUNDERS.voters:
            nursery.start_soon(Member(name, service).run)
        for who in ("anna", "ben", "cleo"):
            await service.ask("acquire", "door", who)
        print("The holder of the door, and who waits for it:", *await service.line("door", 3))

        leader = await service.until(lambda one: isinstance(one.server.role, core.Leader))
        leader.life.cancel()
        await service.ask("release", "door", "anna")
        print("The leader is gone, anna lets go:", *await service.line("door", 2))
        await service.ask("release", "door", "ben")
        print("And ben:", *await service.line("door", 1))
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(story)
