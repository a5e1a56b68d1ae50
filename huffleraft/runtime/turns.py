"""One turn of a node: all that waits is taken, in one go.  Nothing here awaits."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from huffleraft.core import Event, NodeId, Received, SnapshotTaken, StorageFailed
from huffleraft.errors import Halted, HuffleraftError, MemberRemoved
from huffleraft.ports import (
    Clock,
    Forward,
    Forwarded,
    Kind,
    Network,
    SnapshotAsk,
    SnapshotChunk,
    SnapshotOffer,
    SnapshotWanted,
)
from huffleraft.runtime.alarm import Alarm
from huffleraft.runtime.applier import Applier
from huffleraft.runtime.changes import Changes
from huffleraft.runtime.driver import Driver
from huffleraft.runtime.flushing import FlushPlan
from huffleraft.runtime.forwarding import ForwardedRequest, Forwarding
from huffleraft.runtime.handing_over import event_for
from huffleraft.runtime.intake import Intake
from huffleraft.runtime.machines import Machine
from huffleraft.runtime.reading import Reading
from huffleraft.runtime.requests import Request, Requests
from huffleraft.runtime.snapshotting import SnapshotPlan
from huffleraft.runtime.transfers import Transfers
from huffleraft.runtime.writer import Writer
from huffleraft.settings import NodeSettings

_log = logging.getLogger("huffleraft.node")


@dataclass(slots=True, kw_only=True)
class Turns:
    """The parts of a node, and the order in which a turn goes through them."""

    driver: Driver
    machine: Machine
    network: Network
    clock: Clock
    settings: NodeSettings
    alarm: Alarm
    requests: Requests
    forwarding: Forwarding
    intake: Intake
    changes: Changes
    reading: Reading
    writer: Writer
    applier: Applier
    transfers: Transfers
    verdict: HuffleraftError | None = None
    """Why the node is to end, by what others say of it."""
    messages_received: int = 0
    """Messages of peers that were dealt with."""
    _flush: FlushPlan = field(init=False)
    _snapshot: SnapshotPlan = field(init=False)

    def __post_init__(self) -> None:
        self._flush = FlushPlan(self.machine, self.settings.flush_interval)
        self._snapshot = SnapshotPlan(self.settings)

    def take(self) -> HuffleraftError | None:
        """Take one turn; why the node ends by itself, if it does."""
        driver = self.driver
        broken = self.writer.failure or self.applier.failure or self.transfers.failure
        if broken is not None:
            driver.handle(StorageFailed(str(broken)))
        driver.deliver_due()
        driver.persisted(self.writer.durable)
        self._take_messages()
        self.transfers.take_turn(driver.handle)
        now = self.clock.now()
        self.requests.expire(now)  # before the core is handed what is late already
        self._take_requests()
        self._take_snapshot()
        self.writer.release()
        self.applier.release()
        if driver.halted is not None:
            return broken or Halted(driver.halted)
        if driver.server.id in self.machine.former_members:
            return MemberRemoved(driver.server.id)
        if self.verdict is not None:
            return self.verdict
        if self._flush.is_due(now):
            self.writer.want_flush()
        self.alarm.tell(min(driver.next_due, self.requests.next_due, self._flush.due))
        return None

    def _take_messages(self) -> None:
        for source, message in self.intake.messages():
            self.messages_received += 1
            match message:
                case Forward():
                    self._take_in(source, message)
                case Forwarded():
                    self.forwarding.answered(source, message)
                case SnapshotAsk() | SnapshotOffer() | SnapshotChunk() | SnapshotWanted():
                    self.transfers.receive(source, message)
                case _:
                    self.driver.handle(Received(message))

    def _take_in(self, source: NodeId, forward: Forward) -> None:
        """What another node hands to this one."""

        def reply(answer: Forwarded) -> None:
            self.network.send(source, answer)

        deadline = self.clock.now() + self.settings.request_timeout
        self.intake.offer(
            ForwardedRequest(forward, deadline=deadline, reply=reply, serve=self.reading.serve)
        )

    def _take_requests(self) -> None:
        commands = self.intake.commands()
        if commands is not None:
            self.driver.handle(commands)
        reads = self.intake.reads()
        if reads is not None:
            self.driver.handle(reads)
        for request in self.intake.changes():
            asked = self._event_for(request)
            if isinstance(asked, HuffleraftError):
                self.requests.finish(request, asked)
            else:
                request.handed = True
                self.driver.handle(asked)

    def _event_for(self, request: Request) -> Event | HuffleraftError:
        if request.kind is Kind.TRANSFER:
            return event_for(request.ref, request.payload)
        return self.changes.event_for(request.ref, request.payload)

    def _take_snapshot(self) -> None:
        """Let what is flushed stand for the log's beginning, once enough has gathered."""
        server = self.driver.server
        included = server.snapshot.last_included_index if server.snapshot else 0
        flushed = self._snapshot.taken(self.machine.flushed_index)
        if flushed is not None and flushed > included:
            self.driver.handle(SnapshotTaken(flushed))
            first = self.driver.server.log.first_index
            _log.info("took a snapshot up to %d; the log begins with %d", flushed, first)
        elif self._snapshot.asks_for_flush(
            applied=self.machine.last_applied,
            bytes_applied=self.applier.bytes_applied,
            included=included,
            sending=self.transfers.sending,
        ):
            self.writer.want_flush()
