"""Group commit: while one transaction becomes durable, the next gathers.

A sync costs the same for one write and for a hundred, so the number of writes in a transaction
is the main lever on what a command costs.  Nothing is held back for it: whatever the core asked
to write during the last sync goes together into the next.

A full disk makes writes late, not failed (W13): the same batch is offered again, in order, at a
bounded pace.  Anything else is fatal, and the core is told.  The state machine's own flush goes
through here too, between transactions.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

import anyio

from huffleraft.core.effects import Persist
from huffleraft.core.types import WriteNumber
from huffleraft.errors import HuffleraftError, StorageFailed, StorageFull
from huffleraft.ports import Storage
from huffleraft.runtime.bell import Bell
from huffleraft.runtime.machines import Machine
from huffleraft.settings import NodeSettings

_log = logging.getLogger("huffleraft.node")


class Writer:
    """Makes one node's writes durable, in order, and says how far they are.

    *tell* is called whenever `durable` has risen, the machine was flushed, or `failure` is set.
    """

    def __init__(
        self,
        storage: Storage,
        machine: Machine,
        settings: NodeSettings,
        tell: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._machine = machine
        self._settings = settings
        self._tell = tell
        self._gathered: list[Persist] = []
        self._flush_wanted = False
        self._flushes_held = 0
        self._bell = Bell()
        self._full = False
        self.durable: WriteNumber = 0
        """The newest write that is durable, with all before it."""
        self.failure: HuffleraftError | None = None
        """Why nothing becomes durable any more; None while it does."""

    def gather(self, write: Persist) -> None:
        """Add *write* to the next transaction; `release` lets it begin."""
        self._gathered.append(write)

    def want_flush(self) -> None:
        """Flush the state machine after the next transaction, even if it needs none yet."""
        self._flush_wanted = True
        self._bell.ring()

    @contextmanager
    def without_flushes(self) -> Iterator[None]:
        """Begin no flush while the block runs: it would wait for the machine, and the log for it.

        A machine that is copied or replaced as a whole is busy for as long as that takes.
        """
        self._flushes_held += 1
        try:
            yield
        finally:
            self._flushes_held -= 1
            self._bell.ring()

    def release(self) -> None:
        """Let what was gathered be written."""
        if self._gathered:
            self._bell.ring()

    async def run(self) -> None:
        """Write and flush until cancelled, or until the storage fails."""
        while self.failure is None:
            await self._bell.wait()
            while self._gathered:
                batch, self._gathered = self._gathered, []
                if not await self._patiently(partial(self._storage.write, batch)):
                    return
                self.durable = batch[-1].write
                self._tell()
                # Between any two: under load there is no end at which it could be done.
                if not await self._flush_if_called_for():
                    return
            if not await self._flush_if_called_for():
                return

    async def _flush_if_called_for(self) -> bool:
        """Flush the state machine where that is due; False if the storage failed."""
        if self._flushes_held or not (self._flush_wanted or self._machine.needs_flush):
            return True
        self._flush_wanted = False
        flushed = await self._patiently(self._machine.flush)
        self._tell()
        return flushed

    async def _patiently(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Do *work*, again and again while the disk is full; False if the storage failed."""
        while True:
            try:
                await work()
            except StorageFull as full:
                self._note_full(full)
                await anyio.sleep(self._settings.storage_retry)
            except HuffleraftError as failure:
                self._fail(failure)
                return False
            except Exception as failure:  # noqa: BLE001  # nobody knows what is durable now
                _log.exception("the storage raised what it should not")
                self._fail(StorageFailed(f"{type(failure).__name__}: {failure}"))
                return False
            else:
                self._full = False
                return True

    def _note_full(self, full: StorageFull) -> None:
        if not self._full:
            self._full = True
            _log.error("%s", full)

    def _fail(self, failure: HuffleraftError) -> None:
        self.failure = failure
        self._tell()
