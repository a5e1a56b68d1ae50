"""Which configuration is in force, and what follows for one server.  §4.1, §4.2.2

It is the last one in the log, committed or not: from its append on, and no longer once it is
truncated.  Whoever waited for its commit would count by a majority that others no longer ask.
"""

from __future__ import annotations

from huffleraft.core.configuration import Configuration
from huffleraft.core.effects import Persist
from huffleraft.core.log import Log, Snapshot
from huffleraft.core.state import Leader, Membership, Progress, Server
from huffleraft.core.types import LogIndex, NodeId, replace


def find_membership(
    id: NodeId,  # noqa: A002 - the name it has in Server
    log: Log,
    snapshot: Snapshot | None,
    commit_index: LogIndex,
) -> Membership:
    """What *log*, after *snapshot*, says of the cluster's members.  §4.1

    Who belongs to a configuration that may still be the one to come, the last committed or one
    after it, is spoken to though the one in force does not name it.
    """
    *earlier, (index, configuration) = log.configurations_since(commit_index, snapshot)
    named = {id, *configuration.members}
    leaving = {
        node: one.address_of(node) or ""
        for _, one in earlier
        for node in one.members
        if node not in named
    }
    return Membership(configuration, index, tuple(sorted(leaving.items())))


def adopt(server: Server, persist: Persist | None) -> Server:
    """Put in force what this step's write has put at the log's end.  §4.1

    Where an installed snapshot replaces the log, its configuration is in force (IS.8).
    """
    if persist is None or not _moves_the_last_one(server, persist):
        return server
    before = server.membership
    now = find_membership(server.id, server.log, server.snapshot, server.commit_index)
    if now.configuration == before.configuration:
        now = replace(now, leaving=before.leaving)
    server = replace(server, membership=now)
    if isinstance(server.role, Leader) and now.configuration != before.configuration:
        return replace(server, role=replace(server.role, progress=_table(server, server.role)))
    return server


def _moves_the_last_one(server: Server, persist: Persist) -> bool:
    truncated = persist.truncate_from is not None and persist.truncate_from <= (
        server.membership.index
    )
    appended = any(isinstance(entry.payload, Configuration) for entry in persist.entries)
    return truncated or appended or persist.snapshot is not None


def _table(server: Server, role: Leader) -> tuple[tuple[NodeId, Progress], ...]:
    """A leader's record of each peer; of one that is new it knows nothing yet."""
    known, unknown = dict(role.progress), Progress(next_index=server.log.last_index)
    return tuple((peer, known.get(peer, unknown)) for peer in server.peers)


def may_campaign(server: Server) -> bool:
    """Whether a configuration that may be the one to come has this server vote.

    That is the last one known to be committed, or any after it.  A voter on its way out may be
    the only one to hold the final configuration: it must still be able to win that through, or
    both majorities live and nobody can lead.

    §4.2.2.
    """
    if server.configuration.has_vote(server.id):
        return True
    possible = server.log.configurations_since(server.commit_index, server.snapshot)
    return any(configuration.has_vote(server.id) for _, configuration in possible)


def let_go(server: Server, role: Leader) -> tuple[Server, Leader]:
    """Speak no more to those who left and hold the configuration that says so, or are silent.

    Its commit was announced to them as soon as it was known, and with each heartbeat since.

    §4.2.2.
    """
    membership = server.membership
    if not membership.leaving or server.commit_index < membership.index:
        return server, role
    table = dict(role.progress)
    told_or_silent = {
        node
        for node, _ in membership.leaving
        if table[node].match_index >= membership.index or not table[node].recently_active
    }
    role = replace(
        role,
        progress=tuple((peer, one) for peer, one in role.progress if peer not in told_or_silent),
    )
    leaving = tuple((node, at) for node, at in membership.leaving if node not in told_or_silent)
    return replace(server, membership=replace(membership, leaving=leaving), role=role), role
