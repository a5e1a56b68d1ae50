"""What a run must have achieved to mean anything: decided before it begins, in one place.

A run that is green while little was asked and little was broken is the enemy, so its lack of load
or of bite makes it unknown.
"""

from __future__ import annotations

from typing import Final, Self

import msgspec

WHOLE_SECONDS: Final = 60.0
"""Faults for so long are a whole run, of which everything is demanded; of a shorter, its share."""


class Demands(msgspec.Struct, frozen=True, kw_only=True):
    """The least of everything, counted from the first fault to the heal.

    *ok_a_second* counts only the time in which, by the journal of faults, a quorum could talk;
    *fault_seconds* that in which any fault was on.  *whole_deck*: every kind of fault has bitten,
    a partition, a kill and a pause have each made another node lead, and every node that is a
    member in the end has installed a snapshot.
    """

    ok_a_second: float = 50.0
    ok_operations: int = 2_000
    acknowledged_changes: int = 500
    fault_seconds: float = 45.0
    leader_changes: int = 3
    whole_deck: bool = True

    @classmethod
    def of(cls, faults_seconds: float) -> Self:
        """What a deck that is dealt for so long must achieve."""
        whole = cls()
        share = faults_seconds / WHOLE_SECONDS
        if share >= 1:
            return whole
        return cls(
            ok_operations=int(whole.ok_operations * share),
            acknowledged_changes=int(whole.acknowledged_changes * share),
            fault_seconds=whole.fault_seconds * share,
            leader_changes=0,  # by chance it may deal none of the faults that are there for it
            whole_deck=False,
        )
