"""The language between a harness and its proxy: one JSON object a line, each answered by one."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from jepsen_lite.proxy.links import Fate, Link, ProxyReport


class Point(msgspec.Struct, tag="point", frozen=True):
    """The node listens on this port of the loopback from now on."""

    number: int
    node: str
    port: int


class Add(msgspec.Struct, tag="add", frozen=True):
    """A node comes to be: keep an address for it, and a link with every other end."""

    number: int
    node: str


class Withdraw(msgspec.Struct, tag="withdraw", frozen=True):
    """The node is down: refuse who connects to it."""

    number: int
    node: str


class Cut(msgspec.Struct, tag="cut", frozen=True):
    """Hold what these links carry."""

    number: int
    links: tuple[Link, ...]


class Heal(msgspec.Struct, tag="heal", frozen=True):
    """Let these links carry again, each by its fate."""

    number: int
    fates: tuple[tuple[Link, Fate], ...]


class Delay(msgspec.Struct, tag="delay", frozen=True):
    """Let what these links carry arrive so many seconds later; 0 is no delay."""

    number: int
    seconds: tuple[tuple[Link, float], ...]


class Report(msgspec.Struct, tag="report", frozen=True):
    """Say what passed."""

    number: int


Command: TypeAlias = Add | Point | Withdraw | Cut | Heal | Delay | Report


class Started(msgspec.Struct, frozen=True):
    """The proxy's first line: the address it owns for each node."""

    addresses: dict[str, str]


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The end of the command of this number; `error` says in a sentence why it was not done.

    `address` is the new node's, where one was added.
    """

    number: int
    error: str | None = None
    address: str | None = None
    report: ProxyReport | None = None


LINE_BYTES_MAX: Final = 16 << 20
"""No line is longer, either way."""

encoder: Final = msgspec.json.Encoder()
command_decoder: Final = msgspec.json.Decoder(Command)
answer_decoder: Final = msgspec.json.Decoder(Answer)
started_decoder: Final = msgspec.json.Decoder(Started)
