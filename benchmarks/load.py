"""A closed loop of clients on raw sockets: one request in flight each, from one selector.

The requests are prepared before the first is sent, so that what the generator burns on the cores
it shares with the nodes is as little as can be; and every answer is looked at, because a fast
node that answers nonsense is easy to build.
"""

from __future__ import annotations

import selectors
import socket
import time
from dataclasses import dataclass, field


class Wrong(Exception):  # noqa: N818  # a fact is named for what happened
    """An answer that was not the one asked for; the figures would mean nothing."""


@dataclass(slots=True)
class _Client:
    connection: socket.socket
    requests: list[bytes]
    turn: int = 0
    sent_at: float = 0.0
    received: bytes = b""


@dataclass(slots=True)
class Measured:
    """What a load came to.  Seconds."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    generator_cpu: float = 0.0

    @property
    def operations(self) -> int:
        """How many were answered within the measured time."""
        return len(self.latencies)

    def percentile(self, share: float) -> float:
        """The latency that *share* of all operations stayed within."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def put(host: str, key: int, value: bytes) -> bytes:
    """A prepared set."""
    return b"PUT /v1/kv/bench%%2F%06d HTTP/1.1\r\nHost: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        key,
        host.encode(),
        len(value),
        value,
    )


def get(host: str, key: int) -> bytes:
    """A prepared get."""
    return b"GET /v1/kv/bench%%2F%06d HTTP/1.1\r\nHost: %b\r\n\r\n" % (key, host.encode())


class Load:
    """Connections to *address*, each with its own prepared *requests*.

    Each is used as soon as it is opened: a node keeps few that have not said what they are.
    """

    def __init__(self, address: str, requests: list[list[bytes]]) -> None:
        host, _, port = address.rpartition(":")
        self._selector = selectors.DefaultSelector()
        self._clients: list[_Client] = []
        for prepared in requests:
            connection = socket.create_connection((host, int(port)))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = _Client(connection, prepared)
            self._clients.append(client)
            _send(client)
            while not _receive(client, None):
                pass
            connection.setblocking(False)
            self._selector.register(connection, selectors.EVENT_READ, client)

    def __len__(self) -> int:
        return len(self._clients)

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            client.connection.close()
        self._selector.close()

    def run(self, seconds: float, *, body_bytes: int | None) -> Measured:
        """Keep every client busy for *seconds*, then let the last answers come.

        *body_bytes* is the length that every answer's body must have; None means any.
        """
        measured = Measured()
        latencies = measured.latencies
        cpu, begin = time.process_time(), time.perf_counter()
        end = begin + seconds
        for client in self._clients:
            _send(client)
        outstanding = len(self._clients)
        while outstanding:
            for key, _ in self._selector.select(timeout=10):
                client = key.data
                if not _receive(client, body_bytes):
                    continue
                now = time.perf_counter()
                if now < end:
                    latencies.append(now - client.sent_at)
                    _send(client)
                else:
                    outstanding -= 1
            if time.perf_counter() > end + 10:
                raise Wrong(f"{outstanding} requests were never answered")
        measured.seconds = time.perf_counter() - begin
        measured.generator_cpu = time.process_time() - cpu
        return measured

    def send_each_once(self, requests: list[bytes]) -> None:
        """Send all of *requests*, shared among the clients."""
        shares = [requests[start :: len(self._clients)] for start in range(len(self._clients))]
        for turn in range(max(len(share) for share in shares)):
            busy = 0
            for client, share in zip(self._clients, shares, strict=True):
                if turn < len(share):
                    client.connection.send(share[turn])
                    busy += 1
            while busy:
                for key, _ in self._selector.select(timeout=10):
                    busy -= _receive(key.data, None)


def _send(client: _Client) -> None:
    request = client.requests[client.turn % len(client.requests)]
    client.turn += 1
    client.sent_at = time.perf_counter()
    sent = client.connection.send(request)
    while sent < len(request):  # only values larger than the socket's buffer come here
        client.connection.setblocking(True)
        sent += client.connection.send(request[sent:])
        client.connection.setblocking(False)


def _receive(client: _Client, body_bytes: int | None) -> bool:
    """Whether a whole answer has come; raises Wrong for one that is no success."""
    received = client.connection.recv(1 << 16)
    if not received:
        raise Wrong("the node closed a connection")
    if client.received:
        received = client.received + received
    head = received.find(b"\r\n\r\n")
    if head < 0:
        client.received = received
        return False
    if not received.startswith(b"HTTP/1.1 200 "):
        raise Wrong(f"the node answered {received[:300]!r}")
    at = received.find(b"\r\nContent-Length: ", 0, head + 2) + 18
    length = int(received[at : received.index(b"\r\n", at)])
    if body_bytes is not None and length != body_bytes:
        raise Wrong(f"a value of {length} bytes came where {body_bytes} were set")
    if len(received) < head + 4 + length:
        client.received = received
        return False
    client.received = b""
    return True
