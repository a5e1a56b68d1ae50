"""Clients' operations under way on this node, from their arrival to their one answer.

A request is named to the core by its `ref`, and everything else about it stands here.  It ends
exactly once: answered, refused, or given up at its deadline.  What the core says of a request
that has ended already is heard by nobody, which is right: a deadline is between the client and
this node, and the core knows no time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass

import anyio

from huffleraft.core.types import LogIndex, Ref, Term
from huffleraft.errors import (
    BadRequest,
    ChangePending,
    HuffleraftError,
    NoLeader,
    OutcomeUnknown,
    Overloaded,
    ReadTimedOut,
    TransferPending,
)
from huffleraft.ports import Kind
from huffleraft.runtime.deadlines import Deadlines
from huffleraft.runtime.moment import Moment
from huffleraft.settings import NodeSettings


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended well.

    `payload` is a command's result or a query's answer; `index` and `term` are the command's
    place in the log, or how far the machine had applied when the query was answered.
    """

    payload: bytes
    index: LogIndex
    term: Term


class Request(ABC):
    """One operation under way.

    - ``payload`` is what its ``kind`` says; dropped at the end.
    - ``handed``: the core, or another node, has it, so it may take effect from now on.
    - ``may_forward``: a node that does not lead hands it to the leader, once.
    """

    __slots__ = ("deadline", "finished", "handed", "kind", "may_forward", "payload", "ref")

    def __init__(
        self, payload: bytes, kind: Kind, *, deadline: float, may_forward: bool = False
    ) -> None:
        self.payload = payload
        self.kind = kind
        self.deadline = deadline
        self.may_forward = may_forward
        self.handed = False
        self.finished = False
        self.ref: Ref = 0

    def finish(self, outcome: Answer | HuffleraftError) -> None:
        """End it; a second end is void."""
        if not self.finished:
            self.finished = True
            self.payload = b""
            self.conclude(outcome)

    @abstractmethod
    def conclude(self, outcome: Answer | HuffleraftError) -> None:
        """Tell whoever asked.  Called once, on the event loop; must not block."""

    @abstractmethod
    def ready(self) -> None:
        """The read may be answered from the state machine as it stands, now or later."""


class LocalRequest(Request):
    """A request whose asker waits in a task of this process."""

    __slots__ = ("_outcome", "_told")

    def __init__(
        self, payload: bytes, kind: Kind, *, deadline: float, may_forward: bool = False
    ) -> None:
        super().__init__(payload, kind, deadline=deadline, may_forward=may_forward)
        self._told = Moment()
        self._outcome: Answer | HuffleraftError | None = None

    def conclude(self, outcome: Answer | HuffleraftError) -> None:
        """Wake the asker with its answer."""
        self._outcome = outcome
        self._told.come()

    def ready(self) -> None:
        """Wake the asker: it reads in its own task, so that no read waits for another's rows."""
        self._told.come()

    async def outcome(self) -> Answer | None:
        """The answer, once there is one; None for a read that may be served now.

        Raises the error that the request ended with.
        """
        await self._told.wait()
        if isinstance(self._outcome, HuffleraftError):
            raise self._outcome
        return self._outcome


class Requests:
    """All requests of one node that have no answer yet."""

    def __init__(self, settings: NodeSettings) -> None:
        self._settings = settings
        self._open: dict[Ref, Request] = {}
        self._deadlines: Deadlines[Request] = Deadlines()
        self._last_ref: Ref = 0
        self._when_none: anyio.Event | None = None
        self.closed: HuffleraftError | None = None
        """Why nothing is taken in any more; None while it is."""

    def __len__(self) -> int:
        return len(self._open)

    @property
    def next_due(self) -> float:
        """When the first deadline is to be looked at."""
        return self._deadlines.next_due

    def admit(self, request: Request) -> bool:
        """Name *request* and set its deadline; False if it was refused, and is finished."""
        if self.closed is not None:
            request.finish(copy(self.closed))
            return False
        if len(self._open) >= self._settings.requests_outstanding:
            request.finish(overloaded(self._settings))
            return False
        self._last_ref += 1
        request.ref = self._last_ref
        self._open[request.ref] = request
        self._deadlines.add(request.deadline, request)
        return True

    def refusal(self) -> HuffleraftError | None:
        """`closed`, as an error of its own: one raised twice would keep both its tracebacks."""
        return None if self.closed is None else copy(self.closed)

    def get(self, ref: Ref) -> Request | None:
        """The request named *ref*, if it has no answer yet."""
        return self._open.get(ref)

    def finish(self, request: Request, outcome: Answer | HuffleraftError) -> None:
        """End *request* and forget it."""
        self._forget(request)
        request.finish(outcome)

    def serve(self, request: Request) -> None:
        """Let a read be answered from the state machine, and forget it."""
        self._forget(request)
        request.finished = True
        request.ready()

    def withdraw(self, request: Request) -> None:
        """Forget *request*: nobody waits for its answer any more.

        Where the core was not handed it yet, it never will be.
        """
        self._forget(request)
        request.finished = True
        request.payload = b""

    def _forget(self, request: Request) -> None:
        self._open.pop(request.ref, None)
        if not self._open and self._when_none is not None:
            self._when_none.set()

    def expire(self, now: float) -> None:
        """Give up what is due by *now*."""
        for request in self._deadlines.take_due(now):
            self.finish(request, given_up(request, self._settings, "it was not done in time"))

    def abandon(self, why: str) -> None:
        """End everything, because this node can do no more; *why* says so after a colon."""
        for request in list(self._open.values()):
            self.finish(request, given_up(request, self._settings, why))

    async def none_left(self) -> None:
        """Return once every request has ended."""
        if self._open:
            self._when_none = anyio.Event()
            await self._when_none.wait()


# What the ends are called.


def overloaded(settings: NodeSettings) -> Overloaded:
    """Refused before anything was done."""
    return Overloaded(round(settings.heartbeat * 1000))


def no_leader(settings: NodeSettings, *, soon: bool = False) -> NoLeader:
    """Refused because nobody leads, as far as is known: an election is under way.

    *soon*: votes are cast already, and whoever won is about to say so.
    """
    return NoLeader(round((settings.heartbeat if soon else settings.election_min) * 500))


def change_pending(settings: NodeSettings) -> ChangePending:
    """Refused because one change of members at a time is all there may be."""
    return ChangePending(round(settings.heartbeat * 1000))


def transfer_pending(settings: NodeSettings) -> TransferPending:
    """Refused because the leader is about to be another."""
    return TransferPending(round(settings.heartbeat * 500))


def given_up(request: Request, settings: NodeSettings, why: str) -> HuffleraftError:
    """What is known of a request that nobody will answer.

    What nobody has been handed has had no effect; nor has any read.
    """
    if request.kind is Kind.READ:
        return ReadTimedOut()
    if request.handed:
        return OutcomeUnknown(why)
    return overloaded(settings)


def too_large(size: int, settings: NodeSettings) -> BadRequest:
    """A command that no log of this cluster takes."""
    limit = settings.limits.command_bytes
    return BadRequest(f"the command has {size} bytes and {limit} are allowed; split it")
