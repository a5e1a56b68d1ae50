"""What the core says of a request, told to whoever asked in words of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from huffleraft.core import (
    Committed,
    HandedOver,
    ReadReady,
    Reason,
    Rejected,
    Reply,
    Server,
    Unknown,
)
from huffleraft.errors import Halted, HuffleraftError, NotLeader, OutcomeUnknown
from huffleraft.ports import Kind
from huffleraft.runtime.changes import Changes
from huffleraft.runtime.forwarding import Forwarding
from huffleraft.runtime.handing_over import answer_of, refused, undecided
from huffleraft.runtime.requests import (
    Answer,
    Request,
    Requests,
    change_pending,
    no_leader,
    overloaded,
    too_large,
    transfer_pending,
)
from huffleraft.settings import NodeSettings


class Answers:
    """Ends requests as the core says, or hands them to the leader where they may go there.

    *server* tells the server as it stands, for the addresses that its configuration names;
    *changes* says what came of a change of members.
    """

    def __init__(
        self,
        requests: Requests,
        forwarding: Forwarding,
        settings: NodeSettings,
        server: Callable[[], Server],
        changes: Changes,
    ) -> None:
        self._requests = requests
        self._forwarding = forwarding
        self._settings = settings
        self._server = server
        self._changes = changes

    def give(self, said: Reply | ReadReady, result: bytes) -> None:
        """Answer the request that *said* names; *result* is that of a committed command."""
        request = self._requests.get(said.ref)
        if request is None:  # given up meanwhile
            return
        if isinstance(said, ReadReady):
            self._requests.serve(request)
            return
        match said.outcome:
            case Committed(index, term):
                if request.kind is Kind.CHANGE:
                    result = self._changes.standing_after(request.payload)
                self._requests.finish(request, Answer(result, index, term))
            case Rejected(Reason.VOTER_BEHIND):
                self._requests.finish(request, self._still(request))
            case Rejected(Reason.TARGET_BEHIND | Reason.TARGET_INVALID as reason):
                self._requests.finish(request, refused(self._server(), request.payload, reason))
            case Rejected(Reason.NOT_LEADER, str(leader)) if request.may_forward:
                self._forwarding.forward(request, leader)
            case Rejected() as rejected:
                self._requests.finish(request, self._refusal(rejected, request))
            case Unknown() if request.kind is Kind.TRANSFER:
                self._requests.finish(request, undecided(self._server(), request.payload))
            case Unknown():
                why = "the leader that took it in left office before it was committed"
                self._requests.finish(request, OutcomeUnknown(why))
            case HandedOver(to):
                self._requests.finish(request, answer_of(self._server(), to))
            case _:
                assert_never(said.outcome)

    def _still(self, request: Request) -> Answer:
        """A learner that has not caught up stays what it is, by the configuration in force."""
        server = self._server()
        standing = self._changes.standing_after(request.payload)
        return Answer(standing, server.membership.index, server.current_term)

    def _refusal(self, rejected: Rejected, request: Request) -> HuffleraftError:
        match rejected.reason:
            case Reason.NOT_LEADER:
                if rejected.leader is None:
                    voted = self._server().vote.voted_for is not None
                    return no_leader(self._settings, soon=voted)
                configuration = self._server().configuration
                return NotLeader(rejected.leader, configuration.address_of(rejected.leader))
            case Reason.OVERLOADED:
                return overloaded(self._settings)
            case Reason.TOO_LARGE:
                return too_large(len(request.payload), self._settings)
            case Reason.HALTED:
                return Halted()
            case Reason.NOT_READY | Reason.CHANGE_PENDING:
                return change_pending(self._settings)
            case Reason.QUORUM_AT_RISK:
                return self._changes.risk(request.payload)
            case Reason.TRANSFER_PENDING:
                return transfer_pending(self._settings)
            case (
                Reason.CONFIGURATION_INVALID
                | Reason.VOTER_BEHIND
                | Reason.TARGET_INVALID
                | Reason.TARGET_BEHIND
            ):
                raise AssertionError(f"no node asks for what is {rejected.reason.value}")
            case _:
                assert_never(rejected.reason)
