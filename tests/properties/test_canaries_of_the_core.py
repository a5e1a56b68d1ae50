"""The any-schedule machine catches the bugs that it is there for, by the property that each breaks.

In a process of its own each, since the plant has to be in place before the core is imported.
"""

from __future__ import annotations

import pytest

from tests.properties.ahead import CHOIR, Arguments

MACHINES = {
    "plain": [
        ("no-up-to-date-check", "VoteForUpToDate"),
        ("two-votes-in-a-term", "VoteOnce"),
        ("counts-replicas-of-an-older-term", "CommitOwnTerm"),
        ("promises-before-durable", "VoteBeforeMessage"),
        ("truncates-without-conflict", "TruncateOnConflict"),
    ],
    "batches": [("waits-for-an-answer-that-came", "NobodyLags")],
    "snapshots": [
        ("an-older-snapshot-is-installed", "SnapshotPrefix"),
        ("restores-before-durable", "ApplyDurableAndCommitted"),
        ("an-install-cuts-no-older-write", "WritesTrackTheDisk"),
        ("a-snapshot-mode-that-nobody-leaves", "NobodyLags"),
    ],
    "members": [
        ("configuration-in-force-at-commit", "ConfigIsLatestInLog"),
        ("commits-by-the-new-majority", "CommitByQuorum"),
        ("commits-by-a-majority-of-all", "CommitByQuorum"),
        ("elects-by-the-new-majority", "VotesElect"),
        ("snapshot-with-the-newest-configuration", "SnapshotPrefix"),
        ("joint-left-before-its-commit", "JointLeftWhenCommitted"),
        ("second-change-while-one-is-pending", "OneUncommittedConfig"),
        ("change-before-an-own-entry", "CommitBeforeChange"),
        ("only-its-beginner-leaves-a-joint-configuration", "ChangesEnd"),
        ("the-removed-leads-on", "RemovedLeaderRetires"),
    ],
    "transfers": [
        ("told-before-it-has-caught-up", "TransferToCaughtUp"),
        ("takes-commands-while-it-hands-over", "TransferStillsTheLog"),
        ("told-at-every-step", "TimeoutNowOnce"),
        ("refused-though-told", "TransferAnswerIsTrue"),
        ("waives-loyalty-unasked", "LoyaltyIsWaivedByTheLeader"),
        ("nobody-is-told", "TransfersSucceed"),
        ("loyal-to-a-leader-that-wants-to-go", "TransfersSucceed"),
        ("a-transfer-that-never-expires", "TransfersEnd"),
    ],
}
"""The bugs that each machine catches, and the property that each bug breaks."""

CAUGHT = [
    ((bug, "--machine", machine), broken)
    for machine, bugs in MACHINES.items()
    for bug, broken in bugs
]

CAUGHT_BETWEEN_SERVERS = [
    (
        ("no-up-to-date-check", "--cluster-checks-only"),
        {"StateMachineSafety", "LeaderCompleteness", "ElectableComplete", "NobodyHalts"},
    ),
    (
        ("two-votes-in-a-term", "--cluster-checks-only"),
        {"ElectionSafety", "VoteOnce", "NobodyHalts"},
    ),
    (
        ("promises-before-durable", "--cluster-checks-only"),
        {"AckTruth", "MatchTruth", "VoteOnce", "CommitDurable"},
    ),
]

SOUND = [("none", "--examples", "60", "--machine", machine) for machine in MACHINES]


def name(value: object) -> str | None:
    """A canary's bug and where it is looked for."""
    return " ".join(value).replace("--", "") if isinstance(value, tuple) else None


@pytest.mark.parametrize("canary,broken", CAUGHT, ids=name)
def test_a_planted_bug_is_caught(canary: Arguments, broken: str) -> None:
    assert f"{canary[0]}: {broken} " in CHOIR.line(canary)


@pytest.mark.parametrize("canary,broken", CAUGHT_BETWEEN_SERVERS, ids=name)
def test_a_planted_bug_is_caught_without_looking_at_steps(
    canary: Arguments, broken: set[str]
) -> None:
    line = CHOIR.line(canary)

    assert any(f"{canary[0]}: {one} " in line for one in broken), line


@pytest.mark.parametrize("canary", SOUND, ids=name)
def test_a_sound_core_is_not_accused(canary: Arguments) -> None:
    assert CHOIR.line(canary).startswith("none: got away")
