"""What a message promises, against the disk as it will be when it leaves."""

from __future__ import annotations

from huffleraft.core.effects import (
    Effect,
    Halt,
    Persist,
    Send,
    SendSnapshot,
)
from huffleraft.core.events import Event, Received
from huffleraft.core.invariants.violation import InvariantViolation, require
from huffleraft.core.messages import (
    AppendEntriesRequest,
    AppendEntriesResponse,
    InstallSnapshotRequest,
    InstallSnapshotResponse,
)
from huffleraft.core.state import Server
from huffleraft.core.types import Vote


def sends_wait_for_what_they_promise(old: Server, new: Server, effects: tuple[Effect, ...]) -> None:
    """No message reveals a term, a vote or an entry that the disk could still forget.

    For each message the disk as it is after the write it waits for must already hold what the
    message tells: W1-W4, W8.
    """
    for effect in effects:
        if not isinstance(effect, Send | SendSnapshot):
            continue
        message, after = effect.message, effect.after or 0
        require(
            message.source == new.id != effect.to and message.term == new.current_term,
            "SpeaksForItself",
            "{} in term {} sends {} to {}",
            new.id,
            new.current_term,
            message,
            effect.to,
        )
        vote, last_index = disk_after(new, after)
        require(
            vote == new.vote,
            "VoteBeforeMessage",  # W1, W2, W4, W8
            "{} may leave when the disk holds {}, not {}",
            message,
            vote,
            new.vote,
        )
        if isinstance(message, AppendEntriesResponse | InstallSnapshotResponse):
            require(
                message.match <= last_index,
                "EntriesBeforeAnswer",  # W3, W11
                "{} may leave when the disk holds up to {}",
                message,
                last_index,
            )
    _persist_comes_first(old, effects)


def disk_after(server: Server, write: int) -> tuple[Vote, int]:
    """The vote, and the last index still wanted, that the disk holds once *write* is durable."""
    done = [one for one in server.disk.outstanding if one.number <= write]
    if done:
        return done[-1].vote, done[-1].last_index
    return server.disk.vote, server.disk.last_index


def _persist_comes_first(old: Server, effects: tuple[Effect, ...]) -> None:
    kinds = [type(effect) for effect in effects]
    require(Persist not in kinds[1:], "EffectOrder", "{} writes late: {}", old.id, kinds)
    require(Halt not in kinds[:-1], "EffectOrder", "{} goes on after Halt: {}", old.id, kinds)


def answers_to_installs_are_true(event: Event, new: Server, effects: tuple[Effect, ...]) -> None:
    """An answer to an install speaks of that snapshot, and of what is known to be committed."""
    for effect in effects:
        if not (isinstance(effect, Send) and isinstance(effect.message, InstallSnapshotResponse)):
            continue
        message = effect.message
        request = event.message if isinstance(event, Received) else None
        if not isinstance(request, InstallSnapshotRequest):
            raise InvariantViolation("AnswersAreAnswers", f"{message} answers {event}")
        require(
            message.match == 0
            or message.match == request.snapshot.last_included_index <= new.commit_index,
            "AckOnlyShown",
            "{} for {}",
            message,
            request,
        )


def answers_to_appends_are_true(event: Event, new: Server, effects: tuple[Effect, ...]) -> None:
    """A success speaks of no more than the request showed, and of what the log now holds.  W3"""
    for effect in effects:
        if not (isinstance(effect, Send) and isinstance(effect.message, AppendEntriesResponse)):
            continue
        message = effect.message
        request = event.message if isinstance(event, Received) else None
        if not isinstance(request, AppendEntriesRequest):
            raise InvariantViolation("AnswersAreAnswers", f"{message} answers {event}")
        if not message.success:
            continue
        shown = request.prev_log_id.index + len(request.entries)
        require(message.match <= shown, "AckOnlyShown", "{} for {}", message, request)
        # What is before the base is in a snapshot, committed, and so what any leader has.
        base = new.log.base.index
        held = new.log.between(request.prev_log_id.index + 1, shown)
        wanted = tuple(entry for entry in request.entries if entry.index > base)
        require(
            held == wanted
            and (request.prev_log_id.index < base or new.log.agrees_with(request.prev_log_id)),
            "AckHeld",
            "{} though the log is {}",
            message,
            new.log,
        )
