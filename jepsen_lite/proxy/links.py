"""Words of the network: a directed link, what becomes of what it held, and what it counted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

CLIENTS: Final = "clients"
"""The endpoint of everything that is not a node."""


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """All that *source* sends to *target*, on whichever connection, and nothing else."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source}>{self.target}"


class Fate(Enum):
    """What becomes of the bytes that a cut link held, when it heals."""

    DELIVER = "deliver"
    """They arrive, late and in order."""
    RESET = "reset"
    """Each connection that holds any is reset at both ends; what it held is lost whole."""


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What passed over one link since the proxy began.

    `connections` counts those that the source dialled, `resets` those that a heal ended.
    `bytes_held` arrived while the link was cut, `bytes_delayed` while it was slow, and
    `bytes_passed` went on to the target.
    """

    link: Link
    connections: int
    resets: int
    bytes_passed: int
    bytes_held: int
    bytes_delayed: int


@dataclass(frozen=True, slots=True)
class PeerConnection:
    """One connection that the proxy made to *target* for the node *source*, in its boot *boot*.

    *port* is the proxy's end of it, so it is what *target* sees as the remote port.
    """

    source: str
    boot: int
    target: str
    port: int


@dataclass(frozen=True, slots=True)
class ProxyReport:
    """All that the proxy knows.

    `strangers` counts connections whose handshake it could not take for a node's.
    """

    links: tuple[LinkReport, ...]
    peer_connections: tuple[PeerConnection, ...]
    strangers: int

    def of(self, link: Link) -> LinkReport:
        """The report of *link*; all zeros if nothing ever used it."""
        for report in self.links:
            if report.link == link:
                return report
        return LinkReport(link, 0, 0, 0, 0, 0)
