"""Who a directory belongs to, and how it begins."""

from __future__ import annotations

from dataclasses import dataclass

from huffleraft.core.configuration import Configuration
from huffleraft.core.log import Entry
from huffleraft.core.types import NodeId, Vote
from huffleraft.errors import IdentityMismatch


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose disk this is; written once, when it is founded."""

    node_id: NodeId
    cluster_id: str


@dataclass(frozen=True, slots=True)
class Founding:
    """What an empty data directory becomes.

    With a *configuration* it is a founder's: term 1, and the configuration as entry 1:1, the
    same on all founders.  Without one it is a newcomer's: nothing but an identity.
    """

    node_id: NodeId
    cluster_id: str
    configuration: Configuration | None

    @property
    def identity(self) -> Identity:
        """Who it will be."""
        return Identity(self.node_id, self.cluster_id)

    @property
    def vote(self) -> Vote:
        """The vote it begins with."""
        return Vote(1 if self.configuration is not None else 0, None)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The log it begins with."""
        return () if self.configuration is None else (Entry(1, 1, self.configuration),)

    def require(self, found: Identity) -> None:
        """Raise IdentityMismatch if a directory that is *found* not empty is another's."""
        if found.node_id != self.node_id:
            raise IdentityMismatch("node id", found.node_id, self.node_id)
        if found.cluster_id != self.cluster_id:
            raise IdentityMismatch("cluster id", found.cluster_id, self.cluster_id)
