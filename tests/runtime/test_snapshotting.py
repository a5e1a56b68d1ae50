"""When a snapshot is taken: after so many entries or bytes, and never of what is not flushed."""

from __future__ import annotations

from huffleraft.runtime.snapshotting import SnapshotPlan
from huffleraft.settings import NodeSettings

SETTINGS = NodeSettings(snapshot_entries=100, snapshot_bytes=5_000)


def asks(
    plan: SnapshotPlan, applied: int, *, size: int = 0, included: int = 0, sending: bool = False
) -> bool:
    return plan.asks_for_flush(
        applied=applied, bytes_applied=size, included=included, sending=sending
    )


def test_it_is_due_after_so_many_entries_and_asked_for_once() -> None:
    plan = SnapshotPlan(SETTINGS)
    assert not asks(plan, 99)
    assert asks(plan, 100)
    assert not asks(plan, 101)


def test_it_is_due_after_so_many_bytes_since_the_last() -> None:
    plan = SnapshotPlan(SETTINGS)
    assert not asks(plan, 3, size=4_999)
    assert asks(plan, 3, size=5_000)
    assert plan.taken(3) == 3
    assert not asks(plan, 5, size=9_999, included=3)
    assert asks(plan, 6, size=10_000, included=3)


def test_only_what_is_flushed_is_reported_and_all_of_it() -> None:
    plan = SnapshotPlan(SETTINGS)
    assert plan.taken(500) is None
    assert asks(plan, 100)
    assert plan.taken(99) is None
    assert plan.taken(120) == 120
    assert plan.taken(120) is None


def test_it_waits_longer_while_one_is_sent_but_not_for_ever() -> None:
    plan = SnapshotPlan(SETTINGS)
    assert not asks(plan, 399, size=19_999, sending=True)
    assert asks(plan, 400, sending=True)


def test_nothing_is_due_where_nothing_was_applied_since_the_last() -> None:
    plan = SnapshotPlan(SETTINGS)
    assert not asks(plan, 100, size=6_000, included=100)
