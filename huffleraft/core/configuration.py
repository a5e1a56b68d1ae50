"""Who votes, and where they are.

A configuration is carried by an entry of the log and is in force from its append on (§4.1).
The first one is entry 1 of term 1, the same on every founder's disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from huffleraft.core.quorum import is_majority, reached_by_majority
from huffleraft.core.types import NodeId


@dataclass(frozen=True, slots=True)
class Configuration:
    """The voters of a cluster and the address each advertises.

    - ``voters`` is sorted, so equal configurations are equal values.
    - ``addresses`` holds one (node id, address) for each voter, in the same order.  The core
      carries addresses and never reads them.
    """

    voters: tuple[NodeId, ...]
    addresses: tuple[tuple[NodeId, str], ...] = ()

    @classmethod
    def of(cls, addresses: Mapping[NodeId, str]) -> Configuration:
        """Make the configuration in which all of *addresses* vote.

        Raises ValueError for an empty mapping: nobody could ever be elected.
        """
        if not addresses:
            msg = "a configuration needs at least one voter"
            raise ValueError(msg)
        return cls(tuple(sorted(addresses)), tuple(sorted(addresses.items())))

    def peers_of(self, node: NodeId) -> tuple[NodeId, ...]:
        """Every voter but *node*, sorted, so that effects come in one order only."""
        return tuple(voter for voter in self.voters if voter != node)

    def is_quorum(self, servers: AbstractSet[NodeId]) -> bool:
        """Whether *servers* can decide for the cluster.  §3.2"""
        return is_majority(self.voters, servers)

    def reached_by_quorum(self, reached: Callable[[NodeId], int]) -> int:
        """The greatest number that a quorum has reached, each voter by *reached*.

        Of match indexes it is what may be committed (§3.5); of read rounds, the newest one
        that confirms the leader (§6.4).
        """
        return reached_by_majority(self.voters, reached)

    def address_of(self, node: NodeId) -> str | None:
        """The address that *node* advertises; None if this configuration does not name it."""
        return dict(self.addresses).get(node)


NOBODY = Configuration(())
"""The configuration of an empty log: nobody votes, so nobody may campaign."""
