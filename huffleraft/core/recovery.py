"""How a server comes to be: from what its disk holds, and in no other way.  §3.8

A founder's disk holds term 1 and entry 1:1, the first configuration, the same on all founders.
Everything volatile starts anew: a follower of nobody that knows as committed only what its
state machine has applied (W9).
"""

from __future__ import annotations

from huffleraft.core.effects import ConfigurationChanged, ResetTimer
from huffleraft.core.log import Entry, Log
from huffleraft.core.state import Disk, Follower, Server, Transition
from huffleraft.core.types import EntryId, Limits, LogIndex, NodeId, Timer, Vote


def recover(
    id: NodeId,  # noqa: A002 - the name it has in Server
    boot: int,
    limits: Limits,
    vote: Vote,
    snapshot: None,  # noqa: ARG001 - its place is kept, so that calls need not change
    base: EntryId,
    entries: tuple[Entry, ...],
    last_applied: LogIndex,
) -> Transition:
    """Make the server whose disk holds *vote*, *base* and *entries*.

    *boot* counts this disk's starts and was made durable before this call (O6).  *snapshot* is
    None: there are none yet.  *last_applied* is what the state machine durably holds; nothing
    up to there is applied again.

    The server starts sticky: it cannot know to whom it promised loyalty before it stopped
    (§4.2.3).

    Raises ValueError if the disk contradicts itself.  Spec: ``Restart``.
    """
    log = Log(base, entries)
    if log.last_id.term > vote.current_term:
        msg = f"the log ends in term {log.last_id.term}, after the stored term {vote.current_term}"
        raise ValueError(msg)
    if not base.index <= last_applied <= log.last_index:
        msg = (
            f"the state machine has applied up to {last_applied}, but the log holds "
            f"{log.first_index}..{log.last_index}"
        )
        raise ValueError(msg)
    server = Server(
        id=id,
        boot=boot,
        limits=limits,
        vote=vote,
        log=log,
        disk=Disk(vote, log.last_index),
        configuration=log.configuration(),
        role=Follower(sticky=True),
        commit_index=last_applied,
        last_applied=last_applied,
    )
    return server, (
        ResetTimer(Timer.STICKINESS),
        ResetTimer(Timer.ELECTION),
        ConfigurationChanged(server.configuration),
    )
