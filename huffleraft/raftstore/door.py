"""The one port of a node: bound before anything is founded, so that its number can be told."""

from __future__ import annotations

import errno
import socket

from huffleraft.errors import ConfigurationInvalid, PortInUse
from huffleraft.naming import split_address

_BACKLOG = 1024
"""Connections that the system holds until they are accepted."""


def bind(address: str) -> socket.socket:
    """Listen on *address*, HOST:PORT; port 0 takes any free one.

    Raises PortInUse, or ConfigurationInvalid where the address is none of this machine's.
    """
    host, port = split_address(address)
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG
        )
        family, kind, protocol, _, place = found[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigurationInvalid(f"cannot listen on {address}: {error}") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(address) from error
        raise ConfigurationInvalid(
            f"cannot listen on {address}: {error.strerror or error}; "
            "name an address of this machine"
        ) from error
    return listening


def bound_address(listening: socket.socket) -> str:
    """Where *listening* really listens, as HOST:PORT."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
