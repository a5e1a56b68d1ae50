"""The core inside a loop that somebody else runs: callbacks only, no task and no thread of its own.

    python examples/core_in_a_running_loop.py

Datagrams and timers call a member, and the loop's executor writes its file: steps go on meanwhile,
and what waits for a write is held until it is durable.  The O numbers are what an embedder owes.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import cast

from ground import Journal, founders, udp
from words_as_json import packed, unpacked

from huffleraft import core

SECONDS = {core.Timer.HEARTBEAT: 0.05, core.Timer.STICKINESS: 0.6}


class Member(asyncio.DatagramProtocol):
    """One replica of a board of notes, which all members show in the same order."""

    def __init__(
        self, name: str, file: Path, founding: core.Configuration, elected: asyncio.Queue[Member]
    ) -> None:
        self.loop, self.notes = asyncio.get_running_loop(), asyncio.Queue[str]()
        self.refs, self.futures = itertools.count(), dict[int, asyncio.Future[core.Outcome]]()
        self.writing, self.gathered = list[core.Persist](), list[core.Persist]()
        self.held, self.durable = list[core.Send](), 0
        self.alarm = self.loop.call_later(60, self.take)
        self.elected, self.due = elected, dict[core.Timer, float]()
        self.journal = Journal(file, founding)
        self.server, self.beginning = self.journal.recover(name)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open: begin."""
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.carry_out(self.beginning)
        self.take()

    def datagram_received(self, data: bytes, _: object) -> None:
        """A peer has said something."""
        self.take(core.Received(unpacked(data)))

    async def post(self, note: str) -> core.Outcome:
        """Ask for *note* to be put on the board; what became of that."""
        ref = next(self.refs)
        self.futures[ref] = future = asyncio.Future[core.Outcome]()
        self.take(core.ClientRequested(((ref, note.encode()),)))
        return await future

    def take(self, *events: core.Event) -> None:
        """Step through what is due (O4) and then *events*, in one callback (O1)."""
        while self.due and min(self.due.values()) <= time.monotonic():
            timer = min(self.due, key=self.due.__getitem__)
            del self.due[timer]
            self.step(core.TimerExpired(timer))
        for event in events:
            self.step(event)
        self.alarm.cancel()
        self.alarm = self.loop.call_later(min(self.due.values()) - time.monotonic(), self.take)

    def step(self, event: core.Event) -> None:
        """Take one step, and carry out what it asks."""
        led = isinstance(self.server.role, core.Leader)
        self.server, effects = core.step(self.server, event)
        self.carry_out(effects)
        if isinstance(self.server.role, core.Leader) and not led:
            self.elected.put_nowait(self)

    def carry_out(self, effects: tuple[core.Effect, ...]) -> None:
        """Do what can be done now, and let the rest wait for the disk."""
        for effect in effects:
            match effect:
                case core.Persist():
                    self.gathered.append(effect)
                case core.Send():
                    self.held.append(effect)
                case core.Apply(entries):
                    for entry in entries:
                        if isinstance(entry.payload, bytes):
                            self.notes.put_nowait(entry.payload.decode())
                case core.Reply(ref, outcome):
                    self.futures.pop(ref).set_result(outcome)
                case core.ResetTimer(timer):
                    self.due[timer] = time.monotonic() + SECONDS.get(
                        timer, random.uniform(0.6, 1.0)
                    )
                case core.CancelTimer(timer):
                    self.due.pop(timer, None)
                case core.Halt(reason):
                    raise RuntimeError(reason)
                case _:
                    pass  # no snapshots here, and the members stay
        self.let_go()
        if self.gathered and not self.writing:  # one batch at a time, in order (O2)
            self.writing, self.gathered = self.gathered, []
            writing = self.loop.run_in_executor(None, self.journal.write, *self.writing)
            writing.add_done_callback(self.written)

    def let_go(self) -> None:
        """Send all that waits for no write any more (O3)."""
        for send in [one for one in self.held if (one.after or 0) <= self.durable]:
            self.held.remove(send)
            port = int(dict(self.server.configuration.addresses)[send.to])
            self.transport.sendto(packed(send.message), ("127.0.0.1", port))

    def written(self, batch: asyncio.Future[None]) -> None:
        """A batch is durable: let go what waited for it, and tell the core."""
        if self.transport.is_closing():
            return
        batch.result()  # raises what the disk did, and then nothing of it is durable (W13)
        self.durable, self.writing = self.writing[-1].write, []
        self.let_go()
        self.take(core.Persisted(self.durable))


async def application(folder: Path) -> None:
    """Somebody's program, on its own loop: it opens three members, posts, and reads the boards."""
    loop, founding = asyncio.get_running_loop(), founders("n1", "n2", "n3")
    members, elected = list[Member](), asyncio.Queue[Member]()
    for name, port in founding.addresses:
        make = partial(Member, name, folder / name, founding, elected)
        members.append((await loop.create_datagram_endpoint(make, sock=udp(port)))[1])

    leader = await elected.get()
    notes = [f"note {number}" for number in range(1, 101)]
    outcomes = await asyncio.gather(*(leader.post(note) for note in notes))
    print("All committed:", all(isinstance(one, core.Committed) for one in outcomes))
    for member in members:
        board = [await member.notes.get() for _ in notes]
        print(f"  {member.server.id} shows all of them, in order: {board == notes}")
    for member in members:
        member.transport.close()
        member.alarm.cancel()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        asyncio.run(application(Path(temporary)))
