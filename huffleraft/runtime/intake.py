"""What waits for a node's next turn: messages from peers, and what clients ask.

Every queue has a bound.  A client beyond it is refused at once, definitely, which it can act
on; a message beyond it is lost, which the protocol can bear.
"""

from __future__ import annotations

from collections.abc import Callable

from huffleraft.core import ClientRequested, NodeId, ReadRequested
from huffleraft.ports import Kind, PeerMessage
from huffleraft.runtime.requests import Request, Requests, overloaded
from huffleraft.settings import NodeSettings


class Intake:
    """Gathers between turns; a turn takes all.

    *unapplied* counts the committed entries that the state machine still lacks; *ring* calls
    for a turn.
    """

    def __init__(
        self,
        requests: Requests,
        settings: NodeSettings,
        unapplied: Callable[[], int],
        ring: Callable[[], None],
    ) -> None:
        self._requests = requests
        self._settings = settings
        self._unapplied = unapplied
        self._ring = ring
        self._messages: list[tuple[NodeId, PeerMessage]] = []
        self._commands: list[Request] = []
        self._command_bytes = 0
        self._reads: list[Request] = []
        self._changes: list[Request] = []

    def offer(self, request: Request) -> None:
        """Take *request* in, or end it now with a refusal."""
        if request.kind is Kind.WRITE and self._is_crowded(request):
            request.finish(overloaded(self._settings))
        elif self._requests.admit(request):
            match request.kind:
                case Kind.WRITE:
                    self._commands.append(request)
                    self._command_bytes += len(request.payload)
                case Kind.READ:
                    self._reads.append(request)
                case Kind.CHANGE | Kind.TRANSFER:
                    self._changes.append(request)
            self._ring()

    def _is_crowded(self, request: Request) -> bool:
        return (
            self._command_bytes + len(request.payload) > self._settings.bytes_waiting
            or self._unapplied() > self._settings.entries_unapplied
        )

    def receive(self, source: NodeId, message: PeerMessage) -> None:
        """Take one message in; lost if too many wait."""
        if len(self._messages) < self._settings.messages_waiting:
            self._messages.append((source, message))
            self._ring()

    def messages(self) -> list[tuple[NodeId, PeerMessage]]:
        """Take all messages, in the order in which they came."""
        messages, self._messages = self._messages, []
        return messages

    def commands(self) -> ClientRequested | None:
        """Take all commands, as one event: one append a peer, one write.

        From now on they may take effect, so a deadline that passes leaves them indefinite.
        """
        if not self._commands:
            return None
        commands, self._commands, self._command_bytes = self._commands, [], 0
        for command in commands:
            command.handed = True
        return ClientRequested(
            tuple((one.ref, one.payload) for one in commands if not one.finished)
        )

    def reads(self) -> ReadRequested | None:
        """Take all reads, as one event: they share one round."""
        if not self._reads:
            return None
        reads, self._reads = self._reads, []
        return ReadRequested(tuple(one.ref for one in reads if not one.finished))

    def changes(self) -> list[Request]:
        """Take all changes of members, and of who leads, in the order in which they came."""
        changes, self._changes = self._changes, []
        return [one for one in changes if not one.finished]
