"""No schedule that Hypothesis finds breaks the core."""

from __future__ import annotations

from hypothesis import settings

from tests.properties.any_membership import AnyMembership
from tests.properties.any_schedule import AnySchedule, AnyScheduleOfBatches
from tests.properties.any_snapshots import AnySnapshots
from tests.properties.any_transfers import AnyTransfers

TestAnySchedule = AnySchedule.TestCase
TestAnySchedule.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)

TestAnyScheduleOfBatches = AnyScheduleOfBatches.TestCase
TestAnyScheduleOfBatches.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None
)

TestAnySnapshots = AnySnapshots.TestCase
TestAnySnapshots.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)

TestAnyMembership = AnyMembership.TestCase
TestAnyMembership.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)

TestAnyTransfers = AnyTransfers.TestCase
TestAnyTransfers.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
