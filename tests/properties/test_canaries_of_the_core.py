"""The any-schedule machine catches the bugs that it is there for, by the property that each breaks.

In a process of its own each, since the plant has to be in place before the core is imported.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

CAUGHT = [
    ("no-up-to-date-check", "VoteForUpToDate"),
    ("two-votes-in-a-term", "VoteOnce"),
    ("counts-replicas-of-an-older-term", "CommitOwnTerm"),
    ("promises-before-durable", "VoteBeforeMessage"),
    ("truncates-without-conflict", "TruncateOnConflict"),
]

CAUGHT_AROUND_SNAPSHOTS = [
    ("an-older-snapshot-is-installed", "SnapshotPrefix"),
    ("restores-before-durable", "ApplyDurableAndCommitted"),
    ("an-install-cuts-no-older-write", "WritesTrackTheDisk"),
    ("a-snapshot-mode-that-nobody-leaves", "NobodyLags"),
]

CAUGHT_AS_MEMBERS_CHANGE = [
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
]

CAUGHT_AS_THE_OFFICE_MOVES = [
    ("told-before-it-has-caught-up", "TransferToCaughtUp"),
    ("takes-commands-while-it-hands-over", "TransferStillsTheLog"),
    ("told-at-every-step", "TimeoutNowOnce"),
    ("refused-though-told", "TransferAnswerIsTrue"),
    ("waives-loyalty-unasked", "LoyaltyIsWaivedByTheLeader"),
    ("nobody-is-told", "TransfersSucceed"),
    ("loyal-to-a-leader-that-wants-to-go", "TransfersSucceed"),
    ("a-transfer-that-never-expires", "TransfersEnd"),
]

CAUGHT_BETWEEN_SERVERS = [
    (
        "no-up-to-date-check",
        {"StateMachineSafety", "LeaderCompleteness", "ElectableComplete", "NobodyHalts"},
    ),
    ("two-votes-in-a-term", {"ElectionSafety", "VoteOnce", "NobodyHalts"}),
    ("promises-before-durable", {"AckTruth", "MatchTruth", "VoteOnce", "CommitDurable"}),
]


def run_canary(*arguments: str) -> str:
    """Run one canary; its last line says what was caught."""
    command = [sys.executable, "-m", "tests.properties.canary", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{' '.join(command)}\n{run.stdout[-2000:]}{run.stderr[-2000:]}"
    return run.stdout.splitlines()[-1]


@pytest.mark.parametrize("bug,broken", CAUGHT)
def test_a_planted_bug_is_caught(bug: str, broken: str) -> None:
    assert f"{bug}: {broken} " in run_canary(bug)


@pytest.mark.parametrize("bug,broken", CAUGHT_AROUND_SNAPSHOTS)
def test_a_planted_bug_is_caught_around_snapshots(bug: str, broken: str) -> None:
    assert f"{bug}: {broken} " in run_canary(bug, "--machine", "snapshots")


@pytest.mark.parametrize("bug,broken", CAUGHT_AS_MEMBERS_CHANGE)
def test_a_planted_bug_is_caught_as_members_change(bug: str, broken: str) -> None:
    assert f"{bug}: {broken} " in run_canary(bug, "--machine", "members")


@pytest.mark.parametrize("bug,broken", CAUGHT_AS_THE_OFFICE_MOVES)
def test_a_planted_bug_is_caught_as_the_office_moves(bug: str, broken: str) -> None:
    assert f"{bug}: {broken} " in run_canary(bug, "--machine", "transfers")


@pytest.mark.parametrize("bug,broken", CAUGHT_BETWEEN_SERVERS)
def test_a_planted_bug_is_caught_without_looking_at_steps(bug: str, broken: set[str]) -> None:
    line = run_canary(bug, "--cluster-checks-only")

    assert any(f"{bug}: {name} " in line for name in broken), line


def test_a_leader_that_waits_for_ever_is_caught_where_requests_gather() -> None:
    line = run_canary("waits-for-an-answer-that-came", "--machine", "batches")

    assert "waits-for-an-answer-that-came: NobodyLags " in line


@pytest.mark.parametrize("machine", ["plain", "batches", "snapshots", "members", "transfers"])
def test_a_sound_core_is_not_accused(machine: str) -> None:
    line = run_canary("none", "--examples", "60", "--machine", machine)

    assert line.startswith("none: got away")
