"""*alive*: no node ended that the harness did not end, none halted, none raised."""

from __future__ import annotations

from typing import Final

from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts.check import Check, listed
from jepsen_lite.verdicts.evidence import Evidence

NAME = "alive"

_CRIES: Final = ("Traceback (most recent call last)", "does not hold:")
"""What a log must not hold: an exception nobody handled, or an invariant that is broken."""


def check_alive(evidence: Evidence) -> Check:
    """Look at how processes ended and at what they said."""
    wrong = list(evidence.ending.unexpected_ends)
    for node, log in evidence.logs().items():
        wrong += (f"{node}'s log has: {cry}" for cry in _CRIES if cry in log)
    if wrong:
        return Check(NAME, Verdict.FALSE, listed(wrong), {"wrong": wrong})
    starts = sum(one.event.value == "started" for one in evidence.processes)
    return Check(NAME, Verdict.TRUE, f"of {starts} starts none ended by itself")
