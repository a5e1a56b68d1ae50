"""How a step of an operation is taken: by a task, and by a thread.

Either keeps the whole of a request within its seconds, an answer that drips in byte by byte
included.  A task's scope does that; a thread has only timeouts of single reads and writes, so
under `new_http` each of those is given what is left of the whole.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any, Final

import anyio
import httpcore2
import httpx2

from huffleraft.client.asking import Heard, foreign, heard_of, lost
from huffleraft.client.operation import Send
from huffleraft.kv.limits import VALUE_BYTES_MAX

_ANSWER_BYTES_MAX: Final = 8 * VALUE_BYTES_MAX
"""The longest answer: a mebibyte of keys in JSON, which may take six bytes for one."""

_CONNECT_SECONDS: Final = 1.0

_CONNECTIONS: Final = 100
"""Connections of one client at once; one more operation waits for one of them."""


def _request(http: httpx2.Client | httpx2.AsyncClient, send: Send) -> httpx2.Request:
    return http.build_request(
        send.what.method,
        f"http://{send.endpoint}/",
        content=send.what.body or None,
        headers=dict(send.what.headers),
        # The target goes out as it is: a URL library would tidy up a key like `..`.
        extensions={"target": send.what.target},
    )


def _endless(endpoint: str) -> Heard:
    return foreign(endpoint, "the answer has no end")


# By a task.


def new_async_http() -> httpx2.AsyncClient:
    """A pool of connections: no redirect, repeat or proxy of its own."""
    return httpx2.AsyncClient(
        transport=httpx2.AsyncHTTPTransport(
            verify=False, trust_env=False, limits=httpx2.Limits(max_connections=_CONNECTIONS)
        ),
        timeout=httpx2.Timeout(None, connect=_CONNECT_SECONDS),
        trust_env=False,
        follow_redirects=False,
    )


async def ask_async(http: httpx2.AsyncClient, send: Send) -> Heard:
    """Take the step *send*."""
    try:
        with anyio.fail_after(send.seconds):
            return await _exchange_async(http, send)
    except Exception as error:  # noqa: BLE001  # what is none of the connection's is raised again
        return lost(send.endpoint, error, send.seconds)


async def _exchange_async(http: httpx2.AsyncClient, send: Send) -> Heard:
    response = await http.send(_request(http, send), stream=True)
    body = bytearray()
    try:
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > _ANSWER_BYTES_MAX:
                return _endless(send.endpoint)
    finally:
        with anyio.CancelScope(shield=True):
            await response.aclose()
    return heard_of(send.endpoint, response, bytes(body))


# By a thread.


class _Deadline(threading.local):
    """Until when the calling thread's request may take, on the monotonic clock."""

    at = 0.0

    @property
    def left(self) -> float:
        """Seconds; a socket's timeout may not be 0, which would mean not to wait at all."""
        return max(self.at - time.monotonic(), 1e-6)


class _Stream(httpcore2.NetworkStream):
    """A connection on which each read and write may take what is left of the whole request."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._deadline.left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._deadline.left)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore2.SyncBackend):
    """Makes such connections."""

    def __init__(self, deadline: _Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        seconds = min(_CONNECT_SECONDS, self._deadline.left)
        stream = super().connect_tcp(host, port, seconds, local_address, socket_options)
        return _Stream(stream, self._deadline)


class _Transport(httpx2.HTTPTransport):
    """The ordinary transport, over connections that know the deadline."""

    def __init__(self, deadline: _Deadline) -> None:
        super().__init__(verify=False, trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            max_connections=_CONNECTIONS, network_backend=_Backend(deadline)
        )


class Http:
    """A pool of connections for threads: no redirect, repeat or proxy of its own."""

    def __init__(self) -> None:
        self._deadline = _Deadline()
        self._http = httpx2.Client(
            transport=_Transport(self._deadline), trust_env=False, follow_redirects=False
        )

    def ask(self, send: Send) -> Heard:
        """Take the step *send*."""
        self._deadline.at = time.monotonic() + send.seconds
        try:
            return self._exchange(send)
        except Exception as error:  # noqa: BLE001  # as above
            return lost(send.endpoint, error, send.seconds)

    def _exchange(self, send: Send) -> Heard:
        request = _request(self._http, send)
        request.extensions["timeout"] = {"pool": send.seconds}
        response = self._http.send(request, stream=True)
        body = bytearray()
        try:
            for piece in response.iter_raw():
                body += piece
                if len(body) > _ANSWER_BYTES_MAX:
                    return _endless(send.endpoint)
        finally:
            response.close()
        return heard_of(send.endpoint, response, bytes(body))

    def close(self) -> None:
        """Close all connections."""
        self._http.close()
