"""Who the members are, by what nodes say: never by what the harness wished for.

A status tells the configuration that is in force at its node, which may never be committed.  But
the one that names the new voters alone is only appended once the joint one before it is committed
(dissertation 4.3); so once a majority of its own voters show it, it has been decided, and stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from huffleraft.core.quorum import majority

if TYPE_CHECKING:
    from jepsen_lite.cluster.status import StatusSample


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The part of a status that says who belongs to the cluster; names as in `/v1/status`."""

    voters: tuple[str, ...]
    old_voters: tuple[str, ...] = ()
    learners: tuple[str, ...] = ()

    @property
    def named(self) -> frozenset[str]:
        """Everybody who belongs to it."""
        return frozenset((*self.voters, *self.old_voters, *self.learners))


@dataclass(frozen=True, slots=True)
class Membership:
    """From *since_ns* on, these *voters* were known to decide, until the next."""

    since_ns: int
    voters: tuple[str, ...]


def decided(latest: Iterable[StatusSample]) -> tuple[str, ...] | None:
    """The voters that a majority of themselves show, in each one's *latest* word; None in doubt.

    Of two such sets, which only words of different ages can show, the one further in the log.
    """
    shown: dict[tuple[str, ...], dict[str, int]] = {}
    for sample in latest:
        status = sample.status
        if status is None or status.configuration is None or status.configuration.old_voters:
            continue
        voters = status.configuration.voters
        if sample.node in voters:
            shown.setdefault(voters, {})[sample.node] = status.commit_index
    found = [
        (max(by.values()), voters)
        for voters, by in shown.items()
        if len(by) >= majority(len(voters))
    ]
    return max(found)[1] if found else None


def memberships(samples: Iterable[StatusSample]) -> tuple[Membership, ...]:
    """Who decided from when on, as *samples*, in the order of their ends, came to show it.

    Empty if no status ever told a configuration.
    """
    latest: dict[str, StatusSample] = {}
    story: list[Membership] = []
    for sample in samples:
        status = sample.status
        if status is None or status.configuration is None:
            continue  # a node that does not answer has not changed its mind
        latest[sample.node] = sample
        if story and status.configuration.voters == story[-1].voters:
            continue
        voters = decided(latest.values())
        if voters is not None and (not story or story[-1].voters != voters):
            story.append(Membership(sample.end_ns, voters))
    return tuple(story)


def installs(samples: Iterable[StatusSample]) -> dict[str, int]:
    """How many snapshots of others each node was seen to install, over all its boots.

    One right before an end may have been missed by the polls.
    """
    most: dict[tuple[str, int], int] = {}
    for sample in samples:
        if sample.status is not None:
            boot = sample.node, sample.status.boot
            most[boot] = max(most.get(boot, 0), sample.status.installs)
    counts: dict[str, int] = {}
    for (node, _), count in most.items():
        counts[node] = counts.get(node, 0) + count
    return counts
