"""Whoever speaks badly to a node is told so in one sentence, and disturbs nobody else.

One real node hears everything that is rude; between two guests, and at the end, it serves what it
has acknowledged, and it stops with 0 and no traceback.
"""

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from huffleraft.runtime.frames import FRAME_BYTES_MAX, MAGIC, framed
from huffleraft.runtime.handshake import Hello, opening
from tests.cli.nodes import alone, ask, stop
from tests.cli.processes import PATIENCE, Running

pytestmark = pytest.mark.timeout(120)


class Host:
    """A node with one acknowledged write."""

    def __init__(self, running: Running, address: str) -> None:
        self.running = running
        self._url = f"http://{address}/v1/kv/kept"
        host, _, port = address.rpartition(":")
        self._where = (host, int(port))
        assert ask("PUT", self._url, b"acknowledged")[0] == 200
        status = json.loads(ask("GET", f"http://{address}/v1/status")[1])
        self.cluster_id: str = status["cluster_id"]

    def connect(self) -> socket.socket:
        return socket.create_connection(self._where, timeout=PATIENCE)

    def assert_unmoved(self) -> None:
        assert ask("GET", self._url) == (200, b"acknowledged")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with alone(tmp_path_factory.mktemp("host")) as (running, address):
        host = Host(running, address)
        yield host
        host.assert_unmoved()
        stop(running)


def until_closed(stream: socket.socket) -> bytes:
    """All that comes before the other end closes, in whatever way it does."""
    heard = b""
    try:
        while piece := stream.recv(65_536):
            heard += piece
    except ConnectionResetError:  # it closed before it had read all
        pass
    return heard


PUT = b"PUT /v1/kv/kept HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "sent, status, words",
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300), 400, "send HTTP/1.1"),
        (b"GET\r\n\r\n", 400, "send HTTP/1.1"),
        (PUT + b"Content-Length: -1\r\n\r\n", 400, "Content-Length"),
        (PUT + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "cannot be understood"),
        (PUT + b"Content-Length: 99999999999999\r\n\r\n", 413, "1048576 are allowed"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000, 431, "more than 16384 bytes"),
        (b"GET /v1/kv/%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400, "UTF-8"),
    ],
    ids=["TLS", "no target", "length", "chunk", "too long a value", "too long a head", "no text"],
)
def test_a_request_that_cannot_be_served_is_answered_in_one_sentence(
    host: Host, sent: bytes, status: int, words: str
) -> None:
    with host.connect() as guest:
        guest.sendall(sent)
        head, _, body = until_closed(guest).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), head
    problem = json.loads(body)
    assert words in problem["detail"], problem
    assert problem["definite"] is True
    host.assert_unmoved()


@pytest.mark.parametrize(
    "cluster, node_id, version, words",
    [
        ("another", "n2", 1, "n2 belongs to cluster another and n1 to "),
        (None, "n1", 1, "n1 is this node's own id"),
        (None, "n2", 9, "n1 speaks versions 1 of the peer protocol and n2 speaks 9"),
    ],
    ids=["cluster", "id", "version"],
)
def test_a_peer_that_does_not_belong_here_is_told_and_logged(
    host: Host, cluster: str | None, node_id: str, version: int, words: str
) -> None:
    with host.connect() as guest:
        guest.sendall(opening(Hello((version,), cluster or host.cluster_id, node_id, 1)))
        assert words.encode() in until_closed(guest)
    host.running.line(f"WARNING n1 refused {node_id}: {words}")
    host.assert_unmoved()


@pytest.mark.parametrize(
    "sent, words",
    [
        (MAGIC + b"\xff\xff\xff\xff", "a frame announces 4294967295 bytes where at most 4096"),
        (MAGIC + framed(b"\xc1 no hello"), "the first frame is no hello"),
        (
            opening(Hello((1,), "c1", "zz", 1)).replace(b"zz", b"\xff\xfe"),
            "the first frame is no hello: 'utf-8' codec can't decode",
        ),
    ],
    ids=["too long", "malformed", "no text"],
)
def test_a_first_frame_that_is_no_hello_closes_the_connection(
    host: Host, sent: bytes, words: str
) -> None:
    with host.connect() as guest:
        guest.sendall(sent)
        assert until_closed(guest) == b""
    host.running.line(words)
    host.assert_unmoved()


@pytest.mark.parametrize(
    "sent, words",
    [
        ((FRAME_BYTES_MAX + 1).to_bytes(4, "big"), "a frame announces 8388609 bytes"),
        (framed(b"\xc1garbage"), "this is no message of the protocol"),
        (framed(b"\x94\xa7forward\xff\xc3\xc4\x00"), "a forwarded operation cannot be read"),
    ],
    ids=["too long", "malformed", "forward"],
)
def test_a_peer_that_sends_what_no_peer_sends_is_cut_off(
    host: Host, sent: bytes, words: str
) -> None:
    with host.connect() as guest:
        guest.sendall(opening(Hello((1,), host.cluster_id, "n2", 1)))
        assert guest.recv(65_536).startswith(MAGIC)
        guest.sendall(sent)
        until_closed(guest)
    host.running.line(words)
    host.assert_unmoved()


def test_guests_that_hang_in_the_middle_keep_nobody_waiting(host: Host) -> None:
    """Half of everything, on open connections; the last one is given up in words."""
    hello = opening(Hello((1,), host.cluster_id, "n2", 1))
    halves = [b"", b"G", MAGIC[:2], MAGIC, hello[:-3], PUT + b"Content-Length: 9\r\n\r\nhalf"]
    with ExitStack() as hanging:
        for half in halves * 5:
            guest = hanging.enter_context(host.connect())
            guest.sendall(half)
        host.assert_unmoved()
        with host.connect() as slow:
            slow.sendall(PUT)
            assert until_closed(slow).startswith(b"HTTP/1.1 408 ")
        host.assert_unmoved()


def test_a_node_with_hanging_guests_stops_in_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    with alone(tmp_path_factory.mktemp("host")) as (running, address), ExitStack() as hanging:
        host = Host(running, address)
        for half in (b"", MAGIC, PUT, PUT + b"Content-Length: 9\r\n\r\nhalf"):
            guest = hanging.enter_context(host.connect())
            guest.sendall(half)
        host.assert_unmoved()
        running.send(signal.SIGTERM)
        assert running.end(within=5 + 5) == 0, running.report()
