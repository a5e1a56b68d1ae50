"""What a step costs: three servers in memory, and clients with one command in flight each.

    .venv/bin/python -m benchmarks.core
    .venv/bin/python -m benchmarks.core --clients 16 --operations 50000 --json

No disk, no network, no clock: each write is durable one event later, each message arrives once
and in order.  Clients begin in two halves, so that one half asks while the other's commands are
under way; all that are answered in one step ask again in one event, as in a node.  What is
measured is `step` and the check that stays on in production, not the driving around them.
"""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from huffleraft.core import (
    ORIGIN,
    ClientRequested,
    Committed,
    Configuration,
    Entry,
    Event,
    Limits,
    NodeId,
    Persist,
    Persisted,
    Received,
    Reply,
    Send,
    Server,
    Timer,
    TimerExpired,
    Vote,
    recover,
    step,
)
from huffleraft.core.invariants import check_step_fast

_NODES = ("n1", "n2", "n3")
_COMMAND = b"x" * 150
"""About what a set of 100 bytes is as a command."""


@dataclass(slots=True)
class Trio:
    """Three servers, the events that wait for them, and what their steps have cost."""

    servers: dict[NodeId, Server] = field(default_factory=dict)
    waiting: deque[tuple[NodeId, Event]] = field(default_factory=deque)
    held: dict[NodeId, list[Send]] = field(default_factory=dict)
    nanoseconds: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    committed: int = 0
    asked: int = 0
    wanted: int = 0

    @classmethod
    def led_by_the_first(cls) -> Trio:
        """Found a cluster of three, in which the first has just been elected."""
        trio = cls(held={node: [] for node in _NODES})
        founding = Entry(1, 1, Configuration.of({node: f"{node}:1" for node in _NODES}))
        for node in _NODES:
            trio.servers[node], _ = recover(
                node, 1, Limits(), Vote(1), None, ORIGIN, (founding,), 0
            )
            trio.waiting.append((node, TimerExpired(Timer.STICKINESS)))
        trio.waiting.append((_NODES[0], TimerExpired(Timer.ELECTION)))
        trio.settle()
        return trio

    def settle(self) -> None:
        """Take steps until nothing is left to happen."""
        while self.waiting:
            node, event = self.waiting.popleft()
            old = self.servers[node]
            begin = time.perf_counter_ns()
            new, effects = step(old, event)
            check_step_fast(old, event, new, effects)
            spent = time.perf_counter_ns() - begin
            message = event.message if isinstance(event, Received) else event
            kind = type(message).__name__
            self.nanoseconds[kind] += spent
            self.events[kind] += 1
            self.servers[node] = new
            answered = 0
            for effect in effects:
                match effect:
                    case Persist(write=write):
                        self.waiting.append((node, Persisted(write)))
                    case Send():
                        self.held[node].append(effect)
                    case Reply(outcome=Committed()):
                        answered += 1
                    case _:
                        pass
            self._release(node, event)
            self.committed += answered
            self.ask(min(answered, self.wanted - self.asked))

    def ask(self, commands: int) -> None:
        """Let clients offer so many *commands*, in one event."""
        if commands > 0:
            refs = range(self.asked, self.asked + commands)
            self.asked += commands
            request = ClientRequested(tuple((ref, _COMMAND) for ref in refs))
            self.waiting.append((_NODES[0], request))

    def serve(self, clients: int, operations: int) -> None:
        """Let *clients* carry out *operations* between them."""
        self.nanoseconds.clear()
        self.events.clear()
        self.committed = self.asked = 0
        self.wanted = operations
        self.ask(clients // 2)
        self.ask(clients - clients // 2)
        self.settle()

    def _release(self, node: NodeId, event: Event) -> None:
        """Let those messages arrive whose write is durable."""
        outstanding = self.servers[node].disk.outstanding
        durable = outstanding[0].number - 1 if outstanding else self.servers[node].disk.issued
        if isinstance(event, Persisted):
            durable = max(durable, event.write)
        held, self.held[node] = self.held[node], []
        for send in held:
            if (send.after or 0) <= durable:
                self.waiting.append((send.to, Received(send.message)))
            else:
                self.held[node].append(send)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One load.  Times are in microseconds."""

    clients: int
    events_a_command: float
    us_an_event: float
    us_a_command: float
    us_by_event: dict[str, float]


def measured(clients: int, operations: int) -> Figures:
    """Let *clients* carry out *operations* on a fresh cluster, after a tenth as a warm-up."""
    trio = Trio.led_by_the_first()
    trio.serve(clients, operations // 10)
    trio.serve(clients, operations)
    if trio.committed != operations:
        message = f"{trio.committed} of {operations} committed: the figures mean nothing"
        raise SystemExit(message)
    total, events = trio.nanoseconds.total() / 1000, trio.events.total()
    return Figures(
        clients=clients,
        events_a_command=events / operations,
        us_an_event=total / events,
        us_a_command=total / operations,
        us_by_event={
            kind: trio.nanoseconds[kind] / 1000 / count for kind, count in trio.events.items()
        },
    )


def bench(
    clients: Annotated[
        list[int] | None, typer.Option(min=1, help="Clients; may be repeated.")
    ] = None,
    operations: Annotated[int, typer.Option(min=100, help="Commands of each load.")] = 20_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure steps over three servers, and print what they cost."""
    figures = [measured(count, operations) for count in clients or (1, 16, 64)]
    if as_json:
        print(json.dumps([asdict(one) for one in figures]))
        return
    table = Table(title="step and its check in production, all three servers")
    kinds = sorted(figures[0].us_by_event)
    for title in (
        "clients",
        "events\na command",
        "us\nan event",
        "us\na command",
        *(f"us\n{kind}" for kind in kinds),
    ):
        table.add_column(title, justify="right")
    for one in figures:
        table.add_row(
            str(one.clients),
            f"{one.events_a_command:.2f}",
            f"{one.us_an_event:.1f}",
            f"{one.us_a_command:.1f}",
            *(f"{one.us_by_event[kind]:.1f}" for kind in kinds),
        )
    Console().print(table)


if __name__ == "__main__":
    typer.run(bench)
