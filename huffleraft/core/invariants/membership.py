"""How the cluster's members may change, and what the change asks of each server.  Chapter 4

Majorities are counted here once more, apart from `configuration`, which is judged by it.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from itertools import pairwise

from huffleraft.core.configuration import NOBODY, Configuration
from huffleraft.core.effects import Effect, Persist, Send
from huffleraft.core.events import ConfigurationRequested, Event, Received
from huffleraft.core.invariants.violation import require
from huffleraft.core.messages import (
    AppendEntriesRequest,
    AppendEntriesResponse,
    InstallSnapshotResponse,
)
from huffleraft.core.state import Follower, Leader, Server
from huffleraft.core.types import NodeId, replace


def decides(configuration: Configuration, servers: AbstractSet[NodeId]) -> bool:
    """Whether *servers* hold more than half of the voters, and of the old ones where there are."""
    sets = [configuration.voters, configuration.old_voters]
    return bool(configuration.voters) and all(
        2 * len(servers & set(voters)) > len(voters) for voters in sets if voters
    )


def _votes(configuration: Configuration, node: NodeId) -> bool:
    return node in (*configuration.voters, *configuration.old_voters)


def leader_in_step(old: Server, event: Event, new: Server) -> Leader | None:
    """The leadership under which a step was taken; None if it was not a leader's.

    That of one who retires ends with the step: it knew what it knew before, and what the event
    told it.
    """
    if isinstance(new.role, Leader):
        return new.role
    removed = not _votes(new.configuration, new.id) and old.current_term == new.current_term
    if not (isinstance(old.role, Leader) and removed):
        return None
    answer = event.message if isinstance(event, Received) else None
    if not isinstance(answer, AppendEntriesResponse | InstallSnapshotResponse):
        return old.role
    table = dict(old.role.progress)
    if (known := table.get(answer.source)) is not None:
        match = max(known.match_index, answer.match)
        read_round = max(known.read_round, answer.read_round)
        table[answer.source] = replace(known, match_index=match, read_round=read_round)
    return replace(old.role, progress=tuple(table.items()))


def membership_is_right(
    old: Server, event: Event, new: Server, effects: tuple[Effect, ...]
) -> None:
    """All that this file knows of one step."""
    _latest_is_in_force(new)
    appended = [
        entry.index
        for effect in effects
        if isinstance(effect, Persist)
        for entry in effect.entries
        if isinstance(entry.payload, Configuration)
    ]
    if appended:
        _changes_are_joint(new, appended[0])
        if isinstance(new.role, Leader):
            _leader_changes_one_at_a_time(old, event, new)
    if isinstance(new.role, Leader):
        _everybody_is_fed(new, new.role)
        _the_removed_retires(new)
        _leavers_are_told(old, new, effects)
    if isinstance(old.role, Follower) and not isinstance(new.role, Follower):
        _voters_campaign(old)


def _latest_is_in_force(new: Server) -> None:
    """The last configuration of the log is in force, committed or not, and no other.  §4.1"""
    latest = new.log.configurations_since(new.log.last_index, new.snapshot)[-1]
    in_force = (new.membership.index, new.membership.configuration)
    require(
        in_force == latest,
        "ConfigIsLatestInLog",
        "{} is in force, the log's last is {}",
        in_force,
        latest,
    )


def _changes_are_joint(new: Server, first: int) -> None:
    """Of any two configurations that follow each other, two quorums share a server.  §4.3"""
    chain = new.log.configurations_since(first - 1, new.snapshot)
    for (_, before), (index, after) in pairwise(chain):
        same_voters = (before.voters, before.old_voters) == (after.voters, after.old_voters)
        enters = not before.is_joint and after.old_voters == before.voters
        leaves = before.is_joint and after == before.leaving()
        begins = before == NOBODY and not after.is_joint
        require(
            begins or leaves or enters or (same_voters and not before.is_joint),
            "ChangesAreJoint",
            "{} at {} follows {}",
            after,
            index,
            before,
        )


def _leader_changes_one_at_a_time(old: Server, event: Event, new: Server) -> None:
    """A leader leaves a joint configuration once it is committed, and begins nothing before that.

    To begin a change it must have committed an entry of its own term (§4.1), and the new voters
    must hold what makes them members (§4.2.1).
    """
    before, index = old.configuration, old.membership.index
    if before.is_joint:
        require(
            new.commit_index >= index and new.configuration == before.leaving(),
            "JointLeftWhenCommitted",
            "{} appends {} after {} at {}, commit {}",
            new.id,
            new.configuration,
            before,
            index,
            new.commit_index,
        )
        return
    require(
        isinstance(event, ConfigurationRequested) and index <= old.commit_index,
        "OneUncommittedConfig",
        "{} appends {} when {} at {} is not committed, commit {}",
        new.id,
        new.configuration,
        before,
        index,
        old.commit_index,
    )
    require(
        old.log.term_at(old.commit_index) == new.current_term,
        "CommitBeforeChange",
        "{} in term {} appends {} having committed up to {}",
        new.id,
        new.current_term,
        new.configuration,
        old.commit_index,
    )
    table = dict(old.role.progress) if isinstance(old.role, Leader) else {}
    for voter in set(new.configuration.voters) - set(before.voters):
        require(
            voter in table and table[voter].match_index >= index,
            "NewVotersCaughtUp",
            "{} is to vote, of whom {} knows {}",
            voter,
            new.id,
            table.get(voter),
        )


def _everybody_is_fed(new: Server, role: Leader) -> None:
    """A leader speaks to all members but itself, and to those who have to hear that they left."""
    leaving = {node for node, _ in new.membership.leaving}
    wanted = (leaving | set(new.configuration.members)) - {new.id}
    fed = {peer for peer, _ in role.progress}
    require(fed == wanted, "EveryMemberIsFed", "{} feeds {} of {}", new.id, fed, wanted)


def _the_removed_retires(new: Server) -> None:
    """§4.2.2: whoever is no voter leads no longer than to the commit of that."""
    require(
        _votes(new.configuration, new.id) or new.last_applied < new.membership.index,
        "RemovedLeaderRetires",
        "{} leads, having applied {} at {}",
        new.id,
        new.configuration,
        new.membership.index,
    )


def _leavers_are_told(old: Server, new: Server, effects: tuple[Effect, ...]) -> None:
    """Those who leave hear of the commit in the step that knows of it."""
    index = new.membership.index
    if not old.commit_index < index <= new.commit_index:
        return
    told = {
        effect.to
        for effect in effects
        if isinstance(effect, Send)
        and isinstance(effect.message, AppendEntriesRequest)
        and effect.message.leader_commit >= index
    }
    leaving = {node for node, _ in new.membership.leaving}
    require(leaving <= told, "LeaversAreTold", "{} leave, {} are told", leaving, told)


def _voters_campaign(old: Server) -> None:
    """§4.2.2: only a voter of the last committed configuration, or of a later one, campaigns."""
    possible = old.log.configurations_since(old.commit_index, old.snapshot)
    require(
        any(_votes(one, old.id) for _, one in possible),
        "VotersCampaign",
        "{} campaigns under {}",
        old.id,
        possible,
    )
