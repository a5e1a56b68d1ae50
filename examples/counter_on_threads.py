"""A replicated counter on plain threads and sockets: the core, the standard library, nothing else.

    python examples/counter_on_threads.py

A member is a thread, a UDP socket and a file.  The O numbers are what an embedder owes.
"""

from __future__ import annotations

import itertools
import random
import tempfile
import threading
import time
from collections import deque
from concurrent.futures import Future
from pathlib import Path

from ground import Journal, founders, udp
from words_as_json import packed, unpacked

from huffleraft import core

CHANGED = threading.Condition()  # told whenever a member has taken a step
SECONDS = {core.Timer.HEARTBEAT: 0.05, core.Timer.STICKINESS: 0.6}


class Member(threading.Thread):
    """One replica of the counter, in a thread of its own."""

    def __init__(self, name: str, file: Path, founding: core.Configuration) -> None:
        super().__init__(name=name, daemon=True)
        self.socket = udp(dict(founding.addresses)[name])
        self.counter, self.running = 0, True
        self.asked, self.refs = deque[tuple[int, bytes]](), itertools.count()
        self.futures, self.due = dict[int, Future[core.Outcome]](), dict[core.Timer, float]()
        self.journal = Journal(file, founding)
        self.server, self.beginning = self.journal.recover(name)
        self.start()

    def ask(self, amount: int) -> Future[core.Outcome]:
        """Ask for *amount* to be added; from any thread."""
        ref, future = next(self.refs), Future[core.Outcome]()
        self.futures[ref] = future
        self.asked.append((ref, b"%d" % amount))
        self.socket.sendto(b"", self.socket.getsockname())  # wakes the member's own thread
        return future

    def stop(self) -> None:
        """End the thread, without a word to anybody."""
        self.running = False
        self.socket.sendto(b"", self.socket.getsockname())
        self.join()

    def run(self) -> None:
        """Step the server until stopped: one step at a time (O1)."""
        self.carry_out(self.beginning)
        while self.running:
            self.socket.settimeout(max(0.001, min(self.due.values()) - time.monotonic()))
            try:
                data = self.socket.recv(1 << 16)
            except TimeoutError:
                data = b""
            while min(self.due.values()) <= time.monotonic():  # what is due goes first (O4)
                timer = min(self.due, key=self.due.__getitem__)
                del self.due[timer]
                self.step(core.TimerExpired(timer))
            if data:
                self.step(core.Received(unpacked(data)))
            if together := tuple(self.asked.popleft() for _ in range(len(self.asked))):
                self.step(core.ClientRequested(together))
        self.socket.close()
        self.journal.close()

    def step(self, event: core.Event) -> None:
        """Take one step, and carry out what it asks."""
        self.server, effects = core.step(self.server, event)
        self.carry_out(effects)
        with CHANGED:
            CHANGED.notify_all()

    def carry_out(self, effects: tuple[core.Effect, ...]) -> None:
        """Do it in the core's order: a write stands before what waits for it (O3)."""
        for effect in effects:
            match effect:
                case core.Persist():
                    self.journal.write(effect)
                case core.Send(to, message):
                    port = dict(self.server.configuration.addresses)[to]
                    self.socket.sendto(packed(message), ("127.0.0.1", int(port)))
                case core.Apply(entries):
                    commands = (one.payload for one in entries if isinstance(one.payload, bytes))
                    self.counter += sum(map(int, commands))
                case core.Reply(ref, outcome):
                    self.futures.pop(ref).set_result(outcome)
                case core.ResetTimer(timer):
                    self.due[timer] = time.monotonic() + SECONDS.get(
                        timer, random.uniform(0.6, 1.0)
                    )
                case core.CancelTimer(timer):
                    self.due.pop(timer, None)
                case core.Halt(reason):
                    raise RuntimeError(reason)  # this thread ends, and nothing follows (O7)
                case _:
                    pass  # no snapshots here, and the members stay
        if effects and isinstance(effects[0], core.Persist):
            self.step(core.Persisted(effects[0].write))


def leader_of(members: list[Member]) -> Member:
    """Whoever of *members* leads, as soon as somebody does."""
    with CHANGED:
        while not (leaders := [one for one in members if isinstance(one.server.role, core.Leader)]):
            CHANGED.wait()
    return leaders[0]


def add(members: list[Member], amount: int) -> int:
    """What the counter shows once *amount* is in it."""
    while True:
        leader = leader_of(members)
        outcome = leader.ask(amount).result()
        if isinstance(outcome, core.Committed):
            return leader.counter
        assert isinstance(outcome, core.Rejected), "unknown: another try might add it twice"


def story(folder: Path) -> None:
    """Tell it, with the members' journals in *folder*."""
    founding = founders("n1", "n2", "n3")
    members = [Member(name, folder / name, founding) for name in founding.voters]
    shown = [add(members, amount) for amount in range(1, 11)]
    print("Three members add 1 to 10:", *shown)

    (leader := leader_of(members)).stop()
    members.remove(leader)
    print("Their leader stops. The other two add 45:", add(members, 45))

    returned = Member(leader.name, folder / leader.name, founding)
    with CHANGED:
        CHANGED.wait_for(lambda: returned.counter == 100)
    print("It starts again, from its journal, and catches up:", returned.counter)
    for member in (*members, returned):
        member.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        story(Path(temporary))
