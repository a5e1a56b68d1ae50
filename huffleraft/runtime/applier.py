"""The one queue of `Apply`, `Restore`, `Reply` and `ReadReady`, and who works it off (O1).

An answer stands behind the `Apply` it rests on, so by the time it is given the state machine
holds what it speaks of.  The node's own task never waits for the state machine.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeAlias, assert_never

import anyio
import anyio.lowlevel

from huffleraft.core.configuration import Configuration
from huffleraft.core.effects import Apply, Committed, ReadReady, Reply, Restore
from huffleraft.core.log import Entry, Snapshot
from huffleraft.core.types import LogIndex, Term
from huffleraft.errors import HuffleraftError, StorageFailed, StorageFull
from huffleraft.runtime.bell import Bell
from huffleraft.runtime.machines import Machine
from huffleraft.settings import NodeSettings

_log = logging.getLogger("huffleraft.node")

Queued: TypeAlias = Apply | Restore | Reply | ReadReady

_AT_ONCE = 256
"""Entries applied between two moments at which other tasks may run."""


class Applier:
    """Works off one node's queue, in order (O1).

    *answer* is called for each `Reply`, with the result where the command was committed, and
    for each `ReadReady`; *tell* when members changed, or the machine failed.  *without_flushes* is
    entered while the machine is restored, for a flush would wait for that, and the log for the
    flush.
    """

    def __init__(
        self,
        machine: Machine,
        settings: NodeSettings,
        *,
        answer: Callable[[Reply | ReadReady, bytes], None],
        tell: Callable[[], None],
        without_flushes: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._machine = machine
        self._settings = settings
        self._answer = answer
        self._tell = tell
        self._without_flushes = without_flushes
        self._queue: deque[Queued] = deque()
        self._bell = Bell()
        self._idle: anyio.Event | None = None
        # Of the last entries applied: where they begin, and the result of each.
        self._first: LogIndex = 0
        self._results: Sequence[bytes] = ()
        self.bytes_applied = 0
        """Bytes of commands applied since the start."""
        self.installs = 0
        """Snapshots of others that have replaced the machine's state since the start."""
        self.failure: HuffleraftError | None = None
        """Why nothing is applied any more; None while it is."""

    def put(self, effect: Queued) -> None:
        """Add *effect* at the end; `release` lets it be worked on."""
        self._queue.append(effect)

    def release(self) -> None:
        """Let what was put be worked off."""
        if self._queue:
            self._bell.ring()

    async def run(self) -> None:
        """Work the queue off until cancelled, or until the machine fails."""
        while True:
            await self._bell.wait()
            try:
                await self._work_off()
            except HuffleraftError as failure:
                self.failure = failure
            except Exception as failure:  # noqa: BLE001  # nobody knows its state now
                self.failure = StorageFailed(f"applying: {type(failure).__name__}: {failure}")
                self.failure.__cause__ = failure
            if self._idle is not None:
                self._idle.set()
            if self.failure is not None:
                self._tell()
                return

    async def drained(self) -> None:
        """Return once all that was put is worked off, or never will be."""
        if self._queue and self.failure is None:
            self._idle = anyio.Event()
            self._bell.ring()
            await self._idle.wait()

    async def _work_off(self) -> None:
        while self._queue:
            effect = self._queue.popleft()
            match effect:
                case Apply(entries):
                    await self._apply(entries)
                    if any(isinstance(entry.payload, Configuration) for entry in entries):
                        self._tell()  # this node may have left by it
                    self.bytes_applied += sum(entry.size for entry in entries)
                case Restore(snapshot):
                    await self._restore(snapshot)
                case Reply(outcome=Committed(index=index)):
                    self._answer(effect, self._result_at(index))
                case Reply() | ReadReady():
                    self._answer(effect, b"")
                case _:
                    assert_never(effect)

    def _result_at(self, index: LogIndex) -> bytes:
        """The result of the entry at *index*, which was applied just now.

        Whoever wants the members that there are already is told where their configuration stands:
        that may be long ago, and it has no result.
        """
        return self._results[index - self._first] if index >= self._first else b""

    async def _apply(self, entries: tuple[Entry, ...]) -> None:
        """Apply *entries*, a long run in parts: the node must not miss a heartbeat for it."""
        if len(entries) <= _AT_ONCE:
            results = await self._machine.apply(entries)
            self._first, self._results = entries[0].index, results
            return
        gathered: list[bytes] = []
        for start in range(0, len(entries), _AT_ONCE):
            gathered.extend(await self._machine.apply(entries[start : start + _AT_ONCE]))
            await anyio.lowlevel.checkpoint()
        self._first, self._results = entries[0].index, gathered

    async def _restore(self, snapshot: Snapshot) -> None:
        """Replace the machine's state; while the disk is full, again and again (W13)."""
        complained = False
        with self._without_flushes():
            while True:
                try:
                    await self._machine.restore(snapshot)
                except StorageFull as full:
                    if not complained:
                        _log.error(
                            "the snapshot at %d waits: %s", snapshot.last_included_index, full
                        )
                    complained = True
                    await anyio.sleep(self._settings.storage_retry)
                else:
                    break
        self.installs += 1
        _log.info("installed the snapshot that ends with entry %d of term %d", *_facts(snapshot))
        self._tell()


def _facts(snapshot: Snapshot) -> tuple[LogIndex, Term]:
    return snapshot.last_included_index, snapshot.last_included_term
