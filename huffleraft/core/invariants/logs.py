"""How logs change, and what may be committed.  Figure 3.2, §3.5, §3.6.2."""

from __future__ import annotations

from huffleraft.core.effects import (
    Effect,
    Persist,
)
from huffleraft.core.events import Event, Received
from huffleraft.core.invariants.membership import decides, leader_in_step
from huffleraft.core.invariants.violation import InvariantViolation, require
from huffleraft.core.messages import AppendEntriesRequest, InstallSnapshotRequest
from huffleraft.core.state import Leader, Server


def leader_append_only(old: Server, new: Server) -> None:
    """Leader Append-Only (Figure 3.2): a leader never removes or changes an entry."""
    if isinstance(old.role, Leader) and old.current_term == new.current_term:
        require(
            old.log.common_last_index(new.log) == old.log.last_index,
            "LeaderAppendOnly",
            "{}: {} became {}",
            old.id,
            old.log,
            new.log,
        )


def truncation_needs_a_conflict(old: Server, event: Event, effects: tuple[Effect, ...]) -> None:
    """AE.3: an entry goes only because a leader shows another one at its index."""
    for effect in effects:
        if not isinstance(effect, Persist) or effect.truncate_from is None:
            continue
        require(
            effect.truncate_from > old.commit_index,
            "CommittedStays",
            "{} truncates from {}, commit {}",
            old.id,
            effect.truncate_from,
            old.commit_index,
        )
        request = event.message if isinstance(event, Received) else None
        if effect.snapshot is not None:
            require(
                isinstance(request, InstallSnapshotRequest)
                and effect.base == request.snapshot.id
                and not old.log.agrees_with(effect.base)
                and effect.truncate_from == effect.base.index + 1,
                "TruncateOnConflict",  # IS.6
                "{}: {} on {}",
                old.id,
                effect,
                event,
            )
            continue
        shown = request.entries if isinstance(request, AppendEntriesRequest) else ()
        contradicts = any(
            entry.index == effect.truncate_from
            and entry.term != old.log.term_at(effect.truncate_from)
            for entry in shown
        )
        require(contradicts, "TruncateOnConflict", "{}: {} on {}", old.id, effect, event)


def commit_needs_a_quorum(old: Server, event: Event, new: Server) -> None:
    """L.4 for a leader, AE.5 for a follower."""
    if new.commit_index == old.commit_index:
        return
    role = leader_in_step(old, event, new)
    if role is not None:
        holders = {
            peer for peer, progress in role.progress if progress.match_index >= new.commit_index
        }
        if new.disk.last_index >= new.commit_index:
            holders.add(new.id)
        require(
            decides(old.configuration, holders),
            "CommitByQuorum",
            "{} commits {}, held by {}",
            new.id,
            new.commit_index,
            sorted(holders),
        )
        require(
            new.log.term_at(new.commit_index) == new.current_term,
            "CommitOwnTerm",
            "{} in term {} commits by counting {}",
            new.id,
            new.current_term,
            new.commit_index,
        )
        return
    request = event.message if isinstance(event, Received) else None
    if isinstance(request, InstallSnapshotRequest):
        require(
            new.commit_index == request.snapshot.last_included_index,
            "CommitOnlyIncluded",
            "{} commits {} by {}",
            new.id,
            new.commit_index,
            request,
        )
        return
    if not isinstance(request, AppendEntriesRequest):
        raise InvariantViolation("CommitByLeader", f"{new.id} commits at {event}")
    shown = request.prev_log_id.index + len(request.entries)
    require(
        new.commit_index <= min(request.leader_commit, shown),
        "CommitOnlyShown",  # AE.5
        "{} commits {} by {}",
        new.id,
        new.commit_index,
        request,
    )
