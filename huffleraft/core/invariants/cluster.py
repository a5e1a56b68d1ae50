"""What must hold between servers, disks, and messages on their way.  Figure 3.2 and more.

The paper's five properties fail only when the damage is done.  Four more look ahead, and fail
as soon as it has become possible: MatchTruth, AckTruth, CommitDurable, ElectableComplete.

A `Cluster` is a picture of one moment; a `History` remembers what earlier moments decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from huffleraft.core.configuration import NOBODY, Configuration
from huffleraft.core.in_force import may_campaign
from huffleraft.core.invariants.membership import decides
from huffleraft.core.invariants.violation import require
from huffleraft.core.invariants.writes import Image
from huffleraft.core.log import Entry, Log
from huffleraft.core.messages import AppendEntriesResponse, InstallSnapshotResponse, Message
from huffleraft.core.state import Leader, Server
from huffleraft.core.types import EntryId, LogIndex, NodeId, Term


@dataclass(frozen=True, slots=True)
class Cluster:
    """All that exists at one moment.

    - ``servers``: those that run.  A crashed one is absent; its disk is not.
    - ``disks``: what is durable on each node.
    - ``messages``: what may still arrive, as far as it has left its sender.
    """

    servers: Mapping[NodeId, Server]
    disks: Mapping[NodeId, Image]
    messages: tuple[Message, ...] = ()

    def leaders(self) -> Iterator[tuple[Server, Leader]]:
        """The servers that lead, each in its own term, with their role."""
        for server in self.servers.values():
            if isinstance(server.role, Leader):
                yield server, server.role


@dataclass(slots=True)
class History:
    """What the cluster has ever decided; `check_cluster` adds to it.

    - ``leaders``: who led each term.
    - ``votes``: whom each node's disk has ever named in each term.
    - ``entries``: each entry ever seen, by id, with the id before it.
    - ``committed``: entry i at place i - 1, with the term in which it was first known committed.
    """

    leaders: dict[Term, NodeId] = field(default_factory=dict)
    votes: dict[tuple[NodeId, Term], NodeId] = field(default_factory=dict)
    entries: dict[EntryId, tuple[Entry, EntryId]] = field(default_factory=dict)
    committed: list[tuple[Entry, Term]] = field(default_factory=list)


def check_cluster(cluster: Cluster, history: History) -> None:
    """Check every property of this moment; raises `InvariantViolation`."""
    _election_safety(cluster, history)
    _vote_once(cluster, history)
    _log_matching(cluster, history)
    _state_machine_safety(cluster, history)
    _leader_completeness(cluster, history)
    _commit_durable(cluster, history)
    _electable_complete(cluster, history)
    _match_truth(cluster)
    _ack_truth(cluster)
    _snapshot_prefix(cluster, history)
    _one_uncommitted_config(cluster, history)


def _election_safety(cluster: Cluster, history: History) -> None:
    """At most one leader a term."""
    for server, _ in cluster.leaders():
        first = history.leaders.setdefault(server.current_term, server.id)
        require(
            first == server.id,
            "ElectionSafety",
            "{} and {} both led term {}",
            first,
            server.id,
            server.current_term,
        )


def _vote_once(cluster: Cluster, history: History) -> None:
    """No disk ever names two candidates in one term."""
    for node, disk in cluster.disks.items():
        vote = disk.vote
        if vote.voted_for is None:
            continue
        first = history.votes.setdefault((node, vote.current_term), vote.voted_for)
        require(
            first == vote.voted_for,
            "VoteOnce",
            "{} voted for {} and for {} in term {}",
            node,
            first,
            vote.voted_for,
            vote.current_term,
        )


def _log_matching(cluster: Cluster, history: History) -> None:
    """One id names one entry, and one entry before it: so by induction equal prefixes.

    What a server made in a term that its disk does not know yet nobody else has seen: a crash may
    undo it, term and all.
    """
    for server in cluster.servers.values():
        log, before = server.log, server.log.base
        seen = history.entries
        if server.disk.vote.current_term < server.current_term:
            seen = dict(seen)
        for entry in log.between(log.first_index, log.last_index):
            first, first_before = seen.setdefault(entry.id, (entry, before))
            require(
                entry == first and before == first_before,
                "LogMatching",
                "{} holds {} after {}; elsewhere {} stands after {}",
                server.id,
                entry,
                before,
                first,
                first_before,
            )
            before = entry.id


def _state_machine_safety(cluster: Cluster, history: History) -> None:
    """What is committed at an index is committed there for ever, and the same for all."""
    for server in cluster.servers.values():
        known = min(server.commit_index, len(history.committed))
        for entry in server.log.between(1, known):
            committed, _ = history.committed[entry.index - 1]
            require(
                entry == committed,
                "StateMachineSafety",
                "{} has committed {}, the cluster {}",
                server.id,
                entry,
                committed,
            )
        newly = server.log.between(len(history.committed) + 1, server.commit_index)
        history.committed.extend((entry, server.current_term) for entry in newly)


def _leader_completeness(cluster: Cluster, history: History) -> None:
    """A leader holds every entry that was committed in an earlier term."""
    for server, _ in cluster.leaders():
        for entry, term in history.committed:
            if term < server.current_term:
                require(
                    server.log.holds(entry.id),
                    "LeaderCompleteness",
                    "{} leads term {} without {}, committed in term {}",
                    server.id,
                    server.current_term,
                    entry.id,
                    term,
                )


def _commit_durable(cluster: Cluster, history: History) -> None:
    """What is committed stands on the disks of a quorum, from then on.

    Of a joint configuration's two majorities the new one is enough for ever: whoever committed
    later entries may have counted by what follows it.
    """
    if not history.committed:
        return
    entry, _ = history.committed[-1]
    holders = {node for node, disk in cluster.disks.items() if disk.log.holds(entry.id)}
    configuration = _configuration(history.committed)
    if configuration.is_joint:
        configuration = configuration.leaving()
    require(
        decides(configuration, holders),
        "CommitDurable",
        "{} is committed, and durable only on {} of {}",
        entry.id,
        sorted(holders),
        configuration,
    )


def _electable_complete(cluster: Cluster, history: History) -> None:
    """Whoever could win an election now holds all that is committed.

    Logs are compared as voters would: in memory where a server runs, else as its disk has it.
    """
    if not history.committed:
        return
    last, _ = history.committed[-1]
    logs = {node: disk.log for node, disk in cluster.disks.items()}
    logs.update({node: server.log for node, server in cluster.servers.items()})
    for server in cluster.servers.values():
        voters = {node for node, log in logs.items() if server.log.last_id >= log.last_id}
        if may_campaign(server) and decides(server.configuration, voters):
            require(
                server.log.holds(last.id),
                "ElectableComplete",
                "{} could win with {}, without {}",
                server.id,
                sorted(voters),
                last.id,
            )


def _match_truth(cluster: Cluster) -> None:
    """What a leader believes of a peer is so on the peer's disk, while it knows no later term."""
    for server, role in cluster.leaders():
        for peer, progress in role.progress:
            disk = cluster.disks[peer]
            if disk.vote.current_term <= server.current_term:
                _require_shared(server, disk.log, progress.match_index, "MatchTruth", peer)


def _ack_truth(cluster: Cluster) -> None:
    """What an acknowledgement on its way says is so on its sender's disk, in its own term.

    It speaks of the step that built it: once its sender knows a later term it may have lost
    those entries, and its leader can no longer commit by it alone.
    """
    for message in cluster.messages:
        if not isinstance(message, AppendEntriesResponse | InstallSnapshotResponse):
            continue
        disk = cluster.disks[message.source]
        for server, _ in cluster.leaders():
            if server.current_term == message.term == disk.vote.current_term:
                _require_shared(server, disk.log, message.match, "AckTruth", message.source)


def _require_shared(leader: Server, log: Log, match: LogIndex, name: str, peer: NodeId) -> None:
    # Below either base all is committed, and so the same for both.
    compacted = match <= max(log.base.index, leader.log.base.index)
    require(
        match <= log.last_index and (compacted or log.term_at(match) == leader.log.term_at(match)),
        name,
        "{} counts on {} up to {}, whose disk ends in {}",
        leader.id,
        peer,
        match,
        log.last_id,
    )


def _snapshot_prefix(cluster: Cluster, history: History) -> None:
    """Every snapshot stands for a committed prefix, under the configuration in force at its end."""
    snapshots = [(one.id, one.snapshot) for one in cluster.servers.values()]
    snapshots += [(node, disk.snapshot) for node, disk in cluster.disks.items()]
    for node, snapshot in snapshots:
        if snapshot is None:
            continue
        index = snapshot.last_included_index
        committed = history.committed[:index]
        require(
            len(committed) == index
            and committed[-1][0].id == snapshot.id
            and _configuration(committed) == snapshot.configuration,
            "SnapshotPrefix",
            "{} has {}, the cluster has committed {}",
            node,
            snapshot,
            committed[-1:],
        )


def _one_uncommitted_config(cluster: Cluster, history: History) -> None:
    """No log holds two configurations above what the cluster has committed.

    Above what its own server knows to be committed it may: a joint and a final one (§4.3).
    """
    committed = len(history.committed)
    for server in cluster.servers.values():
        later = server.log.between(committed + 1, server.log.last_index)
        changes = [entry for entry in later if isinstance(entry.payload, Configuration)]
        require(
            len(changes) <= 1,
            "OneUncommittedConfig",
            "{} holds {}, the cluster has committed up to {}",
            server.id,
            changes,
            committed,
        )


def _configuration(committed: list[tuple[Entry, Term]]) -> Configuration:
    for entry, _ in reversed(committed):
        if isinstance(entry.payload, Configuration):
            return entry.payload
    return NOBODY
