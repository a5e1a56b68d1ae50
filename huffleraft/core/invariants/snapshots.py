"""What a snapshot stands for: a committed and applied beginning of the log.  Chapter 5."""

from __future__ import annotations

from huffleraft.core.effects import Effect, Restore, SendSnapshot
from huffleraft.core.events import Event, Received, SnapshotTaken
from huffleraft.core.invariants.violation import InvariantViolation, require
from huffleraft.core.messages import InstallSnapshotRequest
from huffleraft.core.state import Server


def snapshots_are_true(old: Server, event: Event, new: Server, effects: tuple[Effect, ...]) -> None:
    """A new snapshot is our own machine's, or the one a leader sent, to the letter.

    Its configuration is the one in force at its index, whatever has been appended since; the log
    begins no later than it ends.
    """
    for effect in effects:
        if isinstance(effect, SendSnapshot):
            require(
                effect.message.snapshot == new.snapshot
                and effect.message.snapshot.last_included_index <= new.last_applied,
                "SnapshotSentIsOurs",
                "{} sends {}, having {} and applied {}",
                new.id,
                effect.message,
                new.snapshot,
                new.last_applied,
            )
    if new.snapshot == old.snapshot:
        require(new.log.base == old.log.base, "CompactedBySnapshot", "{} on {}", new.log, event)
        return
    assert new.snapshot is not None
    index = new.snapshot.last_included_index
    if isinstance(event, SnapshotTaken):
        require(
            index == event.index <= old.last_applied
            and new.snapshot.last_included_term == old.log.term_at(index)
            and new.snapshot.configuration == old.log.configuration_at(index, old.snapshot),
            "SnapshotPrefix",
            "{} took {} of {} at {}",
            new.id,
            new.snapshot,
            old.log,
            event,
        )
        return
    request = event.message if isinstance(event, Received) else None
    if not isinstance(request, InstallSnapshotRequest):
        raise InvariantViolation("SnapshotPrefix", f"{new.id} has {new.snapshot} at {event}")
    require(
        new.snapshot == request.snapshot and index > old.commit_index,
        "SnapshotPrefix",
        "{}, which has committed {}, installs {} for {}",
        new.id,
        old.commit_index,
        new.snapshot,
        request,
    )


def restored_is_durable(old: Server, new: Server, effects: tuple[Effect, ...]) -> None:
    """W11: the machine is replaced by what the disk holds, forwards, and by nothing else."""
    for effect in effects:
        if isinstance(effect, Restore):
            index = effect.snapshot.last_included_index
            require(
                effect.snapshot == new.snapshot
                and old.last_applied < index <= new.disk.snapshot_index,
                "RestoreDurable",
                "{} restores {}, applied {}, durable {}",
                new.id,
                effect.snapshot,
                old.last_applied,
                new.disk,
            )
