"""One direction of one connection, and the gate of the link that it belongs to.

A stream keeps bytes in the order in which they came, and its end behind them.  It lets them go
while its gate is open, after the gate's delay.  It never drops some and goes on: a stream is
delivered whole up to where it stops, as TCP promises, however cruel the network is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from jepsen_lite.proxy.links import Fate, Link, LinkReport

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAM_BYTES_MAX: Final = 4 << 20
"""A stream that holds this many bytes stops reading until it holds half as many."""


class Source(Protocol):
    """The part of an asyncio transport that a stream reads from."""

    def pause_reading(self) -> None:
        """Read no more for now."""

    def resume_reading(self) -> None:
        """Read again."""


class Sink(Protocol):
    """The part of an asyncio transport that a stream writes to."""

    def write(self, data: bytes) -> None:
        """Send *data*, now or when there is room."""

    def write_eof(self) -> None:
        """Say that no more will come, once all is sent."""

    def close(self) -> None:
        """Send what is left, then close."""


class Gate:
    """The state and the counts of one directed link; its streams ask it whether they may go."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.is_cut = False
        self.delay = 0.0
        self.connections = self.resets = 0
        self.bytes_passed = self.bytes_held = self.bytes_delayed = 0
        self._streams: dict[Stream, None] = {}  # ordered, so that one seed resets in one order

    def enter(self, stream: Stream) -> None:
        """*stream* is part of this link from now on."""
        self._streams[stream] = None

    def leave(self, stream: Stream) -> None:
        """*stream* has come to its end."""
        self._streams.pop(stream, None)

    def cut(self) -> None:
        """Hold everything from now on."""
        self.is_cut = True

    def heal(self, fate: Fate) -> None:
        """Carry again.  What was held goes on, or its connections are reset, by *fate*."""
        if not self.is_cut:
            return
        self.is_cut = False
        for stream in self._standing():
            if fate is Fate.RESET and stream.holds:
                self.resets += 1
                stream.reset_connection()
            else:
                stream.pump()

    def slow_down(self, seconds: float) -> None:
        """What comes from now on arrives *seconds* later; 0 lets all go that waits for that."""
        self.delay = seconds
        for stream in self._standing():
            stream.pump()

    def report(self) -> LinkReport:
        """What was counted."""
        return LinkReport(
            link=self.link,
            connections=self.connections,
            resets=self.resets,
            bytes_passed=self.bytes_passed,
            bytes_held=self.bytes_held,
            bytes_delayed=self.bytes_delayed,
        )

    def _standing(self) -> Iterator[Stream]:
        return iter(tuple(self._streams))


class Stream:
    """Bytes on their way from *source* to a sink that may not be connected yet.

    *open_sink* is called once, when the first byte may go: a network that is cut lets nobody
    learn that a connection was tried.  *reset_connection* ends both directions at once, and
    *ended* is called when the last of this stream has been handed to the sink.
    """

    def __init__(
        self,
        gate: Gate,
        source: Source,
        *,
        open_sink: Callable[[], None],
        reset_connection: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        self._gate = gate
        self._source = source
        self._sink: Sink | None = None
        self._open_sink: Callable[[], None] | None = open_sink
        self.reset_connection = reset_connection
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._size = 0
        self._end: float | None = None  # when it may be told; behind all that waits
        self._source_lost = False
        self._sink_full = False
        self._source_paused = False
        self._alarm: asyncio.TimerHandle | None = None
        self.is_done = False
        gate.enter(self)

    @property
    def holds(self) -> bool:
        """Whether anything waits here: bytes, or the news of the end."""
        return not self.is_done and (bool(self._waiting) or self._end is not None)

    def attach(self, sink: Sink) -> None:
        """The sink is connected."""
        self._sink = sink
        self.pump()

    def feed(self, data: bytes) -> None:
        """*data* came from the source."""
        if self.is_done:
            return
        if self._gate.is_cut:
            self._gate.bytes_held += len(data)
        if self._gate.delay:
            self._gate.bytes_delayed += len(data)
        self._waiting.append((self._due(), data))
        self._size += len(data)
        self.pump()
        if self._size >= STREAM_BYTES_MAX and not self._source_paused:
            self._source_paused = True
            self._source.pause_reading()

    def end(self, *, source_lost: bool = False) -> None:
        """No more will come.  *source_lost*: nor can the source be told anything."""
        self._source_lost = self._source_lost or source_lost
        if self._end is None:
            self._end = self._due()
        self.pump()

    def abandon(self) -> None:
        """Nobody is there to take what is left."""
        self._waiting.clear()
        self._size = 0
        self._finish()

    def sink_full(self) -> None:
        """The sink takes no more for now."""
        self._sink_full = True

    def sink_drained(self) -> None:
        """The sink takes more."""
        self._sink_full = False
        self.pump()

    def pump(self) -> None:
        """Hand on what may go now, in order."""
        if not self.holds or self._gate.is_cut or self._sink_full:
            return
        if self._sink is None:
            self._ask_for_sink()
            return
        while self._waiting:
            due, data = self._waiting[0]
            if not self._may_go(due) or self._sink_full:
                return
            self._waiting.popleft()
            self._size -= len(data)
            self._gate.bytes_passed += len(data)
            self._sink.write(data)
        if self._source_paused and self._size <= STREAM_BYTES_MAX // 2:
            self._source_paused = False
            self._source.resume_reading()
        if self._end is not None and self._may_go(self._end):
            self._tell_end(self._sink)

    def _ask_for_sink(self) -> None:
        if self._open_sink is not None:
            open_sink, self._open_sink = self._open_sink, None
            open_sink()

    def _due(self) -> float:
        return self._loop.time() + self._gate.delay

    def _may_go(self, due: float) -> bool:
        """Whether what is due then may go now; if not, `pump` is called when it may."""
        if not self._gate.delay or due <= self._loop.time():
            return True
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(due, self.pump)
        return False

    def _tell_end(self, sink: Sink) -> None:
        if self._source_lost:
            sink.close()
        else:
            with suppress(OSError):  # it was reset meanwhile: there is nobody left to tell
                sink.write_eof()
        self._finish()

    def _finish(self) -> None:
        if self.is_done:
            return
        self.is_done = True
        if self._alarm is not None:
            self._alarm.cancel()
        self._gate.leave(self)
        self._ended()
