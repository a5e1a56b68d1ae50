"""The one port: every connection is accepted here, and its first bytes decide whose it is.

Three bounds keep a node whole whoever calls.  Clients are limited in number, and one more is
told so.  Connections that have said nothing yet are limited apart from them, so that no crowd of
clients keeps a peer out.  And one sweeper ends all that waits too long, which costs nothing a
request: a cancel scope a read would be dearer than the parsing.
"""

from __future__ import annotations

import errno
import ipaddress
import logging
import time
from typing import Final

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketListener, TaskGroup, TaskStatus

from huffleraft.http.accepting import accepted
from huffleraft.http.api import StoreApi
from huffleraft.http.front import Front
from huffleraft.http.limits import DoorSettings
from huffleraft.http.parsers import HttptoolsParser, MakeParser
from huffleraft.http.visit import ServePeer, Visit
from huffleraft.runtime.frames import MAGIC

_log = logging.getLogger("huffleraft.http")

_FULL: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE_WHEN_FULL: Final = 0.1
_SWEEPS_A_DEADLINE: Final = 8
_SWEEP_MAX: Final = 0.5


class Listener:
    """Serves one port: clients by *api*, peers by *serve_peer*."""

    def __init__(
        self,
        api: StoreApi,
        serve_peer: ServePeer,
        *,
        settings: DoorSettings | None = None,
        make_parser: MakeParser = HttptoolsParser,
    ) -> None:
        self._front = Front(api)
        self._serve_peer = serve_peer
        self._settings = settings or DoorSettings()
        self._make_parser = make_parser
        self._strangers: set[Visit] = set()
        self._clients: set[Visit] = set()
        self._accepting = anyio.CancelScope()
        self._stopping = False
        self._none_left: anyio.Event | None = None

    @property
    def clients(self) -> int:
        """How many HTTP connections there are."""
        return len(self._clients)

    async def serve(
        self, listener: SocketListener, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Accept connections from *listener*, and serve them until cancelled.

        After `stop` it accepts nothing more, and goes on with the peers it has.
        """
        _warn_if_open(listener)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(self._sweep, name="sweeper of connections")
            task_status.started()
            with self._accepting:
                await self._accept(listener, tasks)
            await listener.aclose()
            await anyio.sleep_forever()

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109  # then they are cut off
        """Take no more connections; let each client have the answer under way, and close it.

        Whoever has none after *timeout* seconds is cut off.  Peers stay: an answer may hang on
        them.
        """
        self._stopping = True
        self._accepting.cancel()
        for stranger in self._strangers:
            stranger.end()
        for client in self._clients:
            client.leave()
        with anyio.move_on_after(timeout):
            while self._clients:
                self._none_left = anyio.Event()
                await self._none_left.wait()
        for client in self._clients:
            client.end()

    async def _accept(self, listener: SocketListener, tasks: TaskGroup) -> None:
        full = False
        while True:
            try:
                stream = await accepted(listener)
            except OSError as error:
                if error.errno not in _FULL:
                    continue  # this one was gone before it was taken
                if not full:
                    _log.warning("no connection can be accepted now: %s", error)
                full = True
                await anyio.sleep(_PAUSE_WHEN_FULL)
                continue
            full = False
            if len(self._strangers) >= self._settings.strangers:
                await anyio.aclose_forcefully(stream)
                continue
            tasks.start_soon(self._serve, stream, name="connection")

    async def _serve(self, stream: ByteStream) -> None:
        visit = Visit(
            stream, front=self._front, settings=self._settings, make_parser=self._make_parser
        )
        try:
            self._strangers.add(visit)
            try:
                received = await visit.first_bytes()
            finally:
                self._strangers.discard(visit)
            if received.startswith(MAGIC):
                await self._serve_peer(stream, received)
            elif received and not self._stopping:
                await self._serve_client(visit, received)
        except Exception:  # noqa: BLE001  # whatever it is
            # One connection's mistake is not the others': told, and closed.
            _log.exception("a mistake of ours; the connection is closed")
        finally:
            await anyio.aclose_forcefully(stream)

    async def _serve_client(self, visit: Visit, received: bytes) -> None:
        if len(self._clients) >= self._settings.connections:
            self._strangers.add(visit)
            try:
                await visit.turn_away()
            finally:
                self._strangers.discard(visit)
            return
        self._clients.add(visit)
        try:
            await visit.run(received)
        finally:
            self._clients.discard(visit)
            if not self._clients and self._none_left is not None:
                self._none_left.set()

    async def _sweep(self) -> None:
        settings = self._settings
        shortest = min(
            settings.head_timeout,
            settings.body_timeout,
            settings.send_timeout,
            settings.idle_timeout,
            settings.linger,
        )
        interval = min(_SWEEP_MAX, shortest / _SWEEPS_A_DEADLINE)
        while True:
            await anyio.sleep(interval)
            now = time.monotonic()
            for visit in (*self._strangers, *self._clients):
                if visit.is_overdue(now):
                    visit.end()


def _warn_if_open(listener: SocketListener) -> None:
    """Say once, where it is so, that others than this machine's own programs can reach us."""
    host = listener.extra(SocketAttribute.local_address)[0]  # noqa: S610  # no Django here
    if not ipaddress.ip_address(str(host).partition("%")[0]).is_loopback:
        _log.warning(
            "listening on %s, beyond this machine, and there is no authentication yet: whoever "
            "reaches this port can read and write everything",
            host,
        )
