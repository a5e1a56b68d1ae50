"""Operations handed to the leader, and those that others hand to us.

A node that does not lead sends a whole operation to the node that does, as one frame, and its
answer comes back as one frame.  It is one hop: whoever gets it and does not lead says so, and
the asker may look for the leader again.  The core sees nothing of it, save one more request at
the leader.

A lost link makes a forwarded write indefinite (it may have arrived), and a read may simply be
asked again.
"""

from __future__ import annotations

from collections.abc import Callable

from huffleraft.core.types import NodeId
from huffleraft.errors import HuffleraftError, OutcomeUnknown
from huffleraft.ports import Forward, Forwarded, Kind, Network
from huffleraft.runtime.requests import Answer, Request, Requests, no_leader, overloaded
from huffleraft.runtime.verdicts import forwarded, meaning
from huffleraft.settings import NodeSettings

_BOOT_BITS = 32
"""A number begins with the boot, so an answer to a former boot's question fits none of ours."""


class ForwardedRequest(Request):
    """An operation that another node has handed to this one."""

    __slots__ = ("_number", "_reply", "_serve")

    def __init__(
        self,
        forward: Forward,
        *,
        deadline: float,
        reply: Callable[[Forwarded], None],
        serve: Callable[[ForwardedRequest], None],
    ) -> None:
        super().__init__(forward.payload, forward.kind, deadline=deadline)
        self._number = forward.number
        self._reply = reply
        self._serve = serve

    def ready(self) -> None:
        """Have the read answered; whoever asked has no task here."""
        self._serve(self)

    def conclude(self, outcome: Answer | HuffleraftError) -> None:
        """Send the answer back, once; if it is lost, the asker's deadline ends the matter."""
        self._reply(forwarded(self._number, outcome))


class Forwarding:
    """The operations this node has handed to others and awaits the answers of."""

    def __init__(
        self, boot: int, *, network: Network, requests: Requests, settings: NodeSettings
    ) -> None:
        self._network = network
        self._requests = requests
        self._settings = settings
        self._awaited: dict[int, tuple[NodeId, Request]] = {}
        self._last_number = boot << _BOOT_BITS

    def forward(self, request: Request, leader: NodeId) -> None:
        """Hand *request* to *leader*; it ends here at once if there is no way there."""
        if len(self._awaited) >= self._settings.requests_outstanding:
            self._drop_finished()
            if len(self._awaited) >= self._settings.requests_outstanding:
                self._requests.finish(request, overloaded(self._settings))
                return
        self._last_number += 1
        forward = Forward(self._last_number, request.kind, request.payload)
        request.may_forward = False
        if not self._network.send(leader, forward):
            self._requests.finish(request, no_leader(self._settings))
            return
        request.handed = True
        self._awaited[forward.number] = leader, request

    def answered(self, source: NodeId, answer: Forwarded) -> None:
        """End the request that *answer* speaks of, if it still waits and *source* was asked."""
        asked, request = self._awaited.get(answer.number, (None, None))
        if request is None or asked != source:
            return
        del self._awaited[answer.number]
        self._requests.finish(request, meaning(answer, request, self._settings))

    def link_lost(self, peer: NodeId) -> None:
        """End all that *peer* was asked: question or answer may be lost."""
        lost = [number for number, (asked, _) in self._awaited.items() if asked == peer]
        for number in lost:
            _, request = self._awaited.pop(number)
            if request.kind is not Kind.READ:
                self._requests.finish(
                    request, OutcomeUnknown(f"the connection to the leader, {peer}, was lost")
                )
            else:
                self._requests.finish(request, no_leader(self._settings))

    def _drop_finished(self) -> None:
        self._awaited = {
            number: (asked, request)
            for number, (asked, request) in self._awaited.items()
            if not request.finished
        }
