"""What may be the name of a node, and what an address that others can dial.

One rule for whoever names them: the list of founders, a newcomer's seeds, and a request that
somebody be let in.
"""

from __future__ import annotations

import re
import socket
from ipaddress import ip_address
from typing import Final

from huffleraft.errors import ConfigurationInvalid

NODE_ID: Final = r"[A-Za-z0-9_.-]{1,64}"
"""A node id, as a pattern: what needs no quoting in a URL, a file name or a log."""

ADDRESS_BYTES_MAX: Final = 300
"""Characters of HOST:PORT: a host name has 253 at most."""

_NODE_ID = re.compile(NODE_ID)
_HOST = re.compile(r"[A-Za-z0-9_.:-]+")


def check_node_id(node_id: str) -> None:
    """Refuse what cannot be a node id.  Raises ConfigurationInvalid."""
    if not _NODE_ID.fullmatch(node_id):
        shown = repr(node_id if len(node_id) <= 80 else node_id[:77] + "...")
        raise ConfigurationInvalid(
            f"{shown} cannot be a node id; use 1 to 64 letters, digits, '_', '.' or '-'"
        )


def check_advertised(address: str) -> None:
    """Refuse what others could not dial: HOST:PORT is expected, and a host that names one."""
    host, port = split_address(address)
    if not _HOST.fullmatch(host):
        raise ConfigurationInvalid(
            f"{address!r} cannot be advertised: a host name or an IP address is expected before "
            "the port, as in 10.0.0.1:7000"
        )
    if _is_unspecified(host):
        raise ConfigurationInvalid(
            f"{address!r} names no machine, so nobody could dial it; advertise an address at "
            "which the others reach this node"
        )
    if port == 0:
        raise ConfigurationInvalid(
            f"{address!r} has no port, so nobody could dial it; name the one to listen on"
        )


def _is_unspecified(host: str) -> bool:
    """Whether *host* means "all of this machine's addresses", in any spelling of it."""
    try:
        ip = ip_address(host)
    except ValueError:
        try:
            return socket.inet_aton(host) == bytes(4)  # as "0", which resolvers take for 0.0.0.0
        except OSError:
            return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return ip.is_unspecified or (mapped is not None and mapped.is_unspecified)


def split_address(address: str) -> tuple[str, int]:
    """Host and port of HOST:PORT; IPv6 hosts stand in brackets.  Raises ConfigurationInvalid."""
    host, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ConfigurationInvalid(
            f"{address!r} is no address; HOST:PORT is expected, as in 127.0.0.1:7000"
        )
    return host.removeprefix("[").removesuffix("]"), int(port)
