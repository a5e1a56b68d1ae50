"""Who founds a cluster, what it is called, and who this node is in it.

All of this is said on every start and used on the first alone: a data directory knows who it
is.  What a later start says is noted, and refused where it contradicts.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from huffleraft.core import Configuration, NodeId
from huffleraft.errors import ConfigurationInvalid, IdentityMismatch
from huffleraft.naming import check_advertised, check_node_id
from huffleraft.ports import Recovered
from huffleraft.store.founding import Founding, Identity


@dataclass(frozen=True, slots=True)
class Founders:
    """What an empty directory becomes: a founder of this configuration, or a cluster alone."""

    node_id: NodeId
    cluster: str
    configuration: Configuration

    @property
    def cluster_id(self) -> str:
        """The cluster's id: all who were given the same name and founders have the same."""
        return cluster_id_of(self.cluster, self.configuration)

    @property
    def founding(self) -> Founding:
        """What the store writes into an empty directory."""
        return Founding(self.node_id, self.cluster_id, self.configuration)

    def others(self) -> dict[NodeId, str]:
        """The other founders and their addresses."""
        return {
            node: address for node, address in self.configuration.addresses if node != self.node_id
        }


def cluster_id_of(cluster: str, configuration: Configuration) -> str:
    """A digest of the cluster's name and its first configuration; 32 hexadecimal digits."""
    told = json.dumps([cluster, configuration.voters, configuration.addresses])
    return sha256(told.encode()).hexdigest()[:32]


def node_id_for(
    known: Identity | None, asked: NodeId | None, bootstrap: Mapping[NodeId, str] | None
) -> NodeId:
    """Who this node is: what its directory says, else what was asked, else a new id.

    Raises ConfigurationInvalid for an id that can be none, and for a bootstrap that does not
    name it; IdentityMismatch where the directory is another's.
    """
    if asked is not None:
        check_node_id(asked)
    if known is not None:
        if asked is not None and asked != known.node_id:
            raise IdentityMismatch("node id", known.node_id, asked)
        return known.node_id
    if bootstrap and asked is None:
        raise ConfigurationInvalid(
            "the founders are named, but not which of them this node is; give its id"
        )
    node_id = asked or f"n-{secrets.token_hex(4)}"
    if bootstrap and node_id not in bootstrap:
        raise ConfigurationInvalid(
            f"the founders are {', '.join(sorted(bootstrap))}, and {node_id} is none of them; "
            "a founder is named on its own list"
        )
    return node_id


def configuration_of(
    node_id: NodeId, bootstrap: Mapping[NodeId, str] | None, advertised: str
) -> Configuration:
    """The first configuration: of the founders, or of this node alone.

    Raises ConfigurationInvalid for an id or an address that cannot be one.
    """
    founders = dict(bootstrap) if bootstrap else {node_id: advertised}
    for founder, address in founders.items():
        check_node_id(founder)
        if bootstrap:
            check_advertised(address)
    if len(set(founders.values())) < len(founders):
        raise ConfigurationInvalid("two founders have the same address; give each its own")
    return Configuration.of(founders)


def check_join(
    seeds: Sequence[str],
    bootstrap: Mapping[NodeId, str] | None,
    *,
    learner: bool,
    listens: bool,
) -> None:
    """Refuse a wish to join that contradicts the others.  Raises ConfigurationInvalid."""
    if learner and not seeds:
        raise ConfigurationInvalid(
            "a learner joins a cluster, and no member was named through which it could; name one "
            "with join"
        )
    if not seeds:
        return
    if bootstrap is not None:
        raise ConfigurationInvalid(
            "a node either founds a cluster or joins one; say bootstrap or join, and not both"
        )
    if not listens:
        raise ConfigurationInvalid(
            "a node that joins has to be reached, and this one does not listen; give it an address"
        )
    for seed in seeds:
        check_advertised(seed)


def check_cluster_name(recovered: Recovered, cluster: str) -> None:
    """Refuse a directory that was founded under another cluster name.

    It can be told for as long as the log holds the first configuration.
    """
    first = recovered.entries[0] if recovered.entries else None
    if first is None or first.index != 1 or not isinstance(first.payload, Configuration):
        return
    expected = cluster_id_of(cluster, first.payload)
    if expected != recovered.cluster_id:
        raise IdentityMismatch("cluster id", recovered.cluster_id, expected)
