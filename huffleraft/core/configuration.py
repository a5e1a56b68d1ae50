"""Who votes, who only listens, and where they are.  Chapter 4

A configuration is carried by an entry of the log and is in force from its append on (§4.1).
The first one is entry 1 of term 1, the same on every founder's disk.  From one set of voters to
another the cluster goes through a joint configuration, in which both decide together (§4.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from huffleraft.core.quorum import is_majority, reached_by_majority
from huffleraft.core.types import NodeId


@dataclass(frozen=True, slots=True)
class Configuration:
    """The members of a cluster and the address each advertises.

    - ``voters`` decide.  In a joint configuration they are the new ones.
    - ``addresses`` holds one (node id, address) for each member.  The core carries addresses and
      never reads them.
    - ``learners`` get the log and never count (§4.2.1).
    - ``old_voters`` are empty but in a joint configuration, where their majority is needed too.

    All are sorted, so equal configurations are equal values.
    """

    voters: tuple[NodeId, ...]
    addresses: tuple[tuple[NodeId, str], ...] = ()
    learners: tuple[NodeId, ...] = ()
    old_voters: tuple[NodeId, ...] = ()

    @classmethod
    def of(
        cls, addresses: Mapping[NodeId, str], learners: Mapping[NodeId, str] | None = None
    ) -> Configuration:
        """Make the configuration in which all of *addresses* vote and all *learners* listen.

        Raises ValueError if nobody votes, since nobody could ever be elected, and if somebody
        both votes and only listens.
        """
        learners = learners or {}
        if not addresses:
            msg = "a configuration needs at least one voter"
            raise ValueError(msg)
        if both := sorted(addresses.keys() & learners.keys()):
            msg = f"{' '.join(both)} cannot be voter and learner at once"
            raise ValueError(msg)
        members = {**addresses, **learners}
        return cls(
            tuple(sorted(addresses)), tuple(sorted(members.items())), tuple(sorted(learners))
        )

    # Changing.  §4.3

    @property
    def is_joint(self) -> bool:
        """Whether it stands between two sets of voters, and needs a majority of each."""
        return bool(self.old_voters)

    def entering(self, new: Configuration) -> Configuration:
        """What comes after this one on the way to *new*: *new* itself if the same servers vote.

        Else the joint one, in which both sets of voters decide.
        """
        if new.voters == self.voters:
            return new
        addresses = {**dict(self.addresses), **dict(new.addresses)}
        members = {*self.voters, *new.voters, *new.learners}
        return Configuration(
            new.voters, _restricted(addresses, members), new.learners, old_voters=self.voters
        )

    def leaving(self) -> Configuration:
        """What follows this joint configuration: the new voters alone."""
        addresses = _restricted(dict(self.addresses), {*self.voters, *self.learners})
        return Configuration(self.voters, addresses, self.learners)

    # Who is who.

    @property
    def electors(self) -> tuple[NodeId, ...]:
        """Everybody whose vote may matter: the voters, old and new."""
        if not self.old_voters:
            return self.voters
        return tuple(sorted({*self.voters, *self.old_voters}))

    def has_vote(self, node: NodeId) -> bool:
        """Whether *node* is a voter, old or new."""
        return node in self.voters or node in self.old_voters

    @property
    def members(self) -> tuple[NodeId, ...]:
        """Everybody who gets the log: voters, old and new, and learners."""
        return tuple(sorted({*self.voters, *self.old_voters, *self.learners}))

    def peers_of(self, node: NodeId) -> tuple[NodeId, ...]:
        """Every member but *node*, sorted, so that effects come in one order only."""
        return tuple(member for member in self.members if member != node)

    def address_of(self, node: NodeId) -> str | None:
        """The address that *node* advertises; None if this configuration does not name it."""
        return dict(self.addresses).get(node)

    # Who decides.

    def is_quorum(self, servers: AbstractSet[NodeId]) -> bool:
        """Whether *servers* can decide for the cluster.  §3.2; joint: §4.3"""
        if not is_majority(self.voters, servers):
            return False
        return not self.old_voters or is_majority(self.old_voters, servers)

    def reached_by_quorum(self, reached: Callable[[NodeId], int]) -> int:
        """The greatest number that a quorum has reached, each voter by *reached*.

        Of match indexes it is what may be committed (§3.5); of read rounds, the newest one
        that confirms the leader (§6.4).
        """
        mark = reached_by_majority(self.voters, reached)
        if not self.old_voters:
            return mark
        return min(mark, reached_by_majority(self.old_voters, reached))


def _restricted(
    addresses: Mapping[NodeId, str], members: Iterable[NodeId]
) -> tuple[tuple[NodeId, str], ...]:
    return tuple((node, addresses[node]) for node in sorted(members) if node in addresses)


NOBODY = Configuration(())
"""The configuration of an empty log: nobody votes, so nobody may campaign."""
