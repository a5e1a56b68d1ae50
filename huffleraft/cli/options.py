"""What a user types, as values: ids, addresses, founders, time limits.

Everything is checked here, once, before anything is opened or written.  What cannot be read
raises `UnreadableError`, which the command line shows as a usage error (exit 2); what can be
read but cannot work raises `ConfigurationInvalid` (exit 16).  Either is one sentence that says
what was wrong and what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar

import typer

from huffleraft.errors import ConfigurationInvalid
from huffleraft.naming import NODE_ID

T = TypeVar("T")

_NODE_ID = re.compile(NODE_ID)
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?")
_PORT = re.compile(r"[0-9]{1,5}")
_MILLISECONDS = re.compile(r"([0-9]{1,7})-([0-9]{1,7})")


class UnreadableError(ValueError):
    """A text that is not in the form its option asks for."""


def readable(parse: Callable[[str], T]) -> Callable[[str], T]:
    """*parse* as typer wants it: what cannot be read is a usage error."""

    def read(text: str) -> T:
        try:
            return parse(text)
        except UnreadableError as error:
            raise typer.BadParameter(str(error)) from None

    return read


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port; printed as ``host:port``, or ``[host]:port`` for IPv6."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_unspecified(self) -> bool:
        """Whether this means "every interface" and so is no place to send anything to."""
        try:
            ip = ip_address(self.host)
        except ValueError:
            return False
        mapped = getattr(ip, "ipv4_mapped", None)
        return ip.is_unspecified or (mapped is not None and mapped.is_unspecified)


def parse_node_id(text: str) -> str:
    """A node id: 1 to 64 characters that need no quoting in a URL, a file name or a log."""
    if not _NODE_ID.fullmatch(text):
        raise UnreadableError(
            f"{_shown(text)} is not a node id: expected 1 to 64 characters out of "
            "A-Z a-z 0-9 . _ -, such as n1"
        )
    return text


def parse_address(text: str) -> Address:
    """An address to listen on: HOST:PORT, where port 0 takes any free one."""
    host, colon, port = text.rpartition(":")
    if not colon or not _PORT.fullmatch(port) or int(port) > 65_535:
        raise UnreadableError(
            f"{_shown(text)} is not an address: expected HOST:PORT with a port from 0 to 65535, "
            "such as 127.0.0.1:7201 or [::1]:7201"
        )
    return Address(_host(host, text), int(port))


def _host(host: str, text: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        inside = host[1:-1]
        try:
            if ip_address(inside).version == 6 and "%" not in inside:
                return inside
        except ValueError:
            pass
        raise UnreadableError(
            f"{_shown(text)} is not an address: expected an IPv6 address between the brackets, "
            "such as [::1]:7201"
        )
    if ":" in host:
        raise UnreadableError(
            f"{_shown(text)} is not an address: an IPv6 address stands in brackets, "
            "such as [::1]:7201"
        )
    if not _HOST_NAME.fullmatch(host):
        raise UnreadableError(
            f"{_shown(text)} is not an address: expected a host name or an IP address before "
            "the port, such as 127.0.0.1:7201"
        )
    return host


@dataclass(frozen=True, slots=True)
class Addresses:
    """Nodes to ask, in the order in which they were named."""

    each: tuple[str, ...]

    def __str__(self) -> str:
        return ",".join(self.each)


def parse_addresses(text: str) -> Addresses:
    """Addresses of nodes to ask: ``host:port,host:port,...``."""
    return Addresses(tuple(_address_to_ask(one.strip()) for one in text.split(",")))


def _address_to_ask(text: str) -> str:
    address = parse_address(text)
    if address.port == 0:
        raise UnreadableError(
            f"{_shown(text)} cannot be asked, as port 0 is no port; name the one that the node "
            "listens on"
        )
    return str(address)


def parse_advertised(text: str) -> Address:
    """An address that others are told: one host, one port, both real.

    Raises ConfigurationInvalid for ``0.0.0.0``, ``::`` and port 0: they mean something to the
    one who listens and nothing to the one who calls.
    """
    address = parse_address(text)
    if address.is_unspecified:
        raise ConfigurationInvalid(
            f"{address} cannot be advertised, as it names no machine; "
            "advertise the address at which the other nodes reach this one"
        )
    if address.port == 0:
        raise ConfigurationInvalid(
            f"{address} cannot be advertised, as port 0 is no port; "
            "advertise the port at which the other nodes reach this one"
        )
    return address


def parse_bootstrap(text: str) -> dict[str, str]:
    """The first configuration: ``n1=host:port,n2=host:port,...`` as {id: address}."""
    founders: dict[str, str] = {}
    for item in text.split(","):
        name, equals, where = item.strip().partition("=")
        if not equals:
            raise UnreadableError(
                f"{_shown(item)} does not name a founder: expected ID=HOST:PORT for each, "
                "separated by commas, such as n1=10.0.0.1:7201,n2=10.0.0.2:7201"
            )
        node_id, address = parse_node_id(name), str(parse_advertised(where))
        if node_id in founders:
            raise ConfigurationInvalid(f"{node_id} is named twice among the founders; name it once")
        if address in founders.values():
            raise ConfigurationInvalid(
                f"{address} is given to two founders; each has an address of its own"
            )
        founders[node_id] = address
    return founders


@dataclass(frozen=True, slots=True)
class ElectionBounds:
    """Between what election timeouts are drawn.  Milliseconds."""

    least: int
    most: int

    def __str__(self) -> str:
        return f"{self.least}-{self.most}"


def parse_election_ms(text: str) -> ElectionBounds:
    """The bounds of election timeouts: ``MIN-MAX``, milliseconds."""
    found = _MILLISECONDS.fullmatch(text)
    if not found:
        raise UnreadableError(
            f"{_shown(text)} is not a range: expected MIN-MAX in milliseconds, such as 600-1200"
        )
    return ElectionBounds(int(found[1]), int(found[2]))


def _shown(text: str) -> str:
    """A user's text, safe to print: quoted, its control characters escaped, of bounded length."""
    return repr(text if len(text) <= 80 else text[:77] + "...")
