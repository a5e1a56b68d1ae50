"""Whether somebody can follow a leader that stops, as far as its connections tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from huffleraft.core import Leader, NodeId, Server


class Succession:
    """Waits for a successor only while there can be one.

    Where a whole cluster stops at once, or this node is alone, nobody has anything of its staying.
    *server* is the server as it stands; *reaches* says whether a peer is connected.
    """

    def __init__(self, server: Callable[[], Server], reaches: Callable[[NodeId], bool]) -> None:
        self._server = server
        self._reaches = reaches
        self._waiting: anyio.CancelScope | None = None

    @property
    def wanted(self) -> bool:
        """Whether this node leads, and others could elect one of themselves."""
        return isinstance(self._server().role, Leader) and self._possible()

    def _possible(self) -> bool:
        server = self._server()
        others = {voter for voter in server.configuration.electors if voter != server.id}
        connected = {voter for voter in others if self._reaches(voter)}
        return bool(connected) and server.configuration.is_quorum({server.id, *connected})

    @contextmanager
    def while_possible(self) -> Iterator[None]:
        """Run the block until it is done, or until nobody can follow any more."""
        with anyio.CancelScope() as self._waiting:
            yield

    def link_lost(self) -> None:
        """A connection ended: give up where it was one too many."""
        if self._waiting is not None and not self._possible():
            self._waiting.cancel()
