"""What the core says of a request, told to whoever asked in words of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from huffleraft.core import Committed, ReadReady, Reason, Rejected, Reply, Server, Unknown
from huffleraft.errors import Halted, HuffleraftError, NotLeader, OutcomeUnknown
from huffleraft.runtime.forwarding import Forwarding
from huffleraft.runtime.requests import (
    Answer,
    Request,
    Requests,
    no_leader,
    overloaded,
    too_large,
)
from huffleraft.settings import NodeSettings


class Answers:
    """Ends requests as the core says, or hands them to the leader where they may go there.

    *server* tells the server as it stands, for the addresses that its configuration names.
    """

    def __init__(
        self,
        requests: Requests,
        forwarding: Forwarding,
        settings: NodeSettings,
        server: Callable[[], Server],
    ) -> None:
        self._requests = requests
        self._forwarding = forwarding
        self._settings = settings
        self._server = server

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
                self._requests.finish(request, Answer(result, index, term))
            case Rejected(Reason.NOT_LEADER, str(leader)) if request.may_forward:
                self._forwarding.forward(request, leader)
            case Rejected() as rejected:
                self._requests.finish(request, self._refusal(rejected, request))
            case Unknown():
                why = "the leader that took it in left office before it was committed"
                self._requests.finish(request, OutcomeUnknown(why))
            case _:
                assert_never(said.outcome)

    def _refusal(self, rejected: Rejected, request: Request) -> HuffleraftError:
        match rejected.reason:
            case Reason.NOT_LEADER:
                if rejected.leader is None:
                    return no_leader(self._settings)
                configuration = self._server().configuration
                return NotLeader(rejected.leader, configuration.address_of(rejected.leader))
            case Reason.OVERLOADED:
                return overloaded(self._settings)
            case Reason.TOO_LARGE:
                return too_large(len(request.payload), self._settings)
            case Reason.HALTED:
                return Halted()
            case (
                Reason.NOT_READY
                | Reason.CHANGE_PENDING
                | Reason.VOTER_BEHIND
                | Reason.CONFIGURATION_INVALID
            ):
                raise AssertionError("no node asks its core for a change of members yet")
            case _:
                assert_never(rejected.reason)
