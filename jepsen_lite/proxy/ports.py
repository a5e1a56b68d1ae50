"""A block of ports that is ours for a whole run, below those that kernels hand out.

A port above that line could be drawn by any outgoing connection while a node is down; the node's
address would then lead to somebody else.  So each port is kept bound, also while nobody listens
on it: whoever connects meanwhile is refused, and nobody else can take it by accident.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

LOWEST: Final = 18_000
EPHEMERAL_DEFAULT: Final = 32_768
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


class NoFreePorts(RuntimeError):  # noqa: N818  # a fact is named for what happened
    """No block of neighbouring ports is free below the ephemeral range."""

    def __init__(self, count: int, highest: int) -> None:
        super().__init__(
            f"no {count} neighbouring ports are free between {LOWEST} and {highest} on 127.0.0.1; "
            "stop what listens there"
        )


def first_ephemeral_port() -> int:
    """The lowest port that the kernel hands out to outgoing connections."""
    try:
        return int(_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return EPHEMERAL_DEFAULT


def keep_ports(count: int) -> tuple[socket.socket, ...]:
    """Bind *count* neighbouring ports and listen on none.  Raises NoFreePorts.

    The search begins at a place of this process's own, so that runs side by side seldom meet.
    """
    highest = min(first_ephemeral_port(), 65_536)
    places = range(LOWEST, highest - count, count)
    offset = os.getpid() * 7 % max(len(places), 1)
    for step in range(len(places)):
        block = _keep(places[(offset + step) % len(places)], count)
        if block:
            return block
    raise NoFreePorts(count, highest)


def listen_on(keeper: socket.socket) -> socket.socket:
    """A listening socket on the port that *keeper* keeps."""
    sock = _socket()
    sock.bind(keeper.getsockname())
    sock.listen(128)
    return sock


def _keep(first: int, count: int) -> tuple[socket.socket, ...]:
    block: list[socket.socket] = []
    for port in range(first, first + count):
        # Whoever listens there without sharing would let us bind, so ask first whether it can be
        # had alone; only then bind it so that our own listener can stand beside it.
        alone = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        keeper = _socket()
        try:
            alone.bind(("127.0.0.1", port))
            alone.close()
            keeper.bind(("127.0.0.1", port))
        except OSError:
            for sock in (*block, keeper):
                sock.close()
            return ()
        finally:
            alone.close()
        block.append(keeper)
    return tuple(block)


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    return sock
