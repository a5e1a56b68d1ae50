"""How a server comes to be: from what its disk holds, and in no other way.  §3.8

A founder's disk holds term 1 and entry 1:1, the first configuration, the same on all founders.
Everything volatile starts anew: a follower of nobody that knows as committed only what its
state machine has applied (W9).
"""

from __future__ import annotations

from huffleraft.core.effects import ConfigurationChanged, Effect, ResetTimer, Restore
from huffleraft.core.in_force import find_membership
from huffleraft.core.log import Entry, Log, Snapshot
from huffleraft.core.state import Disk, Follower, Server, Transition
from huffleraft.core.types import EntryId, Limits, LogIndex, NodeId, Timer, Vote


def recover(
    id: NodeId,  # noqa: A002 - the name it has in Server
    boot: int,
    limits: Limits,
    vote: Vote,
    snapshot: Snapshot | None,
    base: EntryId,
    entries: tuple[Entry, ...],
    last_applied: LogIndex,
) -> Transition:
    """Make the server whose disk holds *vote*, *snapshot*, *base* and *entries*.

    *boot* counts this disk's starts and was made durable before this call (O6).  *last_applied*
    is what the state machine durably holds; nothing up to there is applied again (W9).  If the
    machine is behind *snapshot*, which a leader sent and a crash kept from it, it is to be
    restored first (W11).

    The server starts sticky: it cannot know to whom it promised loyalty before it stopped
    (§4.2.3).

    Raises ValueError if the disk contradicts itself.  Spec: ``Restart``.
    """
    log = Log(base, entries)
    included = snapshot.last_included_index if snapshot else 0
    _require_consistent(log, vote, snapshot, last_applied)
    known_committed = max(included, last_applied)
    server = Server(
        id=id,
        boot=boot,
        limits=limits,
        vote=vote,
        snapshot=snapshot,
        log=log,
        disk=Disk(vote, log.last_index, included),
        membership=find_membership(id, log, snapshot, known_committed),
        role=Follower(sticky=True),
        commit_index=known_committed,
        last_applied=known_committed,
    )
    behind: tuple[Effect, ...] = ()
    if snapshot is not None and last_applied < included:
        behind = (Restore(snapshot),)
    return server, (
        *behind,
        ResetTimer(Timer.STICKINESS),
        ResetTimer(Timer.ELECTION),
        ConfigurationChanged(server.configuration, server.membership.leaving),
    )


def _require_consistent(
    log: Log, vote: Vote, snapshot: Snapshot | None, last_applied: LogIndex
) -> None:
    """Refuse, by name, what no disk of a correct server holds."""
    if log.last_id.term > vote.current_term:
        msg = f"the log ends in term {log.last_id.term}, after the stored term {vote.current_term}"
        raise ValueError(msg)
    included = snapshot.last_included_index if snapshot else 0
    if not log.base.index <= included <= log.last_index:
        msg = (
            f"the snapshot goes up to {included}, but the log holds "
            f"{log.first_index}..{log.last_index}"
        )
        raise ValueError(msg)
    if snapshot is not None and log.term_at(included) != snapshot.last_included_term:
        msg = (
            f"the snapshot ends in an entry of term {snapshot.last_included_term}, "
            f"but the log has term {log.term_at(included)} at {included}"
        )
        raise ValueError(msg)
    if not last_applied <= log.last_index:
        msg = (
            f"the state machine has applied up to {last_applied}, but the log holds "
            f"{log.first_index}..{log.last_index}"
        )
        raise ValueError(msg)
