"""One node: a core, driven over storage, a network, a clock and a state machine.

One task owns the `Server` value.  It sleeps until something has come, and then takes, in one
turn, all that waits: due timers, what has become durable, messages, and all that clients asked
since the last turn, as one event.  Under load the turns grow and so do the batches; nothing is
ever held back to make one.

Around it stand tasks that wait for things: the writer for the disk, the applier for the state
machine, the alarm for time, the transfers for snapshots.  Clients and the network only add to the
intake and ring.
"""

from __future__ import annotations

import logging

import anyio
from anyio.abc import TaskGroup, TaskStatus

from huffleraft.core import LogIndex, NodeId, Server
from huffleraft.errors import (
    Halted,
    HuffleraftError,
    MemberRemoved,
    Stopping,
    TransferUndecided,
)
from huffleraft.ports import (
    Clock,
    Dice,
    Kind,
    Network,
    PeerMessage,
    Recovered,
    Snapshots,
    Storage,
)
from huffleraft.runtime.alarm import Alarm
from huffleraft.runtime.answers import Answers
from huffleraft.runtime.applier import Applier
from huffleraft.runtime.bell import Bell
from huffleraft.runtime.changes import Changes, Wish, encode_wish
from huffleraft.runtime.driver import Driver, Observer
from huffleraft.runtime.forwarding import Forwarding
from huffleraft.runtime.handing_over import answer_of, encode_target
from huffleraft.runtime.intake import Intake
from huffleraft.runtime.machines import Machine
from huffleraft.runtime.reading import Reading
from huffleraft.runtime.requests import Answer, LocalRequest, Requests
from huffleraft.runtime.succession import Succession
from huffleraft.runtime.transfers import Transfers
from huffleraft.runtime.turns import Turns
from huffleraft.runtime.writer import Writer
from huffleraft.settings import NodeSettings

_log = logging.getLogger("huffleraft.node")

_LAST_WORDS = 1.0
"""Seconds given to a halted node's answers to reach their askers."""


class Node:
    """Runs one server.  It is the `Inbox` of its network.

    *observe* sees every step as it is taken.  Raises ValueError if what was recovered
    contradicts itself.
    """

    def __init__(
        self,
        recovered: Recovered,
        *,
        storage: Storage,
        snapshots: Snapshots,
        machine: Machine,
        network: Network,
        clock: Clock,
        dice: Dice,
        settings: NodeSettings,
        observe: Observer | None = None,
    ) -> None:
        self._machine = machine
        self._network = network
        self._clock = clock
        self._settings = settings
        self._bell = Bell()
        self._alarm = Alarm(clock, self._bell)
        self._requests = Requests(settings)
        self._forwarding = Forwarding(
            recovered.boot, network=network, requests=self._requests, settings=settings
        )
        self._writer = Writer(storage, machine, settings, self._bell.ring)
        self._changes = Changes(
            lambda: self.server, has_left=self.has_left, reaches=network.reaches
        )
        self._succession = Succession(lambda: self.server, network.reaches)
        self._reading = Reading(machine, clock, lambda: self.server.current_term)
        answers = Answers(
            self._requests, self._forwarding, settings, lambda: self.server, self._changes
        )
        self._applier = Applier(
            machine,
            settings,
            answer=answers.give,
            tell=self._bell.ring,
            without_flushes=self._writer.without_flushes,
        )
        self._transfers = Transfers(
            recovered.boot,
            machine=machine,
            snapshots=snapshots,
            network=network,
            clock=clock,
            settings=settings,
            server=lambda: self.server,
            ring=self._bell.ring,
            without_flushes=self._writer.without_flushes,
        )
        self._driver = Driver(
            recovered,
            network=network,
            clock=clock,
            dice=dice,
            settings=settings,
            writer=self._writer,
            applier=self._applier,
            send_snapshot=self._transfers.send,
            observe=observe,
        )
        self._intake = Intake(self._requests, settings, self._unapplied, self._bell.ring)
        # The node's own life.
        self._tasks: TaskGroup | None = None
        self._stop_wanted = False
        self._failure: HuffleraftError | None = None
        self._ended = anyio.Event()
        self._leader_known: anyio.Event | None = None
        self._turns = Turns(
            driver=self._driver,
            machine=machine,
            network=network,
            clock=clock,
            settings=settings,
            alarm=self._alarm,
            requests=self._requests,
            forwarding=self._forwarding,
            intake=self._intake,
            changes=self._changes,
            reading=self._reading,
            writer=self._writer,
            applier=self._applier,
            transfers=self._transfers,
        )

    # What can be seen of it.

    @property
    def server(self) -> Server:
        """The server as it stands after the last step."""
        return self._driver.server

    @property
    def applied(self) -> LogIndex:
        """The index up to which the state machine stands."""
        return self._machine.last_applied

    @property
    def first_commit(self) -> LogIndex | None:
        """What the first leader known since this start had committed; None while none is known."""
        return self._driver.first_commit

    @property
    def installs(self) -> int:
        """How many snapshots of other nodes have replaced its state since this start."""
        return self._applier.installs

    @property
    def closed(self) -> HuffleraftError | None:
        """Why the node takes in nothing any more; None while it does."""
        return self._requests.closed

    @property
    def failure(self) -> HuffleraftError | None:
        """Why the node ended by itself; None if it did not."""
        return self._failure

    @property
    def elections(self) -> tuple[int, int]:
        """Since this start: elections stood in, and leaders come to be known."""
        return self._driver.campaigns, self._driver.leader_changes

    async def leader_known(self) -> None:
        """Return once this node knows who leads.  Raises Stopping or Halted if it never will."""
        while self.server.leader is None:
            if (refusal := self._requests.refusal()) is not None:
                raise refusal
            await self._leader_told()

    async def _leader_told(self) -> None:
        """Return after a turn in which this node knew a leader, or when it is to stop."""
        if self._leader_known is None:
            self._leader_known = anyio.Event()
        await self._leader_known.wait()

    # What clients ask.

    async def write(
        self,
        command: bytes,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        *,
        forward: bool = False,
    ) -> Answer:
        """Have *command* committed and applied; its result, and where it stands in the log.

        With *forward*, a node that does not lead hands it to the leader.  *timeout* is in
        seconds; the settings' if None.

        Raises NotLeader, NoLeader, Overloaded, BadRequest (too large), Stopping or Halted: it
        has had no effect; or OutcomeUnknown.
        """
        return await self._decided(command, Kind.WRITE, timeout, forward=forward)

    async def change(
        self,
        wish: Wish,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        *,
        forward: bool = False,
    ) -> Answer:
        """Have the members changed as *wish* says; where the last configuration for it stands.

        The answer's payload says what the node named is then: ``voter``, ``learner``, or nothing.
        Raises as `write` does, and ChangePending, MemberRefused, QuorumAtRisk or NoSuchMember.
        """
        return await self._decided(encode_wish(wish), Kind.CHANGE, timeout, forward=forward)

    async def hand_over(
        self,
        to: NodeId | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        *,
        forward: bool = False,
    ) -> Answer:
        """Let *to* lead, or whichever voter is best able to; who leads then, and in which term.

        The answer's payload is the leader's id.  Until it is known, clients are refused for
        certain.  Raises as `write` does, and TransferRefused, TransferPending or ChangePending, all
        definite; or TransferUndecided.
        """
        deadline = self._deadline(timeout)
        answer = await self._decided(encode_target(to), Kind.TRANSFER, timeout, forward=forward)
        with anyio.move_on_after(deadline - self._clock.now()):
            return await self._new_leader(answer, to)
        raise TransferUndecided(f"{self.server.id} does not know yet who leads since")

    async def _new_leader(self, told: Answer, to: NodeId | None) -> Answer:
        """Who leads in the term that *told* speaks of, or a later one."""
        while self.server.current_term < told.term or self.server.leader is None:
            if self._ended.is_set():
                raise TransferUndecided(f"{self.server.id} stopped before it knew who leads since")
            await self._leader_told()
        leader = self.server.leader
        if to not in (None, leader):
            raise TransferUndecided(f"{to} was told to lead, and {leader} was elected")
        return answer_of(self.server, leader)

    async def _decided(
        self,
        payload: bytes,
        kind: Kind,
        timeout: float | None,  # noqa: ASYNC109  # on the node's own clock
        *,
        forward: bool,
    ) -> Answer:
        deadline = self._deadline(timeout)
        answer = await self._outcome(
            LocalRequest(payload, kind, deadline=deadline, may_forward=forward)
        )
        assert answer is not None, "only a read is served without an answer"
        return answer

    async def read(
        self,
        query: bytes,
        timeout: float | None = None,  # noqa: ASYNC109  # on the node's own clock
        *,
        stale: bool = False,
        forward: bool = False,
    ) -> Answer:
        """Answer *query* linearizably, or with *stale* from what this node has applied.

        Raises NotLeader, NoLeader, Overloaded, ReadTimedOut, Stopping or Halted, and what the
        state machine's query raises.
        """
        deadline = self._deadline(timeout)
        if not stale:
            request = LocalRequest(query, Kind.READ, deadline=deadline, may_forward=forward)
            answer = await self._outcome(request)
            if answer is not None:
                return answer
        elif (refusal := self._requests.refusal()) is not None:
            raise refusal
        return await self._reading.query(query, deadline)

    async def _outcome(self, request: LocalRequest) -> Answer | None:
        """Offer *request* and wait for its end; of a cancelled one nothing is left."""
        self._intake.offer(request)
        try:
            return await request.outcome()
        finally:
            if not request.finished:
                self._requests.withdraw(request)

    def _unapplied(self) -> int:
        return self.server.last_applied - self._machine.last_applied

    def _deadline(self, timeout: float | None) -> float:
        seconds = self._settings.request_timeout if timeout is None else timeout
        return self._clock.now() + seconds

    # What the network hands over: Inbox.

    def receive(self, source: NodeId, message: PeerMessage) -> None:
        """Take one whole message for the next turn; lost if too many wait."""
        self._intake.receive(source, message)

    def link_lost(self, peer: NodeId) -> None:
        """End what only *peer* could have answered."""
        self._forwarding.link_lost(peer)
        self._transfers.link_lost(peer)
        self._succession.link_lost()

    @property
    def messages_received(self) -> int:
        """Messages of peers that were dealt with since this start."""
        return self._turns.messages_received

    @property
    def is_empty(self) -> bool:
        """Whether its log has never held anything."""
        return self.server.log.last_index == 0

    def has_left(self, node: NodeId) -> bool:
        """Whether *node* was a member, and was removed."""
        return node in self._machine.former_members

    def told_to_leave(self) -> None:
        """A member says that this node was removed."""
        self.end_because(MemberRemoved(self.server.id))

    def end_because(self, verdict: HuffleraftError) -> None:
        """Let `run` end with *verdict*: others will have nothing to do with this node."""
        self._turns.verdict = verdict
        self._bell.ring()

    # Its life.

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Drive the server until `stop`, until it halts, or until it is a member no more.

        Raises StorageFailed, Halted, MemberRemoved or what `end_because` was told; by then every
        request has its answer.
        """
        try:
            async with anyio.create_task_group() as self._tasks:
                self._tasks.start_soon(self._writer.run, name="writer")
                self._tasks.start_soon(self._applier.run, name="applier")
                self._tasks.start_soon(self._alarm.run, name="alarm")
                self._transfers.start(self._tasks)
                self._reading.start(self._tasks)
                self._driver.begin()
                self._bell.ring()
                task_status.started()
                await self._take_turns()
                with anyio.move_on_after(_LAST_WORDS):
                    await self._applier.drained()
                self._tasks.cancel_scope.cancel()
        finally:
            self._end()
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        """Take in nothing new, hand over what it leads, let what is under way finish, end `run`.

        What is not finished within three fifths of the settings' `stop_timeout` is failed.
        """
        resignation = self._resign()
        if self._requests.closed is None:
            self._requests.closed = Stopping()
            self._wake_who_waits_for_a_leader()
        if self._tasks is None:
            return
        with anyio.move_on_after(0.6 * self._settings.stop_timeout):
            if resignation is not None:
                await self._resigned(resignation)
            await self._requests.none_left()
        self._stop_wanted = True
        self._bell.ring()
        await self._ended.wait()

    def _resign(self) -> LocalRequest | None:
        """Ask for another leader while anything may still be asked for; None if none is needed."""
        if self._tasks is None or not self._succession.wanted:
            return None
        deadline = self._deadline(self._settings.stop_timeout)
        request = LocalRequest(encode_target(None), Kind.TRANSFER, deadline=deadline)
        self._intake.offer(request)
        return request

    async def _resigned(self, request: LocalRequest) -> None:
        """Stay until another leads: it may need this node's vote.  None may be able to."""
        with self._succession.while_possible():
            try:
                answer = await request.outcome()
                assert answer is not None, "only a read is served without an answer"
                await self._new_leader(answer, None)
            except HuffleraftError as why:
                _log.info("%s stops without a successor: %s", self.server.id, why)
        if not request.finished:
            self._requests.withdraw(request)

    async def _take_turns(self) -> None:
        while self._failure is None and not self._stop_wanted:
            await self._bell.wait()
            try:
                self._failure = self._turns.take()
                if self._leader_known is not None and self.server.leader is not None:
                    self._wake_who_waits_for_a_leader()
            except Exception as error:  # noqa: BLE001  # whatever it is, it is ours
                # A broken invariant, or a mistake of ours: no promise can be kept from here on.
                _log.critical("%s halts", self.server.id, exc_info=error)
                self._failure = Halted(f"{type(error).__name__}: {error}")
                self._requests.abandon("the node halted on a mistake of its own")

    def _end(self) -> None:
        self._requests.closed = self._failure or Stopping()
        if self._failure is not None and not isinstance(self._failure, Halted):
            self._requests.closed = Halted(str(self._failure))
        self._requests.abandon("the node stopped before it was done")
        self._wake_who_waits_for_a_leader()
        self._ended.set()

    def _wake_who_waits_for_a_leader(self) -> None:
        if self._leader_known is not None:
            self._leader_known.set()
            self._leader_known = None
