"""The driver holds the `Server` value and carries out what each step asks.

Everything here is synchronous: between reading the state and replacing it nobody else runs
(O1).  Effects that take time are handed on, in order: writes to the writer, messages to the
network once their write is durable (O3), snapshots to the transfers likewise, applies and
answers to the applier.

This is also the one place that logs the protocol: a line a step, in the house notation, at
DEBUG, and changes of role at INFO.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias, assert_never

from huffleraft.core import (
    AppendEntriesRequest,
    Apply,
    CancelTimer,
    ConfigurationChanged,
    Effect,
    Event,
    Halt,
    Leader,
    LogIndex,
    Persist,
    Persisted,
    ReadReady,
    Received,
    Reply,
    ResetTimer,
    Restore,
    Send,
    SendSnapshot,
    Server,
    Timer,
    TimerExpired,
    WriteNumber,
    recover,
    step,
)
from huffleraft.core.invariants import check_step_fast
from huffleraft.notation import render_effect, render_event, render_server
from huffleraft.ports import Clock, Dice, Network, Recovered
from huffleraft.runtime.applier import Applier
from huffleraft.runtime.timers import Timers, duration
from huffleraft.runtime.writer import Writer
from huffleraft.settings import NodeSettings

_log = logging.getLogger("huffleraft.node")

Observer: TypeAlias = Callable[[Server, Event, Server, tuple[Effect, ...]], None]
"""Sees each step as it was taken: the server before, the event, the server after, the effects."""


class Driver:
    """Steps one server and carries out its effects, in their order (O1)."""

    def __init__(
        self,
        recovered: Recovered,
        *,
        network: Network,
        clock: Clock,
        dice: Dice,
        settings: NodeSettings,
        writer: Writer,
        applier: Applier,
        send_snapshot: Callable[[SendSnapshot], None],
        observe: Observer | None = None,
    ) -> None:
        self._network = network
        self._clock = clock
        self._dice = dice
        self._settings = settings
        self._writer = writer
        self._applier = applier
        self._send_snapshot = send_snapshot
        self._observe = observe
        self._timers = Timers(self._duration)
        self._durable: WriteNumber = 0
        self._held: dict[WriteNumber, list[Send | SendSnapshot]] = {}
        self._held_count = 0
        self.halted: str | None = None
        """Why the server halted; None while it runs."""
        self.campaigns = 0
        """Elections stood in since this start."""
        self.leader_changes = 0
        """Leaders come to be known since this start, this server among them."""
        self.first_commit: LogIndex | None = None
        """What the first leader known since this start had committed when it was known."""
        self.server, self._beginning = recover(
            id=recovered.node_id,
            boot=recovered.boot,
            limits=settings.limits,
            vote=recovered.vote,
            snapshot=recovered.snapshot,
            base=recovered.base,
            entries=recovered.entries,
            last_applied=recovered.last_applied,
        )

    # Time.

    @property
    def next_due(self) -> float:
        """When the next timer falls due."""
        return self._timers.next_due

    def _duration(self, timer: Timer) -> float:
        server = self.server
        alone = server.configuration.is_quorum({server.id})
        return duration(timer, self._settings, self._dice, alone=alone)

    def deliver_due(self) -> None:
        """Deliver every timer that is due, the first due first (O4)."""
        now = self._clock.now()
        while (timer := self._timers.take_due(now)) is not None:
            self._step(TimerExpired(timer))

    # Steps.

    def begin(self) -> None:
        """Carry out what recovery asks."""
        _log.info("%s starts as boot %d", self.server.id, self.server.boot)
        self._carry_out(self._beginning)

    def handle(self, event: Event) -> None:
        """Take one step, after every timer that is due by now."""
        self.deliver_due()
        self._step(event)

    def persisted(self, durable: WriteNumber) -> None:
        """Let go what waited for the writes up to *durable*, and tell the server."""
        if durable <= self._durable:
            return
        self._durable = durable
        for number in sorted(number for number in self._held if number <= durable):
            sends = self._held.pop(number)
            self._held_count -= len(sends)
            for send in sends:
                self._let_go(send)
        self.handle(Persisted(durable))

    def _step(self, event: Event) -> None:
        if self.halted is not None:  # O7
            return
        old = self.server
        new, effects = step(old, event)
        check_step_fast(old, event, new, effects)
        self.server = new
        if self._observe is not None:
            self._observe(old, event, new, effects)
        self._narrate(old, event, new, effects)
        self._carry_out(effects)
        if self.first_commit is None:
            self._notice_leader(event)

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Persist():
                    self._writer.gather(effect)
                case Send(after=after) | SendSnapshot(after=after):
                    if after is None or after <= self._durable:
                        self._let_go(effect)
                    else:
                        self._hold(effect, after)
                case Apply() | Restore() | Reply() | ReadReady():
                    self._applier.put(effect)
                case ResetTimer(timer):
                    self._timers.reset(timer, self._clock.now())
                case CancelTimer(timer):
                    self._timers.cancel(timer)
                case ConfigurationChanged(configuration, leaving):
                    addresses = {**dict(leaving), **dict(configuration.addresses)}
                    addresses.pop(self.server.id, None)
                    _log.info("%s %s", self.server.id, render_effect(effect))
                    self._network.connect(addresses)
                case Halt(reason):
                    self.halted = reason
                    self._held.clear()
                case _:
                    assert_never(effect)

    def _let_go(self, send: Send | SendSnapshot) -> None:
        if isinstance(send, Send):
            self._network.send(send.to, send.message)
        else:
            self._send_snapshot(send)

    def _hold(self, send: Send | SendSnapshot, after: WriteNumber) -> None:
        """Keep *send* until write *after* is durable (O3).

        A message may be lost, and is, beyond the bound.  An order for a snapshot must have its
        end; there is at most one for each peer.
        """
        if isinstance(send, SendSnapshot) or self._held_count < self._settings.sends_held:
            self._held_count += 1
            self._held.setdefault(after, []).append(send)

    def _notice_leader(self, event: Event) -> None:
        """Remember what is to be applied before this node is ready."""
        server = self.server
        if isinstance(server.role, Leader):
            self.first_commit = server.role.term_start
            return
        request = event.message if isinstance(event, Received) else None
        if isinstance(request, AppendEntriesRequest) and request.source == server.leader:
            self.first_commit = request.leader_commit

    # The log, for people.

    def _narrate(self, old: Server, event: Event, new: Server, effects: tuple[Effect, ...]) -> None:
        if _log.isEnabledFor(logging.DEBUG):
            done = "; ".join(render_effect(effect) for effect in effects) or "nothing"
            _log.debug("%s | %s | %s", render_event(event), render_server(new), done)
        vote = new.vote
        if vote is not old.vote and vote.current_term != old.vote.current_term:
            self.campaigns += vote.voted_for == new.id  # a candidate's first vote is its own
        if type(new.role) is not type(old.role) or new.leader != old.leader:
            _log.info("%s", render_server(new))
            self.leader_changes += new.leader not in (None, old.leader)
