"""The copy that a node sends to its peers: made when one is needed, shared, and kept for the next.

A copy is worth sending for as long as the log goes on from its index.  So a peer whose stream
was cut is sent the same bytes again, and goes on where it stopped.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass

import anyio

from huffleraft.core.events import SnapshotTaken
from huffleraft.core.log import Snapshot
from huffleraft.core.state import Server
from huffleraft.errors import StorageFull
from huffleraft.ports import SnapshotCopy, Snapshots
from huffleraft.runtime.machines import Machine

_log = logging.getLogger("huffleraft.node")


@dataclass(frozen=True, slots=True)
class Kept:
    """A copy, and what it is the copy of."""

    snapshot: Snapshot
    copy: SnapshotCopy


class Copies:
    """Lends the one copy on its way out.

    *report* tells the core, in a turn to come, that one was taken.
    """

    def __init__(
        self,
        machine: Machine,
        snapshots: Snapshots,
        server: Callable[[], Server],
        *,
        report: Callable[[SnapshotTaken], None],
        without_flushes: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._machine = machine
        self._snapshots = snapshots
        self._server = server
        self._report = report
        self._without_flushes = without_flushes
        self._kept: Kept | None = None
        self._borrowers = 0
        self._choosing = anyio.Lock()
        self._changed: anyio.Event | None = None
        self._full = False

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Kept | None]:
        """A copy from which the server's log goes on; None if there can be none now.

        It stays for as long as the block runs.  Raises StorageFailed.
        """
        async with self._choosing:
            kept = await self._suitable()
            self._borrowers += 1
        try:
            yield kept
        finally:
            self._borrowers -= 1
            self._wake()

    async def read(self, kept: Kept, offset: int, size: int) -> bytes:
        """At most *size* bytes of a copy that is lent, from *offset* on.  Raises StorageFailed."""
        return await self._snapshots.read_copy(kept.copy, offset, size)

    def spoiled(self, kept: Kept) -> None:
        """Lend *kept* no more: a peer found that its bytes are not what they should be."""
        if self._kept is kept:
            self._kept = None

    def after_turn(self) -> None:
        """The server may have changed."""
        self._wake()

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    async def _change(self) -> None:
        if self._changed is None:
            self._changed = anyio.Event()
        await self._changed.wait()

    async def _suitable(self) -> Kept | None:
        if not self._is_of_use(self._kept):
            while self._borrowers:  # the disk holds one copy, and somebody reads it
                await self._change()
        if not self._is_of_use(self._kept):
            self._kept = await self._made()
        return self._kept

    def _is_of_use(self, kept: Kept | None) -> bool:
        return (
            kept is not None and kept.snapshot.last_included_index >= self._server().log.base.index
        )

    async def _made(self) -> Kept | None:
        """A new copy, of an index that the core knows as the snapshot's."""
        if self._machine.last_applied < _included(self._server()):
            return None  # a snapshot from another is still to be restored
        with self._without_flushes():
            try:
                copy = await self._machine.copy()
            except StorageFull as full:
                if not self._full:
                    _log.error("no snapshot can be sent: %s", full)
                self._full = True
                return None
            self._full = False
            self._report(SnapshotTaken(copy.index))
            while _included(self._server()) < copy.index:
                await self._change()
        snapshot = self._server().snapshot
        if snapshot is None or snapshot.last_included_index != copy.index:
            return None  # a later one came in between, and nobody knows this one's term any more
        return Kept(snapshot, copy)


def _included(server: Server) -> int:
    return server.snapshot.last_included_index if server.snapshot else 0
