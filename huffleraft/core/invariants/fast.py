"""The properties whose check costs the same whatever the log holds.

They stay on in production: better no answer than a wrong one.
"""

from __future__ import annotations

from huffleraft.core.effects import (
    Effect,
    Persist,
    ReadReady,
    Reply,
    Send,
)
from huffleraft.core.events import (
    ClientRequested,
    ConfigurationRequested,
    Event,
    ReadRequested,
    TransferRequested,
)
from huffleraft.core.invariants.violation import require
from huffleraft.core.messages import (
    AppendEntriesResponse,
    InstallSnapshotResponse,
)
from huffleraft.core.state import Leader, Server
from huffleraft.core.types import LogIndex, Ref

_ANSWERS = (Reply, ReadReady)


def check_step_fast(old: Server, event: Event, new: Server, effects: tuple[Effect, ...]) -> None:
    """Check what costs O(1), or O(what this step did); raises `InvariantViolation`."""
    require(
        new.vote.current_term >= old.vote.current_term, "TermMonotone", "{} {}", old.vote, new.vote
    )
    require(
        new.vote == old.vote
        or new.vote.current_term > old.vote.current_term
        or old.vote.voted_for is None,
        "VoteOnce",
        "{} became {}",
        old.vote,
        new.vote,
    )
    require(
        old.commit_index <= new.commit_index <= new.log.last_index,
        "CommitMonotone",
        "commit {} became {}, last {}",
        old.commit_index,
        new.commit_index,
        new.log.last_index,
    )
    require(
        old.last_applied <= new.last_applied <= min(new.commit_index, new.disk.last_index),
        "ApplyDurableAndCommitted",  # W10
        "applied {}, commit {}, durable {}",
        new.last_applied,
        new.commit_index,
        new.disk.last_index,
    )
    before, after = _included(old), _included(new)
    require(
        old.log.base.index <= new.log.base.index <= after and before <= after <= new.commit_index,
        "SnapshotMonotone",
        "snapshot {} became {}, base {}, commit {}",
        before,
        after,
        new.log.base,
        new.commit_index,
    )
    _writes_are_numbered(old, new, effects)
    _answers_balance(old, event, new, effects)
    _answers_are_held(new, effects)


def _included(server: Server) -> LogIndex:
    return server.snapshot.last_included_index if server.snapshot else 0


def _writes_are_numbered(old: Server, new: Server, effects: tuple[Effect, ...]) -> None:
    written = [effect.write for effect in effects if isinstance(effect, Persist)]
    issued = new.disk.issued
    require(
        written == ([] if issued == old.disk.issued else [old.disk.issued + 1])
        and issued == old.disk.issued + len(written),
        "OneWriteAStep",
        "writes {}, {} issued before and {} after",
        written,
        old.disk.issued,
        issued,
    )


def _answers_are_held(new: Server, effects: tuple[Effect, ...]) -> None:
    for effect in effects:
        if isinstance(effect, Send) and isinstance(
            effect.message, AppendEntriesResponse | InstallSnapshotResponse
        ):
            require(
                effect.message.match <= new.log.last_index,
                "MatchIsHeld",
                "match {} beyond last {}",
                effect.message.match,
                new.log.last_index,
            )


def _answers_balance(old: Server, event: Event, new: Server, effects: tuple[Effect, ...]) -> None:
    asked = len(refs_of_event(event))
    answered = sum(isinstance(effect, _ANSWERS) for effect in effects)
    before, after = _count_refs(old), _count_refs(new)
    require(
        before + asked == answered + after,
        "AnswerOnce",
        "{} waited and {} came, {} were answered and {} wait",
        before,
        asked,
        answered,
        after,
    )


def _count_refs(server: Server) -> int:
    role = server.role
    if not isinstance(role, Leader):
        return 0
    reads = role.reads
    rounds = sum(len(one.refs) for one in reads.confirmed)
    opened = len(reads.open.refs) if reads.open else 0
    transfers = 1 if role.transfer else 0
    return len(role.proposals) + rounds + opened + len(reads.waiting) + transfers


def refs_of_event(event: Event) -> tuple[Ref, ...]:
    """The requests that *event* brings; each must be answered."""
    match event:
        case ClientRequested(requests):
            return tuple(ref for ref, _ in requests)
        case ConfigurationRequested(ref=ref) | TransferRequested(ref=ref):
            return (ref,)
        case ReadRequested(refs):
            return refs
        case _:
            return ()
