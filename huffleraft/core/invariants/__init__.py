"""What must always hold: over every single step, and over a cluster.

A cluster-wide truth fails many steps after the step that broke it; truths about one step fail
at once.  Each is written apart from the code it judges: what was written is replayed, what a
message promises is compared with the disk as it will be, counts are balanced.

`check_cluster` compares servers, disks and messages with each other.  `check_step` looks at
everything in one step; both are for tests and simulation.  `check_step_fast` costs the same
whatever the log holds, and stays on in production: better no answer than a wrong one.
"""

from __future__ import annotations

from huffleraft.core.effects import Effect
from huffleraft.core.events import Event
from huffleraft.core.invariants.answers import (
    applied_is_what_is_said,
    every_ref_is_answered_once,
    reads_are_confirmed,
    replies_tell_the_truth,
)
from huffleraft.core.invariants.canonical import canonical, durable_writes
from huffleraft.core.invariants.cluster import Cluster, History, check_cluster
from huffleraft.core.invariants.fast import check_step_fast
from huffleraft.core.invariants.logs import (
    commit_needs_a_quorum,
    leader_append_only,
    truncation_needs_a_conflict,
)
from huffleraft.core.invariants.membership import membership_is_right
from huffleraft.core.invariants.messages import (
    answers_to_appends_are_true,
    answers_to_installs_are_true,
    sends_wait_for_what_they_promise,
)
from huffleraft.core.invariants.snapshots import restored_is_durable, snapshots_are_true
from huffleraft.core.invariants.transfer import transfers_are_right
from huffleraft.core.invariants.violation import InvariantViolation, require
from huffleraft.core.invariants.votes import votes_are_earned
from huffleraft.core.invariants.writes import Image, one_write_tells_the_difference, replay
from huffleraft.core.state import Server

__all__ = [
    "Cluster",
    "History",
    "Image",
    "InvariantViolation",
    "canonical",
    "check_cluster",
    "check_step",
    "check_step_fast",
    "durable_writes",
    "replay",
    "require",
]


def check_step(old: Server, event: Event, new: Server, effects: tuple[Effect, ...]) -> None:
    """Check every property of one step; raises `InvariantViolation`."""
    check_step_fast(old, event, new, effects)
    one_write_tells_the_difference(old, event, new, effects)
    sends_wait_for_what_they_promise(old, new, effects)
    answers_to_appends_are_true(event, new, effects)
    answers_to_installs_are_true(event, new, effects)
    votes_are_earned(old, event, new, effects)
    leader_append_only(old, new)
    truncation_needs_a_conflict(old, event, effects)
    commit_needs_a_quorum(old, event, new)
    applied_is_what_is_said(old, new, effects)
    replies_tell_the_truth(old, event, new, effects)
    every_ref_is_answered_once(old, event, new, effects)
    reads_are_confirmed(old, event, new, effects)
    snapshots_are_true(old, event, new, effects)
    restored_is_durable(old, new, effects)
    membership_is_right(old, event, new, effects)
    transfers_are_right(old, event, new, effects)
